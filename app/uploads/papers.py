"""Papers are kept as they are; a PDF is looked at no further than that it begins and ends as one."""

from pathlib import Path

from app.errors import Refusal

TAIL_BYTES = 1024
"""An end may have so much behind it (ISO 32000-1, annex H, 3.4.4)."""


class PaperBroken(Refusal):
    """Tệp PDF bị hỏng hoặc chưa được gửi trọn vẹn; hãy gửi lại hoặc chọn tệp khác.

    The PDF file is broken, or was not sent whole; send it again or choose another one."""

    status = 400


def check_pdf(path: Path) -> None:
    """Raises PaperBroken."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        if b"%%EOF" not in file.read():
            raise PaperBroken
