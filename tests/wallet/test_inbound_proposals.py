"""Money at the bank that no machine told of, or told wrong: two of finance bring it into the books, once."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.conftest import City, StandIns
from tests.makers import Resident, StaffMember, a_resident, a_shop, a_staff_member
from tests.wallet.banking import broken_laws
from tests.wallet.telling import balance, casso, check_suspense, notices, of_casso, of_sepay, refused, sepay
from wallet import ledger, qr

pytestmark = pytest.mark.usefixtures("stand_ins")

AMOUNT = 200_000


async def people(city: City) -> tuple[StaffMember, StaffMember, Resident, str]:
    """Two of finance, and somebody with the code of a top-up."""
    async with city.database.transaction() as db:
        one, other = await a_staff_member(db, role="finance"), await a_staff_member(db, role="finance")
        me = await a_resident(db)
    body = {"amount": AMOUNT, "method": "bank_transfer"}
    answer = await city.client.put(f"/v1/wallet/top-ups/{uuid4()}", headers=me.headers, json=body)
    return one, other, me, answer.json()["code"]


def told(content: str, **other: object) -> dict[str, object]:
    """What a member of finance reads from the bank's statement."""
    return {
        "kind": "tell",
        "amount": AMOUNT,
        "bank_reference": "ft 26 328.1",
        "content": content,
        "occurred_at": "2026-11-24T14:02:37+07:00",
        "note": "Sao kê ngày 24/11, dòng 17",
        **other,
    }


async def put(
    city: City, who: StaffMember, transfer_id: object, body: Mapping[str, object], rest: str = ""
) -> httpx.Response:
    return await city.client.put(f"/v1/staff/inbound-transfers/{transfer_id}{rest}", headers=who.headers, json=body)


async def booked(city: City, one: StaffMember, other: StaffMember, body: Mapping[str, object]) -> dict[str, Any]:
    """Told by one, agreed on by another."""
    transfer_id = uuid4()
    proposed = await put(city, one, transfer_id, body)
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed"), proposed.text
    answer = await put(city, other, transfer_id, {}, "/approval")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def check_all(city: City) -> None:
    await check_suspense(city)
    assert await broken_laws(city) == []


async def test_a_transfer_that_nobody_told_of_is_credited_once_and_its_late_notice_is_a_duplicate(
    city: City, stand_ins: StandIns
) -> None:
    """The bank's notice is lost for ever: its statement has the line, and we have not."""
    one, other, me, code = await people(city)
    transfer_id = uuid4()
    proposed = await put(city, one, transfer_id, told(f"{code} nap vi"))
    assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed"), proposed.text
    assert (await put(city, one, transfer_id, told(f"{code} nap vi"))).json() == proposed.json(), (
        "the same is the same"
    )
    assert await balance(city, me.id) == 0, "one alone books nothing"
    alone = await put(city, one, transfer_id, {}, "/approval")
    assert refused(alone) == (403, "TransferNeedsSecondPairOfEyes")
    answers = await asyncio.gather(*(put(city, other, transfer_id, {}, "/approval") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert {(answer.json()["status"], answer.json()["matched_kind"]) for answer in answers} == {("matched", "top_up")}
    assert await balance(city, me.id) == AMOUNT
    late = await casso(city, of_casso(AMOUNT, f"{code} nap vi", reference="FT26328.1"))
    assert late.status_code == 200
    assert [notice.status for notice in await notices(city)] == ["matched", "duplicate"]
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)


async def test_one_that_is_told_meanwhile_by_a_machine_is_not_booked_again(city: City) -> None:
    one, other, me, code = await people(city)
    transfer_id = uuid4()
    await put(city, one, transfer_id, told(code))
    await casso(city, of_casso(AMOUNT, code, reference="FT26328.1"))
    assert await balance(city, me.id) == AMOUNT
    assert refused(await put(city, other, transfer_id, {}, "/approval")) == (409, "TransferIsKnown")
    assert refused(await put(city, one, uuid4(), told(code))) == (409, "TransferIsKnown")
    assert (await put(city, one, transfer_id, {}, "/refusal")).json()["status"] == "refused"
    assert refused(await put(city, other, transfer_id, {}, "/approval")) == (409, "TransferIsDecided")
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)


async def test_two_real_transfers_under_one_reference_are_both_booked_in_the_end(city: City) -> None:
    """A bank that counts its references anew every day."""
    one, other, me, code = await people(city)
    await casso(city, of_casso(AMOUNT, "first of somebody", reference="1234"))
    await casso(city, of_casso(AMOUNT, f"{code} second", reference="1234"))
    first, second = await notices(city)
    assert (first.status, second.status) == ("suspense", "duplicate")
    again = {"kind": "retell", "transfer_id": str(second.id), "note": "Sao kê có hai dòng"}
    assert (await booked(city, one, other, again))["status"] == "matched"
    assert (await balance(city, me.id), await balance(city, ledger.SUSPENSE)) == (AMOUNT, AMOUNT)
    assert refused(await put(city, one, uuid4(), again)) == (409, "TransferIsKnown"), "once"
    first_again = {"kind": "retell", "transfer_id": str(first.id), "note": "Nhầm"}
    assert refused(await put(city, one, uuid4(), first_again)) == (409, "TransferIsBooked")
    await check_all(city)


