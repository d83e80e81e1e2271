"""A shop opens, prints its sticker, asks for an amount, and counts what came in."""

import io
import xml.etree.ElementTree as ET
from uuid import UUID, uuid4

import httpx
import pytest
import zxingcpp
from PIL import Image

from app.db import Connection
from app.types import new_id
from tests.makers import a_resident, a_shop
from wallet import ledger, qr
from wallet.ledger import Move
from wallet.merchants import stickers

OPENING = {"name": "Bún bò bên chợ", "category_code": "5812", "ward": "19777"}


async def test_a_shop_opens_at_once_in_the_sandbox_and_can_be_renamed(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    owner = await a_resident(db)
    path = f"/v1/merchants/{uuid4()}"
    opened = (await desk.put(path, headers=owner.headers, json=OPENING)).json()
    renamed = (await desk.put(path, headers=owner.headers, json={**OPENING, "name": "Bún bò cô Ba"})).json()
    assert opened["status"] == "active"
    assert opened["virtual_account"].startswith("HUE")
    assert renamed == {**opened, "name": "Bún bò cô Ba"}
    mine = (await desk.get("/v1/merchants/mine", headers=owner.headers)).json()
    assert mine["items"] == [renamed]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ward": "99999"}, "UnknownWard"),
        ({"ward": "1"}, "Malformed"),
        ({"category_code": "food"}, "Malformed"),
        ({"name": ""}, "Malformed"),
        ({"name": "a\u0000b"}, "Malformed"),
        ({"owner_id": "me"}, "Malformed"),
    ],
)
async def test_a_shop_with_wrong_facts_is_refused(
    db: Connection, desk: httpx.AsyncClient, change: dict[str, str], problem: str
) -> None:
    owner = await a_resident(db)
    answer = await desk.put(f"/v1/merchants/{uuid4()}", headers=owner.headers, json={**OPENING, **change})
    assert (answer.status_code, answer.json()["type"]) == (400, f"urn:huong:problem:{problem}")


