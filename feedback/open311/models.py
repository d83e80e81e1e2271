"""Nouns as the standard names them; the order of the fields is that of the answers."""

from typing import Literal

from app.types import Answer

Status = Literal["open", "closed"]


class Service(Answer):
    """What may be reported. `keywords`: with commas between them."""

    service_code: str
    service_name: str
    description: str
    metadata: bool
    type: Literal["realtime"]
    keywords: str
    group: str


class Value(Answer):
    """One of the answers that an attribute takes."""

    key: str
    name: str


class Attribute(Answer):
    """What a service asks besides, or (`variable` false) only wants to be read."""

    variable: bool
    code: str
    datatype: Literal["string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"]
    required: bool
    datatype_description: str
    order: int
    description: str
    values: list[Value]


class ServiceDefinition(Answer):
    """A service's attributes."""

    service_code: str
    attributes: list[Attribute]


class ExtendedAttributes(Answer):
    """What the standard has no field for. `detailed_status`: the step that the report is at. `photos`: all of them.

    `place_precision_m`: the place is told as exactly as that; 0: as it is."""

    detailed_status: str
    ward: str
    ward_name: str
    place_precision_m: int
    urgent: bool
    followers: int
    reopened: int
    rating: str | None
    photos: list[str]


class ServiceRequest(Answer):
    """A public report. Moments are ISO 8601 by the city's clock."""

    service_request_id: str
    status: Status
    status_notes: str | None
    service_name: str
    service_code: str
    description: str
    agency_responsible: str | None
    service_notice: str | None
    requested_datetime: str
    updated_datetime: str
    expected_datetime: str
    address: str | None
    address_id: str | None
    zipcode: str | None
    lat: float
    long: float
    media_url: str | None


class ExtendedRequest(ServiceRequest):
    """The same for whoever asks with `extensions=true`."""

    extended_attributes: ExtendedAttributes


class FiledRequest(Answer):
    """What became of a request that was sent. `account_id`: as it was sent."""

    service_request_id: str
    service_notice: str
    account_id: str | None


class TokenAnswer(Answer):
    """Which request a token stands for. Here it is the request's own id, which is given at once."""

    service_request_id: str
    token: str


class RequestUpdate(Answer):
    """Something that was done to a public report, and what it was then."""

    update_id: str
    service_request_id: str
    status: Status
    updated_datetime: str
    description: str
    media_url: str | None


class UpdateTaken(Answer):
    """An update that was sent and is kept, by its sender's id."""

    update_id: str


class Endpoint(Answer):
    """Where an API of this city is."""

    specification: str
    url: str
    changeset: str
    type: Literal["production", "test"]
    formats: list[str]


class Discovery(Answer):
    """Which APIs there are, whom to ask, and how to get a key."""

    changeset: str
    contact: str
    key_service: str
    endpoints: list[Endpoint]


class ErrorLine(Answer):
    """A reason for a no. `code`: the HTTP status, which is what the standard wants."""

    code: str
    description: str
