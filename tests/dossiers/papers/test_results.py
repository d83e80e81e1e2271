"""Results: signed by a leader and their agency, held against the sandbox's own root, and checked by anybody."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pypdfium2
import pytest
import zxingcpp
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pypdf import PdfReader

from app import config
from app.clock import city_now
from app.config import BadSetting
from app.db import Connection
from app.jobs import News
from app.uploads import storage
from dossiers import happenings
from dossiers.papers import pades, results, signing
from dossiers.papers.models import ResultFacts, SignatureRole
from dossiers.papers.signing import NotSigned, Signatory, Signed
from dossiers.sandbox.authority import Authority
from tests.conftest import City, StandIns
from tests.dossiers.papers.planted import COUNTER, JUSTICE, RESULT_CODE, a_dossier, a_result, sql
from tests.makers import a_resident, a_staff_member
from tests.wallet import pdfs

EVERY_LETTER = "ăâđêôơư ẮẰẲẴẶ ẤẦẨẪẬ ẾỀỂỄỆ ỐỒỔỖỘ ỚỜỞỠỢ ỨỪỬỮỰ ỲỴỶỸ ĩũõãẽ"


def facts(**other: Any) -> ResultFacts:
    """What a result says."""
    said: dict[str, Any] = {
        "id": uuid4(), "dossier_id": uuid4(), "code": RESULT_CODE, "number": "12/TLKS-BS",
        "title_vi": "Bản sao trích lục khai sinh", "title_en": "Copy of an extract of birth", "body": EVERY_LETTER,
        "signer_name": "Nguyễn Phước Kim Long", "agency_code": COUNTER, "dossier_code": "H57.01-261129-0001",
        "agency": "Trung tâm Phục vụ hành chính công thành phố", "agency_en": "The city's one-stop centre",
        "procedure": "Cấp bản sao trích lục hộ tịch", "applicant": "Tôn Nữ Thị Ngự Bình",
        "applicant_number": "046194001234", "made_at": city_now(), "url": f"http://huong.test/v/{RESULT_CODE}",
    } | other  # fmt: skip
    return ResultFacts(**said)


async def signed_by_both(wanted: ResultFacts) -> Signed:
    """The leader first, then the seal."""
    roles: tuple[tuple[SignatureRole, str], ...] = (("leader", wanted.signer_name), ("agency", wanted.agency))
    return await signing.draw_and_sign(
        wanted, [Signatory(role, name, wanted.agency, f"{wanted.agency_code}.{role}") for role, name in roles]
    )


async def held_against_the_root(pdf: bytes) -> list[PdfSignatureStatus]:
    """What pyHanko's validator says of each signature, if it trusts the sandbox's root and nobody else."""
    root = x509.Certificate.load(Authority().root.certificate_der())
    whom = ValidationContext(trust_roots=[root], allow_fetching=False)
    reader = PdfFileReader(io.BytesIO(pdf))
    return [await async_validate_pdf_signature(one, whom, whom) for one in reader.embedded_signatures]


def check_whole(statuses: list[PdfSignatureStatus]) -> None:
    """Two signatures that hold: the first of its revision, the last of the whole file."""
    assert len(statuses) == 2
    for status in statuses:
        assert status.bottom_line, status.pretty_print_details()
        assert status.intact
        assert status.valid
        assert status.trusted
        assert status.docmdp_ok
        assert status.timestamp_validity is not None
        assert status.timestamp_validity.intact
        assert status.timestamp_validity.valid
        assert status.timestamp_validity.trusted
    assert statuses[0].coverage == SignatureCoverageLevel.ENTIRE_REVISION
    assert statuses[1].coverage == SignatureCoverageLevel.ENTIRE_FILE


# The file


async def test_both_signatures_hold_and_are_trusted(stand_ins: StandIns) -> None:
    signed = await signed_by_both(facts())
    check_whole(await held_against_the_root(signed.pdf))
    leader, seal = signed.signatures
    assert (leader.role, leader.name) == ("leader", "Nguyễn Phước Kim Long")
    assert (seal.role, seal.name) == ("agency", "Trung tâm Phục vụ hành chính công thành phố")
    assert "Nguyễn Phước Kim Long" in leader.certificate
    assert abs((leader.signed_at - city_now()).total_seconds()) < 60
    assert leader.signed_at <= seal.signed_at


@pytest.mark.parametrize("where", ["the page", "the first signature", "the second revision"])
async def test_a_flipped_byte_is_found(stand_ins: StandIns, where: str) -> None:
    pdf = bytearray((await signed_by_both(facts())).pdf)
    ranges: Any = [one.byte_range for one in PdfFileReader(io.BytesIO(bytes(pdf))).embedded_signatures]
    at = {
        "the page": pdf.index(b"stream") + 20,
        "the first signature": ranges[0][1] + 5000,
        "the second revision": ranges[1][1] - 200,
    }[where]
    pdf[at] ^= 1
    broken = False
    try:
        statuses = await held_against_the_root(bytes(pdf))
        broken = not all(status.bottom_line for status in statuses)
    except Exception:  # some of what a byte may break makes it no signature at all
        broken = True
    assert broken


async def test_a_file_that_was_added_to_is_found(stand_ins: StandIns) -> None:
    """By somebody who has the file, and adds a page's worth of words after the signatures."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    pdf = (await signed_by_both(facts())).pdf
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    forged = generic.StreamObject(stream_data=b"BT /F1 40 Tf 100 100 Td (forged) Tj ET")
    writer.add_stream_to_page(0, writer.add_object(forged))
    changed = io.BytesIO()
    writer.write(changed)
    assert not all(status.bottom_line for status in await held_against_the_root(changed.getvalue()))