async def test_another_owners_shop_is_neither_changed_nor_seen(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, stranger = await a_shop(db), await a_resident(db)
    path = f"/v1/merchants/{shop.id}"
    taken = await desk.put(path, headers=stranger.headers, json=OPENING)
    assert (taken.status_code, taken.json()["type"]) == (409, "urn:huong:problem:MerchantIdTaken")
    terminal = f"terminals/{shop.terminal_id}"
    order = {"terminal_id": str(shop.terminal_id), "amount": 1}
    for method, rest, body in (
        ("PUT", f"terminals/{uuid4()}", {"name": "Quầy 9"}),
        ("PUT", f"orders/{uuid4()}", order),
        ("GET", f"{terminal}/qr", None),
        ("GET", f"{terminal}/qr.png", None),
        ("GET", "takings", None),
    ):
        theirs = await desk.request(method, f"{path}/{rest}", headers=stranger.headers, json=body)
        nobodys = await desk.request(method, f"/v1/merchants/{uuid4()}/{rest}", headers=stranger.headers, json=body)
        assert theirs.status_code == nobodys.status_code == 404
        assert without_id(theirs) == without_id(nobodys)


def without_id(answer: httpx.Response) -> dict[str, object]:
    return {key: value for key, value in answer.json().items() if key != "request_id"}


async def test_a_terminal_is_not_moved_between_shops(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, other = await a_shop(db), await a_shop(db)
    path = f"/v1/merchants/{other.id}/terminals/{shop.terminal_id}"
    answer = await desk.put(path, headers=other.owner.headers, json={"name": "mine now"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:huong:problem:TerminalIdTaken")
    joint = await desk.get(f"{path}/qr", headers=other.owner.headers)
    assert joint.status_code == 404, "a terminal is looked up together with its shop"


async def test_the_sticker_says_who_is_paid_in_both_schemes(db: Connection) -> None:
    shop = await a_shop(db, name="Tiệm nón lá Bao Vinh")
    reading = qr.read(shop.qr)
    assert (reading.scheme, reading.terminal_id, reading.dynamic, reading.amount) == (
        "huong",
        shop.terminal_id,
        False,
        None,
    )
    assert (reading.bank_bin, reading.service) == ("970436", "QRIBFTTA")
    assert reading.merchant_name == "Tiệm nón lá Bao Vinh"


async def test_the_sticker_is_a_picture_and_a_drawing(db: Connection, desk: httpx.AsyncClient) -> None:
    shop = await a_shop(db, name="Bún & bò <Chợ>")
    path = f"/v1/merchants/{shop.id}/terminals/{shop.terminal_id}/qr"
    png = await desk.get(f"{path}.png", headers=shop.owner.headers)
    svg = await desk.get(f"{path}.svg", headers=shop.owner.headers)
    assert png.headers["content-type"] == "image/png"
    assert svg.headers["content-type"].startswith("image/svg+xml")
    picture = Image.open(io.BytesIO(png.content))
    assert picture.width == 800
    [scanned] = zxingcpp.read_barcodes(picture)
    assert scanned.text == shop.qr
    words = [element.text for element in ET.fromstring(svg.text).iter("{http://www.w3.org/2000/svg}text")]
    assert words[:2] == ["Bún & bò <Chợ>", "Quầy 1"]


@pytest.mark.parametrize("shop", ["Ơ", "Cửa hàng lưu niệm và đặc sản xứ Huế Nguyễn Thị Phước Tường Vy chi nhánh 2"])
def test_every_name_fits_on_the_sticker(shop: str) -> None:
    png = stickers.draw("png", "x" * 230, shop=shop, terminal="Quầy")
    picture = Image.open(io.BytesIO(png)).convert("L")
    edges = [picture.getpixel((x, 72)) for x in (*range(20), *range(780, 800))]
    assert set(edges) == {255}, "the name stays inside the margins"


async def test_an_order_again_is_the_same_order_and_another_is_refused(
    db: Connection, desk: httpx.AsyncClient
) -> None:
    shop = await a_shop(db)
    path = f"/v1/merchants/{shop.id}/orders/{uuid4()}"
    body = {"terminal_id": str(shop.terminal_id), "amount": 60_000, "reference": "B12", "expires_in_s": 60}
    first = await desk.put(path, headers=shop.owner.headers, json=body)
    again = await desk.put(path, headers=shop.owner.headers, json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == (await desk.get(path, headers=shop.owner.headers)).json()
    reading = qr.read(first.json()["text"])
    assert (reading.dynamic, reading.amount, reading.order_id, reading.reference) == (
        True,
        60_000,
        UUID(first.json()["id"]),
        "B12",
    )
    for change in ({"amount": 60_001}, {"reference": "B13"}, {"expires_in_s": 61}):
        other = await desk.put(path, headers=shop.owner.headers, json={**body, **change})
        assert (other.status_code, other.json()["type"]) == (409, "urn:huong:problem:OrderIdTaken")


async def test_takings_are_paged_newest_first(db: Connection, desk: httpx.AsyncClient) -> None:
    shop, payer = await a_shop(db), await a_resident(db, balance=100_000)
    for amount in (1_000, 2_000, 3_000):
        await ledger.move(
            db,
            Move(
                new_id(),
                "merchant",
                payer.id,
                amount=amount,
                session_id=payer.session_id,
                terminal_id=shop.terminal_id,
            ),
        )
    path = f"/v1/merchants/{shop.id}/takings?limit=2"
    first = (await desk.get(path, headers=shop.owner.headers)).json()
    last = (await desk.get(f"{path}&cursor={first['next']}", headers=shop.owner.headers)).json()
    assert [line["amount"] for line in first["items"] + last["items"]] == [3_000, 2_000, 1_000]
    assert (last["next"], first["items"][0]["balance_after"]) == (None, 6_000)
    assert first["items"][0]["payer"] == "L*** T*** N*** Bình"
