"""What may be reported: the city's categories as services, but for the one that is on no list."""

import msgspec

from app.db import Connection, many, queries_beside
from app.errors import Language, NotFound
from feedback.open311.asked import Asked
from feedback.open311.models import Attribute, Service, ServiceDefinition, Value

sql = queries_beside(__file__)

URGENT = "urgent"


class UnknownService(NotFound):
    """Không có service_code {asked}.

    There is no service {asked}."""


class _Category(msgspec.Struct, frozen=True):
    service_code: str
    service_name: str
    description: str
    keywords: str
    group: str
    photo: bool
    place_precision_m: int


_WORDS: dict[Language, dict[str, str]] = {
    "vi": {
        "urgent": "Có nguy hiểm ngay cho người qua lại không?",
        "urgent_datatype": "true hoặc false",
        "true": "Có",
        "false": "Không",
        "photo": "Cần ít nhất một ảnh: gửi media (tệp) hoặc media_url (https).",
        "place": "Vị trí chỉ được công khai chính xác đến {metres} m.",
        "read": "Chỉ để đọc",
    },
    "en": {
        "urgent": "Is somebody in danger right now?",
        "urgent_datatype": "true or false",
        "true": "Yes",
        "false": "No",
        "photo": "A photo is needed: send media (a file) or media_url (https).",
        "place": "The public sees the place to {metres} m only.",
        "read": "Only to be read",
    },
}


async def all_of_them(db: Connection, asked: Asked) -> list[Service]:
    """Every service."""
    return [
        Service(
            service_code=category.service_code,
            service_name=category.service_name,
            description=category.description,
            metadata=True,
            type="realtime",
            keywords=category.keywords,
            group=category.group,
        )
        for category in await many(_Category, db, sql.service_categories, asked.language)
    ]


async def define(db: Connection, asked: Asked, code: str) -> ServiceDefinition:
    """What a service asks besides, and what is good to know of it; raises UnknownService."""
    categories = await many(_Category, db, sql.service_categories, asked.language)
    for category in categories:
        if category.service_code == code:
            return ServiceDefinition(service_code=code, attributes=_attributes(category, _WORDS[asked.language]))
    raise UnknownService(asked=code)


def _attributes(category: _Category, words: dict[str, str]) -> list[Attribute]:
    urgent = Attribute(
        variable=True,
        code=URGENT,
        datatype="singlevaluelist",
        required=False,
        datatype_description=words["urgent_datatype"],
        order=1,
        description=words["urgent"],
        values=[Value(key=key, name=words[key]) for key in ("true", "false")],
    )
    notices = {
        "photo": words["photo"] if category.photo else "",
        "place": words["place"].format(metres=category.place_precision_m) if category.place_precision_m else "",
    }
    told = [(code, text) for code, text in notices.items() if text]
    return [
        urgent,
        *(
            Attribute(
                variable=False,
                code=code,
                datatype="text",
                required=False,
                datatype_description=words["read"],
                order=order,
                description=text,
                values=[],
            )
            for order, (code, text) in enumerate(told, 2)
        ),
    ]


async def named(db: Connection, codes: list[str] | None) -> list[str]:
    """These services, or all; raises UnknownService."""
    known: list[str] = await db.fetchval(sql.service_codes)
    for code in codes or ():
        if code not in known:
            raise UnknownService(asked=code)
    return codes or known