async def test_other_readers_see_it_whole(stand_ins: StandIns) -> None:
    pdf = (await signed_by_both(facts(body=f"{EVERY_LETTER}\n" * 60))).pdf
    reader = PdfReader(io.BytesIO(pdf))
    assert len(reader.pages) > 1
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    for said in (
        EVERY_LETTER,
        "Tôn Nữ Thị Ngự Bình",
        "Số: 12/TLKS-BS",
        "BẢN SAO TRÍCH LỤC KHAI SINH",
        "KQ01-ABCD-EFGH",
    ):
        assert said in text
    assert set(pdfs.fonts(pdf).values()) == {True}
    assert pdfs.links(pdf) == [f"http://huong.test/v/{RESULT_CODE}"]
    fields: Any = reader.get_fields()
    assert {name: field["/V"]["/SubFilter"] for name, field in fields.items()} == {
        "ChuKyLanhDao": "/ETSI.CAdES.detached",
        "ConDauCoQuan": "/ETSI.CAdES.detached",
    }
    document = pypdfium2.PdfDocument(pdf)
    document.init_forms()
    seen = document[len(document) - 1].render(scale=3).to_pil()
    [qr] = zxingcpp.read_barcodes(seen)
    assert qr.text == f"http://huong.test/v/{RESULT_CODE}"


async def test_what_is_seen_of_a_signature_is_in_vietnamese_letters(stand_ins: StandIns) -> None:
    pdf = (await signed_by_both(facts(signer_name="Tôn Thất Ngự Bình"))).pdf
    annotations: Any = PdfReader(io.BytesIO(pdf)).pages[0]["/Annots"]
    [widget, _] = (one.get_object() for one in annotations if one.get_object()["/Subtype"] == "/Widget")
    inside: Any = widget["/AP"]["/N"]["/Resources"]["/XObject"]
    [stamp] = inside.values()
    fonts: Any = stamp.get_object()["/Resources"]["/Font"]
    for font in fonts.values():
        [drawn] = font.get_object()["/DescendantFonts"]
        assert "/FontFile2" in drawn.get_object()["/FontDescriptor"].get_object()
        assert "/ToUnicode" in font.get_object()


async def test_nobody_waits_for_a_signature(stand_ins: StandIns) -> None:
    """What is measured is the loop's own thread, and how often others came to their turn meanwhile."""
    await signed_by_both(facts())  # the process is there
    turns = 0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal turns
        while not done.is_set():
            await asyncio.sleep(0.005)
            turns += 1

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0.05)
    used_s, turns = time.thread_time(), 0
    await signed_by_both(facts())
    used_s, others = time.thread_time() - used_s, turns
    done.set()
    await watching
    assert used_s < 0.05
    assert others > 5


# Who says no


@pytest.mark.parametrize(
    "mischief", ["down", "not_json", "huge", "moved", "wrong_nonce", "wrong_imprint", "rejected"]
)
async def test_without_a_good_timestamp_nothing_is_signed(stand_ins: StandIns, mischief: str) -> None:
    await stand_ins.behave("signer", mischief, at="timestamp", times=10)
    try:
        with pytest.raises(NotSigned):
            await signed_by_both(facts())
    finally:
        await stand_ins.behave("signer", "down", at="timestamp", times=0)
    await signed_by_both(facts())


