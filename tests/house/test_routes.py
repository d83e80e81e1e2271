"""Every door, tried by whoever should not pass: strangers, other residents, senders of too much."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest
from litestar.routes import HTTPRoute

from app.db import Connection
from app.deps import let_in
from app.types import Body, Page, cursor_of
from app.uploads import tus
from tests.house.doors import (
    BODIES,
    BY_CODE,
    OPEN311,
    PUBLIC,
    Door,
    Household,
    a_household,
    a_passer,
    a_signer,
    bodies_of,
    doors,
    filled,
    ids_in,
    is_for_residents,
    the_app,
    to_a_stranger,
)
from tests.house.reading import nothing
from tests.makers import a_biller

METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE")

WHOLE = {
    "list_sessions": "a person's devices",
    "list_push_devices": "a person's devices",
    "list_devices": "at most a hundred, the one seen last first",
    "list_passkeys": "ten at most",
    "list_billers": "the city's billers",
    "list_policies": "the city's rules, some dozens",
    "list_bills": "at most a hundred, the due ones first",
    "list_staff_billers": "the city's billers",
    "list_banks": "the country's banks, some forty",
    "list_customer_codes": "what one household keeps",
    "list_merchants": "a hundred at most",
    "list_cashiers": "fifty at most",
    "list_invitations": "fifty at most",
    "list_wards": "forty of them",
    "list_calendar": "some twenty days a year",
    "list_agencies": "the city's own, some dozens",
    "list_consents": "a closed list of purposes",
    "list_retention": "a closed list of holdings",
    "get_statement": "has pages, with the balances at both ends beside them",
    "list_payment_refunds": "a hundred at most",
    "list_suspicion_rules": "a closed list of rules",
    "list_webhook_endpoints": "ten at most",
    "list_api_keys": "ten at most",
    "list_report_categories": "a closed list",
    "list_counter_times": "one day's",
    "list_nearby_reports": "twenty at most, the nearest first",
    "list_delegations": "fifty at most",
    "list_agencies_of_dossiers": "the city's own, some dozens",
}
"""Lists that are answered whole, and why each stays short."""


# Strangers


def test_the_public_doors_are_these() -> None:
    public = {
        (str(method), route.path)
        for route in the_app().routes
        for handler in getattr(route, "route_handlers", ())
        if handler.opt.get("public")
        for method in handler.http_methods
    }
    assert public == PUBLIC


def test_every_door_is_guarded() -> None:
    """A `before_request` of a route's own would stand instead of the guard; an answer kept by the framework, or a
    door that is not HTTP, would not come by it."""
    routes = the_app().routes
    nothing(route.path for route in routes if not isinstance(route, HTTPRoute))
    handlers = [handler for route in routes if isinstance(route, HTTPRoute) for handler in route.route_handlers]
    assert len(handlers) > 200
    nothing(
        handler.handler_name
        for handler in handlers
        if handler.resolve_before_request() is not let_in or handler.cache
    )


async def test_a1_a_stranger_passes_no_other_door(desk: httpx.AsyncClient) -> None:
    """HEAD is tried too: it is answered as GET is."""
    wrong: list[str] = []
    for route in the_app().routes:
        for method in METHODS:
            answer = await desk.request(method, filled(route.path))
            as_what = "GET" if method == "HEAD" else method
            if (as_what, route.path) in PUBLIC:
                fine = answer.status_code not in {403, 405, 500} and b'problem:SignInRequired"' not in answer.content
            elif {method, as_what} & set(route.methods):
                fine = answer.status_code == to_a_stranger(route.path)
            else:
                fine = answer.status_code in {404, 405}
            if not fine:
                wrong.append(f"{method} {route.path}: {answer.status_code}")
    nothing(wrong)


GARBAGE = ("Bearer none", f"Bearer {'0' * 43}", "Bearer ", "Bearer", "Bearer Hương", "Basic aHVvbmc6aHVvbmc=", "")


async def test_a_token_that_opens_nothing_opens_nothing(desk: httpx.AsyncClient) -> None:
    closed = [door for door in doors() if not door.handler.opt.get("public")]
    assert len(closed) > 20
    wrong: list[str] = []
    for door, garbage in itertools.product(closed, GARBAGE):
        headers = {b"authorization": garbage.encode()}
        answer = await desk.request(door.method, filled(door.path), headers=headers)
        if answer.status_code != to_a_stranger(door.path):
            wrong.append(f"{door} with {garbage!r}: {answer.status_code}")
    nothing(wrong)


# Names


def test_every_handler_has_a_name_of_its_own() -> None:
    names = Counter({door.handler.fn: door.name for door in doors()}.values())  # one may have several addresses
    nothing(name for name, times in names.items() if times > 1)


CODES_IN_PATHS = {"/v1/me/consents/{purpose:str}"} | {
    door.path
    for door in doors()
    if any(
        name in door.path
        for name in (
            "{biller_code:",
            "{agency_code:",
            "{policy_code:",
            "{receipt_code:",
            "/calendar/{day:",
            "/pictures/{name:",
            "{agency_code:",
            "{procedure_code:",
            "{result_code:",
            "{dossier_code:",
            "{form_number:",
        )
    )
}
"""Paths that name one of a closed list by its code or number, a thing by its biller's reference, or a day: no id of
ours."""


PROTOCOL = {door.path for door in doors() if door.path.startswith((f"{tus.PATH}/", OPEN311))}
"""Paths whose form is somebody else's; tests/app/uploads/test_tus.py and tests/feedback/test_open311.py try them."""

