"""Paper of any length: a page lies in a file as soon as it is full; ten thousand take no more memory than ten.

fpdf2 keeps what it draws; here it knows one page at a time. What it makes of the last one is a whole PDF, with the
letters of all; the pages before are appended to it the way the format appends changes (ISO 32000-1, 7.5.6)."""

import re
import tempfile
import zlib
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO

from fpdf.output import PDFPage
from fpdf.syntax import PDFContentStream

from app.errors import Language
from app.paper import Paper


class LongPaper(Paper):
    """A document that keeps of a finished page nothing in memory but how long it is."""

    def __init__(self, size: tuple[float, float], title: str, language: Language) -> None:
        super().__init__(size, title, language)
        self._finished: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - close() closes it
        self._lengths: array[int] = array("L")

    def page_no(self) -> int:
        """Which page is written on, from 1."""
        return len(self._lengths) + 1

    def begin_page(self) -> None:
        """A new page; the one before is put away."""
        if self.pages:
            self._put_away()
        super().begin_page()

    def _put_away(self) -> None:
        self.footer()
        content = self.pages.pop(self.page).contents
        assert isinstance(content, bytearray)
        self._lengths.append(self._finished.write(zlib.compress(content)))
        self.page = 0

    def write_to(self, file: IO[bytes]) -> None:
        """The document, into an empty file."""
        made = self.done()
        file.write(made)
        if self._lengths:
            trailer, _, start = made[made.rindex(b"trailer") :].partition(b"startxref")
            [size] = re.findall(rb"/Size (\d+)", trailer)
            [page] = self.pages.values()
            _append(file, self._objects(page, int(size)), trailer, int(start.split()[0]))

    def _objects(self, last: PDFPage, new_id: int) -> Iterator[tuple[int, bytes]]:
        """Each finished page's content, the pages, and their list anew, by their ids.

        The object of the last page becomes the first one's: that is where readers open the document."""
        assert isinstance(last.contents, PDFContentStream)
        assert last.parent is not None
        assert last.resources is not None
        content_ids = range(new_id, new_id + len(self._lengths))
        page_ids = range(content_ids.stop, content_ids.stop + len(self._lengths))
        self._finished.seek(0)
        for id_, length in zip(content_ids, self._lengths, strict=True):
            stream = self._finished.read(length)
            yield id_, b"<</Filter /FlateDecode /Length %d>>\nstream\n%b\nendstream" % (length, stream)
        page = b"<</Type /Page /Parent %d 0 R /Resources %d 0 R" % (last.parent.id, last.resources.id)
        for id_, content_id in zip(page_ids, chain(content_ids[1:], [last.contents.id]), strict=True):
            yield id_, b"%b /Contents %d 0 R>>" % (page, content_id)
        yield last.id, b"%b /Contents %d 0 R>>" % (page, content_ids[0])
        box = b"/MediaBox [0 0 %.2f %.2f]" % last.dimensions()
        kids = b" ".join(b"%d 0 R" % id_ for id_ in chain([last.id], page_ids))
        yield last.parent.id, b"<</Type /Pages %b /Count %d /Kids [%b]>>" % (box, self.page_no(), kids)

    def close(self) -> None:
        """Let go of the files, whether or not it was written."""
        super().close()
        self._finished.close()


def _append(file: IO[bytes], objects: Iterable[tuple[int, bytes]], trailer: bytes, before: int) -> None:
    """Objects, new or anew, at the end of a PDF whose table of objects is at `before`; then a table of these."""
    places: dict[int, array[int]] = {}
    first = following = 0
    for id_, body in objects:
        if id_ != following:
            first, places[id_] = id_, array("Q")
        places[first].append(file.tell())
        following = id_ + 1
        file.write(b"%d 0 obj\n%b\nendobj\n" % (id_, body))
    start = file.tell()
    file.write(b"xref\n0 1\n0000000000 65535 f \n")
    for first, offsets in places.items():
        file.write(b"%d %d\n" % (first, len(offsets)))
        file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    size = b"/Size %d /Prev %d" % (max(first + len(offsets) for first, offsets in places.items()), before)
    file.write(b"%b\nstartxref\n%d\n%%%%EOF\n" % (re.sub(rb"/Size \d+", size, trailer), start))
