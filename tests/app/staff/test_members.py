"""Members: an admin invites, the first two are invited at the command line, and whoever leaves is out at once."""

import asyncio

import httpx
import pytest
from click.testing import CliRunner

from app import cli
from app.cli import staff_invite
from app.db import Connection
from app.errors import Refusal
from app.staff import members
from app.staff.members import AdminsAreThere, EmailInUse, UnknownAgency
from app.types import new_id
from tests.app.staff.browser import Browser, problem
from tests.conftest import City, StandIns
from tests.makers import a_resident, a_staff_member
from tests.statements import sql

MOI = {"name": "Hồ Văn Mới", "email": "Moi@hue.example", "phone": "0905 123 456"}
REASON = {"reason": "Thôi việc"}


def path_of(member_id: object) -> str:
    return f"/v1/staff/members/{member_id}"


# Invited


async def test_whoever_is_invited_may_sign_in_and_do_nothing(
    db: Connection, desk: httpx.AsyncClient, stand_ins: StandIns
) -> None:
    admin, member_id = await a_staff_member(db, role="admin"), new_id()
    invited = await desk.put(path_of(member_id), headers=admin.headers, json=MOI)
    assert invited.status_code == 200
    made = invited.json()
    assert (made["id"], made["email"], made["phone"]) == (str(member_id), "moi@hue.example", "+84905123456")
    assert (made["grants"], made["linked_at"], made["closed_at"]) == ([], None, None)
    browser = Browser(desk)
    assert (await browser.sign_in(stand_ins, "new:moi@hue.example")).status_code == 303
    assert (await browser.look_around())["grants"] == []
    assert problem(await browser.get("/v1/staff/members")) == (403, "Forbidden")
    [row] = await db.fetch(sql.audited, "staff.member_invited")
    assert (row["actor_id"], row["subject"]) == (admin.id, str(member_id))
    assert "0905" not in str(row)