@pytest.fixture
def remote(stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A signing service keeps the keys."""
    with monkeypatch.context() as environment:
        environment.setenv("HUONG_SIGNER_URL", stand_ins.url)
        config.settings.cache_clear()
        yield stand_ins
    config.settings.cache_clear()


async def test_a_remote_service_signs_a_hash(remote: StandIns) -> None:
    signed = await signed_by_both(facts())
    check_whole(await held_against_the_root(signed.pdf))
    assert f"Lãnh đạo {COUNTER}" in signed.signatures[0].certificate
    assert f"Con dấu {COUNTER}" in signed.signatures[1].certificate


@pytest.mark.parametrize("mischief", ["down", "not_json", "unauthorised", "wrong_signature"])
async def test_what_a_service_signs_wrongly_is_not_given_out(remote: StandIns, mischief: str) -> None:
    await remote.behave("signer", mischief, at="signature")
    with pytest.raises(NotSigned):
        await signed_by_both(facts())
    check_whole(await held_against_the_root((await signed_by_both(facts())).pdf))


async def test_a_service_that_does_not_know_us_signs_nothing(
    remote: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUONG_SIGNER_KEY", "another")
    config.settings.cache_clear()
    with pytest.raises(NotSigned, match="credentials/info answered 401"):
        await signed_by_both(facts())


def test_nobody_signs_without_a_time() -> None:
    wanted = signing.ToSign(
        facts=facts(), signatories=[], signer_url=None, signer_key="", timestamp_url=None, offset=timedelta()
    )
    with pytest.raises(NotSigned, match="HUONG_TIMESTAMP_URL"):
        pades.signer_of(wanted)


# Processes


async def test_a_signing_process_that_is_killed_is_followed_by_another(stand_ins: StandIns) -> None:
    await signed_by_both(facts())
    [pid] = signing._processes()._processes  # pyright: ignore[reportPrivateUsage]
    await stand_ins.behave("signer", "slow", at="timestamp")
    under_way = asyncio.create_task(signed_by_both(facts()))
    await asyncio.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(NotSigned):
        await under_way
    await stand_ins.behave("signer", "down", at="timestamp", times=0)
    check_whole(await held_against_the_root((await signed_by_both(facts())).pdf))


_PARENT = """
import asyncio, sys
from dossiers.papers import signing
if __name__ == "__main__":
    signing._processes().submit(print, "").result()
    [pid] = signing._processes()._processes
    print(pid, flush=True)
    sys.stdin.read()
"""


def test_the_signing_process_ends_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        pid = int(next(line for line in parent.stdout if line.strip()))
        os.kill(pid, 0)
        parent.kill()
    until = time.monotonic() + 10
    while time.monotonic() < until and _runs(pid):
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


# The sandbox's authority


def test_the_sandboxs_keys_are_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    first = Authority(folder)
    made = first.signer("leader", "Nguyễn Phước Kim Long", "Sở Tư pháp"), first.timestamps()
    again = Authority(folder)
    assert (
        again.signer("leader", "Nguyễn Phước Kim Long", "Sở Tư pháp").certificate,
        again.timestamps().certificate,
    ) == (
        made[0].certificate,
        made[1].certificate,
    )
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert len(list(folder.iterdir())) == 3


@pytest.mark.usefixtures("production")
def test_production_certifies_nobody(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="HUONG_SIGNER_URL"):
        Authority(tmp_path)


# The job


async def _planted(city: City, **other: Any) -> tuple[UUID, UUID, dict[str, str]]:
    """A paid dossier with a result that waits; its owner's headers."""
    async with city.database.transaction() as db:
        owner = await a_resident(db)
        dossier_id = await a_dossier(db, owner.id, **({"payment_state": "none", "fee_amount": 0} | other))
        return dossier_id, await a_result(db, dossier_id), owner.headers


async def _row(city: City, result_id: UUID) -> dict[str, Any]:
    async with city.database.acquire() as db:
        row = await db.fetchrow(sql.result_row, result_id)
    assert row is not None
    return dict(row)


async def test_a_result_is_signed_kept_told_and_handed_out(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []

    async def announce(_: Connection, dossier_id: UUID) -> None:
        told.append(dossier_id)

    monkeypatch.setattr(happenings, "result_signed", announce)
    dossier_id, result_id, headers = await _planted(city)
    path = f"/v1/dossiers/{dossier_id}/result"
    assert (await city.client.get(path, headers=headers)).status_code == 404
    await city.worker.drain()
    row = await _row(city, result_id)
    assert row["state"] == "signed"
    assert told == [dossier_id]
    got = await city.client.get(path, headers=headers)
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"] == f'attachment; filename="{RESULT_CODE}.pdf"'
    assert (sha256(got.content).digest(), len(got.content)) == (row["sha256"], row["size"])
    check_whole(await held_against_the_root(got.content))
    assert [one["role"] for one in row["signatures"]] == ["leader", "agency"]
    async with city.database.acquire() as db:
        [kept] = await db.fetch(sql.kept_papers, result_id)
        [lies] = await db.fetch(sql.result_objects)
    assert kept["kind"] == "trich_luc"
    assert kept["name_vi"] == "Bản sao trích lục khai sinh"
    assert (lies["key"], lies["stays"]) == (row["storage_key"], True)
    assert await storage.read(row["storage_key"]) == got.content


async def test_what_its_procedure_does_not_keep_is_not_offered_again(city: City, stand_ins: StandIns) -> None:
    result = {"result": {"name": {"vi": "Giấy xác nhận", "en": "Certificate"}}}
    _, result_id, _ = await _planted(city, definition=result, procedure_code="1.004873")
    await city.worker.drain()
    assert (await _row(city, result_id))["state"] == "signed"
    async with city.database.acquire() as db:
        assert await db.fetch(sql.kept_papers, result_id) == []


async def test_a_result_is_its_owners_and_its_agencys(city: City, stand_ins: StandIns) -> None:
    dossier_id, _, _ = await _planted(city)
    await city.worker.drain()
    async with city.database.transaction() as db:
        stranger = await a_resident(db)
        people = [
            (await a_staff_member(db, role="agency_head", agency=COUNTER), 200),
            (await a_staff_member(db, role="agency_officer", agency=JUSTICE), 200),
            (await a_staff_member(db, role="clerk", agency="tax"), 404),
        ]
    answer = await city.client.get(f"/v1/dossiers/{dossier_id}/result", headers=stranger.headers)
    assert answer.status_code == 404
    for staff, status in people:
        answer = await city.client.get(f"/v1/staff/dossiers/{dossier_id}/result", headers=staff.headers)
        assert answer.status_code == status


async def test_a_result_whose_fee_is_due_waits(city: City, stand_ins: StandIns) -> None:
    dossier_id, _, headers = await _planted(city, payment_state="due", fee_amount=8000)
    await city.worker.drain()
    answer = await city.client.get(f"/v1/dossiers/{dossier_id}/result", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:huong:problem:FeeNotPaid")


async def test_two_that_sign_at_once_announce_one_file(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UUID] = []

    async def announce(_: Connection, dossier_id: UUID) -> None:
        told.append(dossier_id)

    monkeypatch.setattr(happenings, "result_signed", announce)
    dossier_id, result_id, _ = await _planted(city)
    news = News(1, "ResultIssued", {"dossier_id": str(dossier_id), "result_id": str(result_id)}, city_now())
    await asyncio.gather(results.sign(city.database, news), results.sign(city.database, news))
    row = await _row(city, result_id)
    await results.sign(city.database, news)
    assert await _row(city, result_id) == row
    assert told == [dossier_id]
    async with city.database.acquire() as db:
        objects = {object_["key"]: object_["stays"] for object_ in await db.fetch(sql.result_objects)}
    assert len(objects) == 2
    assert [key for key, stays in objects.items() if stays] == [row["storage_key"]]


@pytest.mark.parametrize("killed_at", ["signed", "stored", "told"])
async def test_whoever_is_killed_anywhere_leaves_nothing_half_done(
    city: City, stand_ins: StandIns, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    """What was not committed is not there; the file that nobody knows of is known to the sweep."""

    class Killed(BaseException):
        pass

    async def kill(*_: object, **__: object) -> None:
        raise Killed

    async def put_and_kill(key: str, content: bytes) -> None:
        await put(key, content)
        raise Killed

    put = storage.put
    dossier_id, result_id, headers = await _planted(city)
    news = News(1, "ResultIssued", {"dossier_id": str(dossier_id), "result_id": str(result_id)}, city_now())
    with monkeypatch.context() as there:
        match killed_at:
            case "signed":
                there.setattr(storage, "put", kill)
            case "stored":
                there.setattr(storage, "put", put_and_kill)
            case _:
                there.setattr(happenings, "result_signed", kill)
        with pytest.raises(Killed):
            await results.sign(city.database, news)
    assert (await _row(city, result_id))["state"] == "made"
    await results.sign(city.database, news)
    row = await _row(city, result_id)
    async with city.database.acquire() as db:
        objects = {object_["key"]: object_["stays"] for object_ in await db.fetch(sql.result_objects)}
    assert sorted(objects.values()) == [False, True]
    assert objects[row["storage_key"]]
    got = await city.client.get(f"/v1/dossiers/{dossier_id}/result", headers=headers)
    assert sha256(got.content).digest() == row["sha256"]


async def test_a_timestamp_that_does_not_come_puts_the_job_off(city: City, stand_ins: StandIns) -> None:
    _, result_id, _ = await _planted(city)
    await stand_ins.behave("signer", "down", at="timestamp")
    await city.worker.drain()
    assert (await _row(city, result_id))["state"] == "made"
    async with city.database.acquire() as db:
        [job] = await db.fetch(sql.waiting_jobs)
        assert (job["attempts"], job["state"]) == (1, "ready")
        assert "NotSigned" in job["last_error"]
        assert "Bình" not in job["last_error"]
    await asyncio.sleep(2.3)
    await city.worker.drain()
    assert (await _row(city, result_id))["state"] == "signed"


# Whoever checks


async def test_anybody_checks_a_result_by_its_code(city: City, stand_ins: StandIns) -> None:
    _, result_id, _ = await _planted(city)
    path = f"/v1/dossiers/verifications/{RESULT_CODE}"
    assert (await city.client.get(path)).status_code == 404  # it is not signed
    await city.worker.drain()
    row = await _row(city, result_id)
    shown = (await city.client.get(path)).json()
    assert (shown["genuine"], shown["code"], shown["number"]) == (True, RESULT_CODE, "12/TLKS-BS")
    assert shown["title"] == "Bản sao trích lục khai sinh"
    assert shown["agency"] == "Trung tâm Phục vụ hành chính công thành phố"
    assert shown["applicant"] == "T*** N*** T*** N*** Bình"
    assert [one["name"] for one in shown["signed_by"]] == ["Nguyễn Phước Kim Long", shown["agency"]]
    assert shown["sha256"] == row["sha256"].hex()
    assert shown["page"].endswith(f"/v/{RESULT_CODE}")
    assert {"body", "dossier_code", "applicant_number"}.isdisjoint(shown)
    english = (await city.client.get(path, headers={"accept-language": "en"})).json()
    assert english["title"] == "Copy of an extract of birth"
    for typed in ("kqo1-abcd-efgh", "KQOLABCDEFGH", "KQ 0I AB CD EF GH", "01ABCDEFGH"):
        assert (await city.client.get(f"/v1/dossiers/verifications/{typed}")).json()["code"] == RESULT_CODE
    page = await city.client.get(f"/v/{RESULT_CODE.lower()}")
    assert page.status_code == 200
    for said in ("Kết quả do thành phố Huế cấp", "Issued by the city of Huế", "T*** N*** T*** N*** Bình", "sha256sum",
                 row["sha256"].hex(), "Nguyễn Phước Kim Long"):  # fmt: skip
        assert said in page.text
    assert "Tôn Nữ" not in page.text
    assert "<form" not in page.text
    async with city.database.acquire() as db:
        await db.execute(sql.revoke_result, result_id)
    shown = (await city.client.get(path)).json()
    assert (shown["genuine"], shown["revoke_reason"]) == (False, "Cấp nhầm")
    assert "Kết quả đã bị thu hồi" in (await city.client.get(f"/v/{RESULT_CODE}")).text


async def test_anybody_checks_a_file_by_its_hash(city: City, stand_ins: StandIns) -> None:
    _, result_id, _ = await _planted(city)
    await city.worker.drain()
    hash_ = (await _row(city, result_id))["sha256"].hex()
    for asked, answer in (
        (hash_, {"issued": True, "code": RESULT_CODE, "genuine": True}),
        (hash_.upper(), {"issued": True, "code": RESULT_CODE, "genuine": True}),
        (sha256(b"another").hexdigest(), {"issued": False, "code": None, "genuine": False}),
    ):
        said = await city.client.post("/v1/dossiers/verifications", json={"sha256": asked})
        assert (said.status_code, said.json()) == (200, answer)
    said = await city.client.post("/v1/dossiers/verifications", json={"sha256": "g" * 64})
    assert said.status_code == 400


async def test_guessing_codes_ends(city: City) -> None:
    codes = [f"KQ{at:010}" for at in range(21)]
    statuses = [(await city.client.get(f"/v1/dossiers/verifications/{code}")).status_code for code in codes]
    assert statuses == [404] * 20 + [429]
    page = await city.client.get(f"/v/{RESULT_CODE}")
    assert page.status_code == 429