NOBODYS_OWN = {
    "/v1/wallet/bills/{bill_id:uuid}", "/v1/wallet/bills/{bill_id:uuid}/vietqr",
    "/v1/alerts/{alert_id:uuid}", "/v1/alerts/{alert_id:uuid}/cap",
}  # fmt: skip
"""Paths to what is shown to whoever knows its id."""

STREAMS = {"stream_takings", "charge_pay_code", "get_result"}
"""Doors that tests of their own open: one goes on and on, one wants a result that is signed, one a code
that is good for a minute."""

OTHERS_WORDS = {
    "hear_sepay",
    "hear_casso",
    "hear_public_post",
    "hear_texts",
    "post_service_request",
    "post_service_request_update",
}
"""Doors that take what somebody else's system sends, as it sends it: it may name more than we read."""


def test_an_id_in_a_path_is_named_after_its_resource() -> None:
    wrong: list[str] = []
    for door in (door for door in doors() if door.path not in CODES_IN_PATHS | PROTOCOL):
        segments = door.path.split("/")
        for before, segment in itertools.pairwise(segments):
            if segment.startswith("{") and segment != f"{{{_singular(before)}_id:uuid}}":
                wrong.append(str(door))
    nothing(wrong)


def _singular(segment: str) -> str:
    noun = segment.replace("-", "_")
    if noun.endswith("ss"):
        return noun
    if noun.endswith("ches"):
        return noun.removesuffix("es")
    return noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")


# Other people's things


@dataclass(frozen=True)
class Neighbours:
    """Two households that have nothing to do with each other."""

    mine: Household
    theirs: Household

    def others(self, path: str) -> Iterator[dict[str, UUID]]:
        """Every way to fill a path's ids with mine, theirs and nobody's, but for all of them mine."""
        names = ids_in(path)
        for owners in itertools.product(("mine", "theirs", "nobody"), repeat=len(names)):
            if set(owners) != {"mine"}:
                ids = {"mine": self.mine.ids, "theirs": self.theirs.ids, "nobody": NOBODYS}
                yield {name: ids[owner][name] for name, owner in zip(names, owners, strict=True)}


class _Nobodys(dict[str, UUID]):
    def __missing__(self, name: str) -> UUID:
        return uuid4()


NOBODYS = _Nobodys()


@pytest.fixture
async def neighbours(db: Connection) -> Neighbours:
    await a_biller(db)
    return Neighbours(await a_household(db), await a_household(db))