async def test_the_same_invitation_again_is_the_same_and_another_is_refused(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    admin, member_id = await a_staff_member(db, role="admin"), new_id()
    first = await desk.put(path_of(member_id), headers=admin.headers, json=MOI)
    again = await desk.put(path_of(member_id), headers=admin.headers, json=MOI)
    assert (again.status_code, again.json()) == (200, first.json())
    other = await desk.put(path_of(member_id), headers=admin.headers, json=MOI | {"name": "Ai Khác"})
    assert problem(other) == (409, "MemberIdTaken")
    twin = await desk.put(path_of(new_id()), headers=admin.headers, json=MOI | {"email": "moi@HUE.example"})
    assert problem(twin) == (409, "EmailInUse")
    resident = await a_resident(db)
    assert problem(await desk.put(path_of(resident.id), headers=admin.headers, json=MOI)) == (409, "MemberIdTaken")


async def test_a_members_number_stays_their_own_as_a_resident(db: Connection, desk: httpx.AsyncClient) -> None:
    admin, resident = await a_staff_member(db, role="admin"), await a_resident(db)
    invited = await desk.put(path_of(new_id()), headers=admin.headers, json=MOI | {"phone": resident.phone})
    assert invited.status_code == 200
    assert (await desk.get("/v1/me", headers=resident.headers)).json()["phone"] == resident.phone


@pytest.mark.parametrize(
    "body",
    [
        {}, {"name": "A"}, MOI | {"email": "moi"}, MOI | {"email": "moi@hue"}, MOI | {"email": "a@b.c\n"},
        MOI | {"email": "mới@hue.example"}, MOI | {"email": f"{'m' * 250}@hue.example"}, MOI | {"phone": "113"},
        MOI | {"role": "admin"}, MOI | {"grants": []}, MOI | {"name": "\x00"},
    ],
)  # fmt: skip
async def test_what_is_no_invitation(db: Connection, desk: httpx.AsyncClient, body: dict[str, object]) -> None:
    admin = await a_staff_member(db, role="admin")
    answer = await desk.put(path_of(new_id()), headers=admin.headers, json=body)
    assert answer.status_code == 400, answer.text


async def test_members_come_in_pages_newest_first(db: Connection, desk: httpx.AsyncClient) -> None:
    admin = await a_staff_member(db, role="admin")
    made = [admin.id] + [(await a_staff_member(db)).id for _ in range(4)]
    seen: list[str] = []
    query: dict[str, str] = {"limit": "2"}
    while True:
        page = (await desk.get("/v1/staff/members", headers=admin.headers, params=query)).json()
        assert len(page["items"]) <= 2
        seen += [member["id"] for member in page["items"]]
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert seen[:5] == [str(member_id) for member_id in reversed(made)]
    assert len(seen) == len(set(seen))


# Closed


async def test_whoever_leaves_is_out_at_once_and_for_good(
    db: Connection, desk: httpx.AsyncClient, stand_ins: StandIns
) -> None:
    admin, member = await a_staff_member(db, role="admin"), await a_staff_member(db, role="clerk")
    browser = Browser(desk)
    await browser.sign_in(stand_ins, f"new:{member.email}")
    closed = await desk.put(f"{path_of(member.id)}/closure", headers=admin.headers, json=REASON)
    assert closed.status_code == 200
    assert closed.json()["closed_at"] is not None
    assert closed.json()["grants"] == []
    for headers in (member.headers, browser.headers):
        assert problem(await desk.get("/v1/staff/session", headers=headers)) == (401, "SignInRequired")
    assert problem(await browser.sign_in(stand_ins, f"new:{member.email}")) == (403, "NotAMember")
    grants = await desk.get("/v1/staff/grants", headers=admin.headers, params={"principal_id": str(member.id)})
    assert [grant["status"] for grant in grants.json()["items"]] == ["revoked"]
    again = await desk.put(f"{path_of(member.id)}/closure", headers=admin.headers, json=REASON)
    assert (again.status_code, again.json()) == (200, closed.json())
    assert len(await db.fetch(sql.audited, "staff.member_closed")) == 1


async def test_an_e_mail_is_free_again_when_its_member_has_left(
    db: Connection, desk: httpx.AsyncClient, stand_ins: StandIns
) -> None:
    admin, member = await a_staff_member(db, role="admin"), await a_staff_member(db)
    browser = Browser(desk)
    await browser.sign_in(stand_ins, f"new:{member.email}")
    await desk.put(f"{path_of(member.id)}/closure", headers=admin.headers, json=REASON)
    back = new_id()
    invited = await desk.put(path_of(back), headers=admin.headers, json={"name": "Trở Lại", "email": member.email})
    assert invited.status_code == 200
    await browser.sign_in(stand_ins, f"new:{member.email}")
    assert (await browser.look_around())["member_id"] == str(back)


async def test_there_is_always_an_admin(db: Connection, desk: httpx.AsyncClient) -> None:
    admin = await a_staff_member(db, role="admin")
    alone = await desk.put(f"{path_of(admin.id)}/closure", headers=admin.headers, json=REASON)
    assert problem(alone) == (409, "LastAdmin")
    assert (await desk.get("/v1/staff/session", headers=admin.headers)).status_code == 200
    await a_staff_member(db, role="admin")
    assert (await desk.put(f"{path_of(admin.id)}/closure", headers=admin.headers, json=REASON)).status_code == 200


async def test_who_is_not_a_member_cannot_be_closed(db: Connection, desk: httpx.AsyncClient) -> None:
    admin, resident = await a_staff_member(db, role="admin"), await a_resident(db)
    for other in (new_id(), resident.id):
        answer = await desk.put(f"{path_of(other)}/closure", headers=admin.headers, json=REASON)
        assert problem(answer) == (404, "NotFound")
    assert (await desk.get("/v1/me", headers=resident.headers)).status_code == 200


# The first two


async def test_the_first_two_admins_and_a_third_are_invited_at_the_command_line(db: Connection) -> None:
    for email in ("mot@hue.example", "hai@hue.example", "ba@hue.example"):
        admin = await members.invite_first_admin(db, email, "Quản Trị", "city")
        assert [(grant.agency, grant.role) for grant in admin.grants] == [("city", "admin")]
    with pytest.raises(AdminsAreThere):
        await members.invite_first_admin(db, "bon@hue.example", "Quản Trị", "city")
    rows = await db.fetch(sql.audited, "staff.first_admin_invited")
    assert [row["actor_id"] for row in rows] == [None, None, None]


@pytest.mark.parametrize(("email", "agency", "refusal"), [
    ("mot@hue.example", "city", EmailInUse), ("hai@hue.example", "nowhere", UnknownAgency),
])  # fmt: skip
async def test_a_first_admin_has_an_e_mail_of_their_own_and_an_agency(
    db: Connection, email: str, agency: str, refusal: type[Refusal]
) -> None:
    await members.invite_first_admin(db, "mot@hue.example", "Quản Trị", "city")
    with pytest.raises(refusal):
        await members.invite_first_admin(db, email, "Quản Trị", agency)


async def test_six_invitations_at_once_make_three_admins(city: City) -> None:
    async def invite(n: int) -> bool:
        try:
            async with city.database.transaction() as db:
                await members.invite_first_admin(db, f"admin{n}@hue.example", "Quản Trị", "city")
        except AdminsAreThere:
            return False
        return True

    assert sorted(await asyncio.gather(*(invite(n) for n in range(6)))) == [False] * 3 + [True] * 3


async def test_the_command_says_what_it_did_or_why_not(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.config, "settings", lambda: city.settings)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(staff_invite, arguments)
        return done.exit_code, done.output.strip() or str(done.exception)

    assert await asyncio.to_thread(run, "mot@hue.example", "Quản Trị") == (
        0,
        "mot@hue.example may sign in as admin of city",
    )
    status, said = await asyncio.to_thread(run, "nobody", "Quản Trị")
    assert (status, "cannot be an e-mail" in said) == (1, True)
    status, said = await asyncio.to_thread(run, "mot@hue.example", "Quản Trị")
    assert (status, said) == (1, "huong: Another member of staff has this e-mail.")
    status, said = await asyncio.to_thread(run, "--role", "finance", "hai@hue.example", "Quản Trị")
    assert status == 2
