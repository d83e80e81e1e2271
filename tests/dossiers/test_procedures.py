"""The doors of procedures: what everybody reads, and how a version comes into force."""

from copy import deepcopy
from typing import Any

import httpx
import msgspec
import pytest

from app.clock import city_today
from app.db import Connection
from dossiers.procedures import loading, versions
from dossiers.procedures.definitions import Definition
from dossiers.procedures.versions import UnknownProcedure
from tests.makers import StaffMember, a_resident, a_staff_member

CATALOGUE = loading.read()
OPEN = "/v1/dossiers/procedures"
STAFF = "/v1/staff/procedures"
CODE = "7.123456"
EN = {"accept-language": "en"}


@pytest.fixture
async def catalogue(db: Connection) -> int:
    return await loading.load(db)


async def a_keeper(db: Connection) -> StaffMember:
    return await a_staff_member(db, role="agency_head", agency="justice", name="Nguyễn Thị Kim Long")


def a_definition(**changes: Any) -> dict[str, Any]:
    """The death's, under another name."""
    made = msgspec.to_builtins(CATALOGUE["1.000656"])
    return made | {"name": {"vi": "Thủ tục thử nghiệm", "en": "A procedure to try"}} | changes


async def a_draft(desk: httpx.AsyncClient, who: StaffMember, version: int = 1, **body: Any) -> httpx.Response:
    body = {"definition": a_definition()} | body
    return await desk.put(f"{STAFF}/{CODE}/versions/{version}", headers=who.headers, json=body)


async def publish(desk: httpx.AsyncClient, who: StaffMember, version: int = 1, edit: int = 1) -> httpx.Response:
    url = f"{STAFF}/{CODE}/versions/{version}/publication"
    return await desk.put(url, headers=who.headers, json={"edit": edit})


async def codes(desk: httpx.AsyncClient, **params: Any) -> list[str]:
    answer = await desk.get(OPEN, params={"limit": 100, **params})
    assert answer.status_code == 200, answer.text
    return [line["code"] for line in answer.json()["items"]]


# What everybody reads


async def test_a_procedure_is_found_by_words_without_accents(desk: httpx.AsyncClient, catalogue: int) -> None:
    assert set(await codes(desk, q="khai sinh")) == {"1.001193", "1.004884"}
    assert await codes(desk, q="ket hon") == ["1.000894"]
    assert await codes(desk, q="1.013978") == ["1.013978"]
    assert await codes(desk, q="không có đâu") == []


async def test_a_procedure_is_found_by_agency_field_and_level(desk: httpx.AsyncClient, catalogue: int) -> None:
    assert set(await codes(desk, agency="residence-police")) == {"1.004222", "1.004194"}
    at_a_ward = set(await codes(desk, agency="counter-an-cuu"))
    assert "1.001193" in at_a_ward
    assert "1.004222" not in at_a_ward
    assert await codes(desk, agency="counter-city") == []
    assert set(await codes(desk, field="certification")) == {"2.000815", "2.000884"}
    assert "1.000894" not in await codes(desk, online_level="full")


async def test_pages_hold_each_procedure_once(desk: httpx.AsyncClient, catalogue: int) -> None:
    found: list[str] = []
    params: dict[str, Any] = {"limit": 5}
    while True:
        page = (await desk.get(OPEN, params=params)).json()
        found += [line["code"] for line in page["items"]]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert sorted(found) == sorted(CATALOGUE)
    assert found == await codes(desk)


async def test_a_line_says_what_it_takes_and_costs_at_the_least_and_the_most(
    desk: httpx.AsyncClient, catalogue: int
) -> None:
    [line] = (await desk.get(OPEN, params={"q": "tinh trang hon nhan"}, headers=EN)).json()["items"]
    assert line == {
        "code": "1.004873", "name": "Confirmation of marital status", "field": "civil_status",
        "field_name": "Civil status", "online_level": "full",
        "least_days": 2, "most_days": 8, "least_fee": 5_000, "most_fee": 10_000,
    }  # fmt: skip


async def test_a_procedure_is_shown_whole_in_the_callers_language(desk: httpx.AsyncClient, catalogue: int) -> None:
    shown = (await desk.get(f"{OPEN}/1.004884")).json()
    assert shown["name"] == "Đăng ký lại khai sinh"
    assert list(shown["form"]["properties"])[:3] == ["person_name", "person_sex", "person_born_on"]
    assert shown["form"]["properties"]["person_sex"]["names"] == {"male": "Nam", "female": "Nữ"}
    [verifying] = [state for state in shown["states"] if state["code"] == "verifying"]
    assert verifying["agency"] == "Sở Tư pháp"
    assert verifying["department"] == "Phòng Hành chính và Bổ trợ tư pháp"
    assert len(shown["agencies"]) == 40
    assert {agency["ward"] is None for agency in shown["agencies"]} == {False}
    assert shown["legal_basis"][0]["number"] == "123/2015/NĐ-CP"
    said = (await desk.get(f"{OPEN}/1.004884", headers=EN)).text
    assert "Registering a birth again" in said
    assert "title_en" not in said
    assert '"names":{"male":"Male","female":"Female"}' in said.replace(" ", "")