def _without_its_own_id(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """An answer, but for the id that every request has of its own."""
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, headers, answer.content.replace(answer.headers["x-request-id"].encode(), b"")


async def test_a2_anothers_thing_looks_like_none(
    desk: httpx.AsyncClient, db: Connection, neighbours: Neighbours
) -> None:
    about_one = [
        door
        for door in doors()
        if ids_in(door.path)
        and door.method in {"GET", "DELETE"}
        and is_for_residents(door)
        and door.path not in CODES_IN_PATHS | NOBODYS_OWN | PROTOCOL
    ]
    assert len(about_one) > 5
    headers = neighbours.mine.owner.headers
    for door in about_one:
        unknown = _without_its_own_id(await desk.request(door.method, filled(door.path), headers=headers))
        assert unknown[0] == 404
        for ids in neighbours.others(door.path):
            answer = await desk.request(door.method, filled(door.path, ids), headers=headers)
            assert _without_its_own_id(answer) == unknown, f"{door} with {ids}"
        for household in (neighbours.mine, neighbours.theirs):
            if door.name in STREAMS:
                continue
            answer = await _tried(desk, db, door, household, household.ids)
            assert answer.status_code in {200, 204}, f"{door} is not its owner's"


async def _tried(
    desk: httpx.AsyncClient,
    db: Connection,
    door: Door,
    household: Household,
    ids: Mapping[str, UUID],
    body: Any = None,
) -> httpx.Response:
    """What a household would be answered; what it did is undone."""
    trial = db.transaction()
    await trial.start()
    path, headers = filled(door.path, ids), household.owner.headers
    answer = await desk.request(door.method, path, headers=headers, json=body)
    await trial.rollback()
    return answer


async def test_a3_nothing_is_put_beneath_anothers_thing(
    desk: httpx.AsyncClient, db: Connection, neighbours: Neighbours
) -> None:
    mine, theirs = neighbours.mine, neighbours.theirs
    beneath = [
        door
        for door in doors()
        if len(ids_in(door.path)) > 1 and door.method in {"PUT", "PATCH", "POST"} and is_for_residents(door)
    ]
    assert beneath
    for door in beneath:
        [struct] = bodies_of(door)
        named = {name: str(theirs.ids[name]) for name in struct.__struct_fields__ if name in theirs.ids}
        body = an_example(struct) | named
        names = ids_in(door.path)
        parent = {name: theirs.ids[name] for name in (names[:-1] if door.path.endswith("}") else names)}
        unknown = await _tried(desk, db, door, mine, {}, body)
        answer = await _tried(desk, db, door, mine, parent, body)
        assert unknown.status_code == 404
        assert _without_its_own_id(answer) == _without_its_own_id(unknown), door
        if door.name in STREAMS:
            continue
        answer = await _tried(desk, db, door, theirs, parent, body)
        assert answer.status_code in {200, 201}, f"{door} is not its owner's"


# Bodies

PRIVILEGED = (
    "role", "roles", "grants", "is_admin", "principal_id", "owner_id", "payer_id", "debit_id", "balance",
    "balance_after", "status", "fee", "made_at", "paid_at", "mode", "__proto__", "",
)  # fmt: skip
"""Fields that somebody would love to send."""

EXAMPLES: tuple[object, ...] = (
    1000, True, "vi", "258036", "5812", "19777", "0905123456", "01a1f2c3-0000-7000-8000-000000000000",
    "a-refresh-token-of-a-sort", "Bún bò bên chợ", "android", 30, "operator@hue.example", "operator",
    "2031-01-01T00:00:00+07:00", "Người dân gọi tổng đài báo mất điện thoại",
    "correction", ["phone"], "sign_in", "refused",
    "EC", "P-256", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", {},
    ["bills.read"], ["203.0.113.0/24"], ["payment.received"], ["orders.read"],
    3, "electricity", "^X[0-9]{6}$", "https://biller.example", "a-secret-of-at-least-thirty-two-characters",
    "2031-01-01", "280000000000000006", "photo", "bank_transfer", "complaint", "rejected", "reported", "holiday",
    [], 0.5, "satisfied", "1.001193", 0, "person", "relative", "online", "counter", "proof", "co@hue.example",
    "079203001234", "keep", 2026, "0123456789abcdef" * 4, "waiting", "H57.33", "1",
    "Alert", "Actual", ["Met"], "Immediate", "Severe", "Observed", "https://hue.example",
    "22:00", "token", "burst", ["money"], ["20146"], "alert", "bulk", "/alerts",
    [{"MaHoSo": "G22.99.01-261122-0001", "MaTTHC": "1.001193", "MaDonVi": "H57.33", "ChuHoSo": "Trần Văn Vọng Cảnh"}],
)  # fmt: skip
"""One of these fits every field of every body; a new kind of field may need a new example."""


def an_example(struct: type[Body]) -> dict[str, Any]:
    """A body that is fine, with every field filled."""
    example = {field.encode_name: _fitting(field.type) for field in msgspec.structs.fields(struct)}
    if struct.__struct_config__.tag_field is not None:
        example[struct.__struct_config__.tag_field] = struct.__struct_config__.tag
    return example


def _fitting(type_: Any) -> Any:
    nested = [part for part in (type_, *get_args(type_)) if isinstance(part, type) and issubclass(part, Body)]
    if nested:
        return an_example(nested[0])
    for example in EXAMPLES:
        try:
            msgspec.convert(example, type_)
        except msgspec.ValidationError:
            continue
        return example
    raise AssertionError(f"no example fits {type_}")


def _meta(type_: Any) -> msgspec.Meta | None:
    """The bounds of a field, inside its union with None too."""
    for part in (type_, *get_args(type_)):
        for meta in getattr(part, "__metadata__", ()):
            return meta
    return None


def _too_much(struct: type[Body]) -> Iterator[dict[str, Any]]:
    """Fine bodies with a field too many, in the body or in a struct inside it."""
    fine = an_example(struct)
    for name in PRIVILEGED:
        if name not in fine:
            yield {**fine, name: 1}
    for name, value in fine.items():
        if isinstance(value, dict) and value:  # an empty one stands for what is not ours to close
            yield {**fine, name: {**value, "role": "admin"}}


@pytest.mark.parametrize("struct", BODIES, ids=[struct.__name__ for struct in BODIES])
def test_a_code_takes_no_line_break_after_it(struct: type[Body]) -> None:
    """`$` alone would let one through."""
    fine = an_example(struct)
    for field in msgspec.structs.fields(struct):
        pattern = getattr(_meta(field.type), "pattern", None) or ""
        if pattern.endswith("+$") or "}$" in pattern or "$(" in pattern:
            with pytest.raises(msgspec.ValidationError):
                msgspec.convert({**fine, field.encode_name: f"{fine[field.encode_name]}\n"}, struct)


@pytest.mark.parametrize("struct", BODIES, ids=[struct.__name__ for struct in BODIES])
def test_a_body_takes_no_field_that_it_does_not_name(struct: type[Body]) -> None:
    msgspec.convert(an_example(struct), struct)
    for body in _too_much(struct):
        with pytest.raises(msgspec.ValidationError, match="unknown field"):
            msgspec.convert(body, struct)


def test_every_body_is_one_of_ours() -> None:
    nothing(str(door) for door in doors() for body in bodies_of(door) if body not in BODIES)
    takes_json = [door for door in doors() if "takes" not in door.handler.opt]
    bodiless = {door for door in takes_json if door.method in {"POST", "PUT", "PATCH"} and not bodies_of(door)}
    assert {door.name for door in bodiless} == OTHERS_WORDS


async def test_a5_a_field_too_many_is_refused_at_every_door(desk: httpx.AsyncClient, db: Connection) -> None:
    tried: list[str] = []
    wrong: list[str] = []
    for door in doors():
        headers, auth = await a_passer(db, door), await a_signer(db, door)
        for struct in bodies_of(door):
            for body in _too_much(struct):
                async with asyncio.timeout(5):
                    answer = await desk.request(door.method, filled(door.path), headers=headers, json=body, auth=auth)
                tried.append(str(door))
                if (answer.status_code, answer.json().get("type")) != (400, "urn:huong:problem:Malformed"):
                    wrong.append(f"{door}: {answer.status_code} for {body}")
    assert len(tried) > 200
    nothing(wrong)


# Lists

PAGED = [door for door in doors() if get_origin(door.hints["return"]) is Page]


def test_a_list_has_pages_or_a_reason_to_have_none() -> None:
    whole = {
        door.name
        for door in doors()
        if get_origin(door.hints["return"]) is list
        or ("items" in getattr(door.hints["return"], "__struct_fields__", ()) and door not in PAGED)
    }
    assert whole == set(WHOLE)


async def test_a4_a_list_refuses_what_is_no_page_of_it(
    desk: httpx.AsyncClient, db: Connection, neighbours: Neighbours
) -> None:
    assert len(PAGED) > 2
    forged = [cursor_of(), cursor_of("1"), cursor_of(1, 1), cursor_of(1.5), cursor_of(None), cursor_of(2**63)]
    for door in PAGED:
        path = filled(door.path, neighbours.mine.ids | BY_CODE)
        headers = neighbours.mine.owner.headers if is_for_residents(door) else await a_passer(db, door)
        auth = await a_signer(db, door)
        whose = {"phone": neighbours.mine.owner.phone} if door.name == "trace_messages" else {}
        for limit in ("1", "100"):
            asked = {"limit": limit, **whose}
            assert (await desk.get(path, headers=headers, params=asked, auth=auth)).status_code == 200
        for limit in ("101", "0", "-1", "1.5", "", "ten", str(2**63), str(2**64)):
            answer = await desk.get(path, headers=headers, params={"limit": limit, **whose}, auth=auth)
            assert answer.status_code == 400, f"{door}?limit={limit}"
        for cursor in ("", "1", "!", "Hương", "\x00", "A" * 200, "A" * 201, *forged):
            answer = await desk.get(path, headers=headers, params={"cursor": cursor, **whose}, auth=auth)
            assert answer.status_code == 400, f"{door}?cursor={cursor!r}"
