"""Is this result the city's? By the code on it, or by its file's SHA-256. Anybody may ask; nobody is named whole."""

from base64 import b16decode
from datetime import datetime

import msgspec
from litestar import Response

from app import pages
from app.clock import CITY_ZONE
from app.config import settings
from app.db import Connection, maybe, queries_beside
from app.errors import Language, NotFound
from app.types import masked_name
from dossiers.papers import look_ups
from dossiers.papers.models import CheckFile, FileCheck, ResultCheck
from dossiers.papers.result_paper import grouped_code

sql = queries_beside(__file__)

_PREFIX = "KQ"
_CONFUSED = str.maketrans("OIL", "011")


def url_of(code: str) -> str:
    """The page on which anybody checks it; the QR on the result says so."""
    return f"{settings().public_url}/v/{code}"


def read(text: str) -> str:
    """A code however a person types it: small letters, spaces, hyphens, `O` for nought, `I` and `L` for one."""
    plain = text.upper().replace(" ", "").replace("-", "")
    return _PREFIX + plain.removeprefix(_PREFIX).translate(_CONFUSED)


class NoSuchResult(NotFound):
    """Thành phố không cấp kết quả nào có mã này; hãy so lại mã trên giấy.

    The city has issued no result with this code; compare it with the one on the paper."""


async def check(db: Connection, address: str, text: str, language: Language) -> ResultCheck:
    """What anybody is shown; raises NoSuchResult, TooManyRequests."""
    await look_ups.count(db, address, "result")
    found = await maybe(ResultCheck, db, sql.check_result, read(text), language)
    if found is None:
        await look_ups.count_miss(db, address, "result")
        raise NoSuchResult
    return msgspec.structs.replace(found, applicant=masked_name(found.applicant), page=url_of(found.code))


async def check_file(db: Connection, address: str, wanted: CheckFile) -> FileCheck:
    """Has the city issued these bytes? Raises TooManyRequests."""
    await look_ups.count(db, address, "result file")
    found = await maybe(FileCheck, db, sql.check_file, b16decode(wanted.sha256, casefold=True))
    return found or FileCheck(issued=False)


async def page(db: Connection, address: str, text: str) -> Response[str]:
    """The same for a browser, also where there is none; raises TooManyRequests."""
    try:
        found = await check(db, address, text, "vi")
    except NotFound:
        hint = pages.said(
            "Hãy so lại mã trên văn bản. Văn bản mang mã không có ở đây không phải do thành phố cấp.",
            "Compare the code with the one on the paper. A paper whose code is not here was not issued by the city.",
        )
        return pages.page("Không có kết quả này", "There is no such result", hint, status=404)
    title_vi, title_en = _verdict(found)
    return pages.page(title_vi, title_en, pages.facts(_words(found), big="Tình trạng") + _how_to_compare())


def _verdict(found: ResultCheck) -> tuple[str, str]:
    if found.genuine:
        return "Kết quả do thành phố Huế cấp", "Issued by the city of Huế"
    return "Kết quả đã bị thu hồi", "This result was revoked"


def _words(found: ResultCheck) -> list[tuple[str, str, str]]:
    lines = [
        ("Tình trạng", "Status", "Còn hiệu lực · Valid" if found.genuine else "Đã thu hồi · Revoked"),
        ("Mã kết quả", "Code", grouped_code(found.code)),
        ("Tên", "Title", found.title),
        ("Số", "Number", found.number),
        ("Cơ quan", "Agency", found.agency),
        ("Cấp cho", "Issued to", found.applicant),
        *(("Ký số", "Signed", f"{one.name}, {_moment(one.signed_at)}") for one in found.signed_by),
        ("Mã băm SHA-256", "SHA-256 hash", found.sha256),
    ]
    if found.revoked_at:
        lines[1:1] = [
            ("Thu hồi lúc", "Revoked", _moment(found.revoked_at)),
            ("Lý do", "Why", found.revoke_reason or ""),
        ]
    return lines


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(CITY_ZONE):%H:%M:%S %d/%m/%Y}"


def _how_to_compare() -> str:
    return pages.said(
        "Để biết tệp của mình có đúng là tệp này không, hãy tính SHA-256 của nó và so với dòng trên: Windows:"
        " certutil -hashfile tệp.pdf SHA256; macOS: shasum -a 256 tệp.pdf; Linux: sha256sum tệp.pdf.",
        "To know whether your file is this one, compute its SHA-256 and compare: Windows: certutil -hashfile file.pdf"
        " SHA256; macOS: shasum -a 256 file.pdf; Linux: sha256sum file.pdf.",
    )