async def test_no_procedure_is_not_found(desk: httpx.AsyncClient) -> None:
    for code in ("1.001193", "x", "1.001193%0A", "%00"):
        answer = await desk.get(f"{OPEN}/{code}")
        assert answer.status_code in {400, 404}, code
    assert (await desk.get(f"{OPEN}/1.001193")).json()["type"] == "urn:huong:problem:UnknownProcedure"


# How a version comes into force


async def test_what_one_writes_another_publishes(desk: httpx.AsyncClient, db: Connection) -> None:
    author, publisher = await a_keeper(db), await a_keeper(db)
    draft = await a_draft(desk, author)
    assert draft.status_code == 200, draft.text
    assert (draft.json()["edit"], draft.json()["findings"], draft.json()["current"]) == (1, [], False)
    assert await codes(desk, q="thử nghiệm") == []
    own = await publish(desk, author)
    assert (own.status_code, own.json()["type"]) == (403, "urn:huong:problem:PublisherIsAuthor")
    done = await publish(desk, publisher)
    assert done.status_code == 200, done.text
    assert done.json()["current"]
    assert await codes(desk, q="thử nghiệm") == [CODE]
    assert (await publish(desk, publisher)).json() == done.json()
    assert (await versions.current(db, CODE)).version == 1


async def test_the_same_draft_again_is_the_same_and_nobody_overwrites_anothers_edit(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    author, other = await a_keeper(db), await a_keeper(db)
    assert (await a_draft(desk, author, edit=3)).json()["type"] == "urn:huong:problem:DraftHasChanged"
    first = await a_draft(desk, author)
    assert (await a_draft(desk, author)).json() == first.json()
    changed = a_definition(online_level="info")
    blind = await a_draft(desk, other, definition=changed)
    assert (blind.status_code, blind.json()["type"]) == (409, "urn:huong:problem:DraftHasChanged")
    assert (await a_draft(desk, other, definition=changed, edit=1)).json()["edit"] == 2
    late = await a_draft(desk, author, definition=a_definition(online_level="partial"), edit=1)
    assert late.status_code == 409
    stale = await publish(desk, author, edit=1)
    assert stale.json()["type"] == "urn:huong:problem:DraftHasChanged"


async def test_a_published_version_never_changes_and_a_newer_one_takes_its_place(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    author, publisher = await a_keeper(db), await a_keeper(db)
    await a_draft(desk, author)
    await publish(desk, publisher)
    frozen = await a_draft(desk, author, definition=a_definition(online_level="info"), edit=1)
    assert frozen.json()["type"] == "urn:huong:problem:VersionFrozen"
    await a_draft(desk, author, 2, definition=a_definition(online_level="info"))
    await a_draft(desk, author, 3, definition=a_definition(online_level="partial"))
    assert (await publish(desk, publisher, 3)).status_code == 200
    assert (await publish(desk, publisher, 2)).json()["type"] == "urn:huong:problem:VersionIsPast"
    assert (await versions.current(db, CODE)).version == 3
    assert (await versions.pinned(db, CODE, 1)).online_level == "full"
    with pytest.raises(UnknownProcedure):
        await versions.pinned(db, CODE, 2)
    listed = (await desk.get(f"{STAFF}/{CODE}/versions", headers=author.headers)).json()["items"]
    assert [(line["version"], line["current"]) for line in listed] == [(3, True), (2, False), (1, False)]


async def test_what_is_broken_may_be_written_down_and_not_published(desk: httpx.AsyncClient, db: Connection) -> None:
    broken = a_definition(field="astronomy")
    broken["flow"] = deepcopy(broken["flow"])
    broken["flow"]["states"][0]["limit_minutes"] = 60_000
    author, publisher = await a_keeper(db), await a_keeper(db)
    draft = (await a_draft(desk, author, definition=broken)).json()
    assert {finding["code"] for finding in draft["findings"]} == {"missing", "limits_too_long"}
    refused = await publish(desk, publisher)
    assert (refused.status_code, refused.json()["type"]) == (400, "urn:huong:problem:DefinitionBroken")
    assert refused.json()["errors"] == draft["findings"]


async def test_a_version_is_decoded_once_and_what_was_rolled_back_is_not_remembered(db: Connection) -> None:
    await loading.load(db)
    kept = await versions.pinned(db, "1.001193", 1)
    assert await versions.pinned(db, "1.001193", 1) is kept
    trial = db.transaction()
    await trial.start()
    changed = msgspec.structs.replace(kept, online_level="info")
    await db.execute(versions.sql.put_version, "1.001193", 2, changed, None)
    await versions.put_in_force(db, "1.001193", 2, changed, None)
    assert (await versions.current(db, "1.001193")).definition == changed
    await trial.rollback()
    assert (await versions.current(db, "1.001193")).definition is kept
    await db.execute(versions.sql.put_version, "1.001193", 2, kept, None)
    await versions.put_in_force(db, "1.001193", 2, kept, None)
    assert (await versions.current(db, "1.001193")).definition == kept


async def test_only_the_citys_and_justices_keep_the_catalogue(desk: httpx.AsyncClient, db: Connection) -> None:
    stranger = await a_staff_member(db, role="agency_head", agency="tax")
    admin = await a_staff_member(db, role="admin")
    resident = await a_resident(db)
    assert (await a_draft(desk, stranger)).json()["type"] == "urn:huong:problem:Forbidden"
    assert (await desk.get(STAFF, headers=stranger.headers)).status_code == 403
    assert (await desk.get(STAFF, headers=resident.headers)).status_code == 403
    assert (await a_draft(desk, admin)).status_code == 200


async def test_a_code_or_number_that_is_none_is_refused(desk: httpx.AsyncClient, db: Connection) -> None:
    keeper, body = await a_keeper(db), {"definition": a_definition()}
    bad = await desk.put(f"{STAFF}/birth/versions/1", headers=keeper.headers, json=body)
    assert bad.json()["type"] == "urn:huong:problem:BadProcedureCode"
    for number in ("0", "-1", "10001", "1.0", "٣", "one"):
        answer = await desk.put(f"{STAFF}/{CODE}/versions/{number}", headers=keeper.headers, json=body)
        assert answer.status_code == 404, number


# Reviews


async def review(
    desk: httpx.AsyncClient, who: StaffMember, outcome: str, code: str = "1.001193", year: int | None = None
) -> httpx.Response:
    body = {"year": year or city_today().year, "outcome": outcome, "reason": "Theo kết quả rà soát"}
    return await desk.put(f"{STAFF}/{code}/review", headers=who.headers, json=body)


async def due(desk: httpx.AsyncClient, who: StaffMember) -> set[str]:
    answer = await desk.get(STAFF, headers=who.headers, params={"review_due": "true", "limit": 100})
    return {line["code"] for line in answer.json()["items"]}


async def test_a_review_is_due_until_it_is_made(desk: httpx.AsyncClient, db: Connection, catalogue: int) -> None:
    keeper, other = await a_keeper(db), await a_keeper(db)
    assert await due(desk, keeper) == set(CATALOGUE)
    kept = await review(desk, keeper, "keep")
    assert kept.status_code == 200, kept.text
    assert await due(desk, keeper) == set(CATALOGUE) - {"1.001193"}
    assert (await review(desk, keeper, "keep")).json() == kept.json()
    assert (await review(desk, other, "abolish")).json()["type"] == "urn:huong:problem:ReviewMadeByAnother"
    assert (await review(desk, keeper, "simplify")).json()["outcome"] == "simplify"
    assert (await review(desk, keeper, "keep", year=2021)).json()["type"] == "urn:huong:problem:ReviewYearIsNot"
    await review(desk, keeper, "keep", "1.000656", city_today().year - 1)
    assert "1.000656" in await due(desk, keeper)


async def test_two_people_abolish_and_what_was_filed_keeps_its_version(
    desk: httpx.AsyncClient, db: Connection, catalogue: int
) -> None:
    keeper, other = await a_keeper(db), await a_keeper(db)
    assert (await review(desk, keeper, "abolish")).json()["abolished_at"] is None
    await review(desk, keeper, "abolish")
    assert (await desk.get(f"{OPEN}/1.001193")).status_code == 200
    gone = await review(desk, other, "abolish")
    assert gone.json()["abolished_at"] is not None
    assert (await desk.get(f"{OPEN}/1.001193")).status_code == 404
    assert await codes(desk, q="khai sinh") == ["1.004884"]
    with pytest.raises(UnknownProcedure):
        await versions.current(db, "1.001193")
    assert isinstance(await versions.pinned(db, "1.001193", 1), Definition)
    assert (await review(desk, keeper, "keep")).json()["type"] == "urn:huong:problem:ReviewIsClosed"


async def test_what_is_no_definition_is_refused_where_it_is_wrong(desk: httpx.AsyncClient, db: Connection) -> None:
    keeper, none = await a_keeper(db), a_definition()
    none["flow"] = deepcopy(none["flow"])
    none["flow"]["states"][0]["national"] = 11
    answer = await a_draft(desk, keeper, definition=none)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:huong:problem:Malformed")
    assert answer.json()["errors"][0]["field"] == "definition.flow.states[0].national"
    assert (await a_draft(desk, keeper, definition=a_definition(role="admin"))).status_code == 400