async def test_what_came_in_while_our_account_was_misspelt_is_booked_after_all(city: City) -> None:
    one, other, me, code = await people(city)
    await casso(city, of_casso(AMOUNT, code, accountNumber="1900190091"))
    [elsewhere] = await notices(city)
    assert elsewhere.status == "elsewhere"
    again = {"kind": "retell", "transfer_id": str(elsewhere.id), "note": "Cấu hình sai số tài khoản"}
    assert (await booked(city, one, other, again))["status"] == "matched"
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)


async def test_words_that_say_nothing_wait_in_suspense(city: City) -> None:
    one, other, _, _ = await people(city)
    assert (await booked(city, one, other, told("chuyen tien")))["status"] == "suspense"
    assert await balance(city, ledger.SUSPENSE) == AMOUNT
    await check_all(city)


async def test_a_shop_is_paid_through_its_virtual_account(city: City) -> None:
    one, other, _, _ = await people(city)
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    through = qr.read(shop.qr).account
    assert (await booked(city, one, other, told("an sang", virtual_account=through)))["matched_kind"] == "merchant"
    assert await balance(city, shop.id) == AMOUNT
    nobodys = await put(city, one, uuid4(), told("an sang", virtual_account="123NOBODY", bank_reference="other"))
    assert refused(nobodys) == (400, "NoSuchVirtualAccount")


async def test_other_content_under_the_same_id_and_a_strangers_deed_are_refused(city: City) -> None:
    one, other, _, code = await people(city)
    async with city.database.transaction() as db:
        clerk = await a_staff_member(db, role="clerk")
    transfer_id = uuid4()
    await put(city, one, transfer_id, told(code))
    assert refused(await put(city, one, transfer_id, told(code, amount=1))) == (409, "TransferIdTaken")
    assert refused(await put(city, other, transfer_id, told(code))) == (409, "TransferIdTaken")
    assert (await put(city, clerk, transfer_id, {}, "/approval")).status_code == 403
    assert (await put(city, other, uuid4(), {}, "/approval")).status_code == 404
    await casso(city, of_casso(AMOUNT, "x"))
    machines = [notice.id for notice in await notices(city) if notice.source == "casso"]
    assert (await put(city, other, machines[0], {}, "/approval")).status_code == 404, (
        "what a machine told is no proposal"
    )


async def test_a_virtual_account_told_in_two_spellings_is_one_transfer(city: City) -> None:
    """SePay names the account and the virtual one, Casso the virtual one as the account."""
    async with city.database.transaction() as db:
        shop = await a_shop(db)
    through = qr.read(shop.qr).account
    await sepay(city, of_sepay(60_000, "an sang", subAccount=through, referenceCode="FTX1"))
    await casso(city, of_casso(60_000, "an sang", accountNumber=through, reference="FTX1"))
    assert [notice.status for notice in await notices(city)] == ["matched", "duplicate"]
    assert await balance(city, shop.id) == 60_000
    await check_all(city)
    [taking, _] = await notices(city)
    back = {"payment_id": str(taking.id), "amount": 60_000, "reason": "Hết hàng"}
    answer = await city.client.put(f"/v1/wallet/refunds/{uuid4()}", headers=shop.owner.headers, json=back)
    assert answer.status_code in {200, 201}, answer.text
    await city.worker.drain()
    assert await balance(city, shop.id) == 0, "the second notice said to whom it can go back"


async def test_of_two_who_told_of_one_transfer_elsewhere_one_is_booked(city: City) -> None:
    """Our account was misspelt in the settings; both told, and one tells again when that is mended."""
    one, other, me, code = await people(city)
    await casso(city, of_casso(AMOUNT, code, accountNumber="1900190091", reference="FT778"))
    await sepay(city, of_sepay(AMOUNT, code, accountNumber="1900190091", referenceCode="FT778"))
    first, second = await notices(city)
    assert (first.status, second.status) == ("elsewhere", "elsewhere")
    retold = [{"kind": "retell", "transfer_id": str(notice.id), "note": "Sai cấu hình"} for notice in (first, second)]
    assert (await booked(city, one, other, retold[0]))["status"] == "matched"
    assert refused(await put(city, one, uuid4(), retold[1])) == (409, "TransferIsKnown")
    await sepay(city, of_sepay(AMOUNT, code, referenceCode="FT778"))
    assert (await balance(city, me.id), await balance(city, ledger.GUARANTEE)) == (AMOUNT, -AMOUNT)
    await check_all(city)


async def test_a_refusal_is_of_that_proposal_and_not_of_the_transfer(city: City) -> None:
    one, other, me, code = await people(city)
    await casso(city, of_casso(AMOUNT, "first of somebody", reference="1234"))
    await casso(city, of_casso(AMOUNT, f"{code} second", reference="1234"))
    _, second = await notices(city)
    again, transfer_id = {"kind": "retell", "transfer_id": str(second.id), "note": "Nhầm ghi chú"}, uuid4()
    assert (await put(city, one, transfer_id, again)).status_code == 200
    assert (await put(city, one, transfer_id, {}, "/refusal")).json()["status"] == "refused"
    assert (await booked(city, one, other, {**again, "note": "Sao kê có hai dòng"}))["status"] == "matched"
    assert await balance(city, me.id) == AMOUNT
    await check_all(city)
