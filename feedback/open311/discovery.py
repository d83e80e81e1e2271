"""Where this city's Open311 API is, for programs that know no more than the city's address."""

from app.config import settings
from app.errors import Language
from feedback.open311.formats import CONTENT_TYPES
from feedback.open311.models import Discovery, Endpoint

SPECIFICATION = "http://wiki.open311.org/GeoReport_v2"
CHANGESET = "2026-11-01T00:00:00+07:00"
"""When this API last changed."""

_WORDS: dict[Language, tuple[str, str]] = {
    "vi": (
        "Trung tâm Giám sát, điều hành đô thị thông minh Huế, điện thoại 1900 1075.",
        "Quản trị hệ thống của thành phố cấp khóa; gọi 1900 1075. Chỉ cần khóa để gửi, không cần để đọc.",
    ),
    "en": (
        "Huế smart city operations centre, telephone 1900 1075.",
        "The city's administrators give keys; call 1900 1075. A key is needed to send, none to read.",
    ),
}


def describe(language: Language) -> Discovery:
    """The one endpoint that there is; a sandbox says that it is for tests."""
    contact, key_service = _WORDS[language]
    endpoint = Endpoint(
        specification=SPECIFICATION,
        url=f"{settings().public_url}/open311/v2",
        changeset=CHANGESET,
        type="test" if settings().sandbox else "production",
        formats=[CONTENT_TYPES[format_].partition(";")[0] for format_ in ("xml", "json")],
    )
    return Discovery(changeset=CHANGESET, contact=contact, key_service=key_service, endpoints=[endpoint])
