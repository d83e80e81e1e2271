"""Papers: those of a dossier, and the store of everybody's own, from which they are handed in again.

An upload that is given becomes a stored paper under its own id, and is held by it: so it outlives a draft, belongs to
its owner, and is in any number of their dossiers."""

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

import msgspec
from litestar.response import Stream

from app.audit import records
from app.db import Connection, many, maybe, queries_beside
from app.errors import Language, NotFound, Refusal
from app.identity.models import Principal
from app.staff.pages import before, page_of
from app.types import Page
from app.uploads import storage, uploads
from app.uploads.uploads import Original
from dossiers import steps
from dossiers.models import GivePaper, HandInPaper, PaperKind, StoredPaper
from dossiers.procedures.definitions import Channel, Definition, Paper

sql = queries_beside(__file__)

MOST_PAPERS = 100
"""Of a dossier, supplements and all."""
MOST_STORED = 500


class UnknownPaper(Refusal):
    """Thủ tục này không có giấy tờ mã "{paper}" trong trường hợp đã chọn.

    This procedure has no paper "{paper}" in the chosen case."""

    status = 400


class PaperMissing(Refusal):
    """Còn thiếu giấy tờ: {names_vi}.

    Papers are missing: {names_en}."""

    status = 400


class PaperGivenTwice(Refusal):
    """Giấy tờ "{name_vi}" chỉ nhận tối đa {most} tệp.

    Of "{name_en}" at most {most} files are taken."""

    status = 400


class PaperNeedsFile(Refusal):
    """Mỗi giấy tờ cần đúng một trong hai: tệp đã gửi (upload_id) hoặc giấy tờ đã lưu (stored_paper_id).

    Each paper needs either an upload or a stored paper, and not both."""

    status = 400


class StoredPaperUnknown(NotFound):
    """Không tìm thấy giấy tờ đã lưu {stored_paper_id}.

    The stored paper {stored_paper_id} was not found."""


class StoredPaperOfOtherKind(Refusal):
    """Giấy tờ đã lưu {stored_paper_id} là loại khác, không dùng thay cho "{paper}" được.

    The stored paper {stored_paper_id} is of another kind and cannot stand for "{paper}"."""

    status = 400


class PaperKindRefused(Refusal):
    """Giấy tờ "{name_vi}" không nhận ở dạng này.

    Not taken in this form: "{name_en}"."""

    status = 400


class _Stored(msgspec.Struct, frozen=True):
    id: UUID
    kind: str


class _File(msgspec.Struct, frozen=True):
    upload_id: UUID | None
    name: str
    storage_key: str | None = None


async def give(
    db: Connection,
    me: Principal,
    dossier_id: UUID,
    definition: Definition,
    case: str,
    papers: Sequence[GivePaper],
    *,
    supplement_id: UUID | None = None,
) -> None:
    """Make what a resident gives part of their dossier; the same again is the same.

    Raises UnknownPaper, PaperNeedsFile, PaperGivenTwice, PaperKindRefused, StoredPaperUnknown,
    StoredPaperOfOtherKind, and what an upload may not be."""
    known = _check(definition, case, [given.paper for given in papers])
    stored = await _stored(db, me, papers)
    for given in papers:
        paper = known[given.paper]
        if (given.upload_id is None) == (given.stored_paper_id is None):
            raise PaperNeedsFile
        if 2 not in paper.kinds:
            raise PaperKindRefused(name_vi=paper.name.vi, name_en=paper.name.en)
        if given.stored_paper_id is not None:
            if stored[given.stored_paper_id] != paper.code:
                raise StoredPaperOfOtherKind(stored_paper_id=given.stored_paper_id, paper=paper.code)
            paper_id = given.stored_paper_id
        else:
            assert given.upload_id is not None
            paper_id = await _store(db, me.id, me.id, given.upload_id, paper)
        await db.execute(sql.add_paper, dossier_id, paper.code, 2, 1, paper_id, supplement_id, False, MOST_PAPERS)


def _check(definition: Definition, case: str, codes: Sequence[str]) -> dict[str, Paper]:
    known = {paper.code: paper for paper in definition.papers_of(case)}
    for code in codes:
        paper = known.get(code)
        if paper is None:
            raise UnknownPaper(paper=code)
        if codes.count(code) > paper.most:
            raise PaperGivenTwice(name_vi=paper.name.vi, name_en=paper.name.en, most=paper.most)
    return known


async def _stored(db: Connection, me: Principal, papers: Sequence[GivePaper]) -> dict[UUID, str]:
    """The kinds of what is stored of mine."""
    wanted = [given.stored_paper_id for given in papers if given.stored_paper_id is not None]
    found = {row.id: row.kind for row in await many(_Stored, db, sql.stored_of_mine, wanted, me.id)} if wanted else {}
    for paper_id in wanted:
        if paper_id not in found:
            raise StoredPaperUnknown(stored_paper_id=paper_id)
    return found


async def _store(db: Connection, sender_id: UUID, owner_id: UUID | None, upload_id: UUID, paper: Paper) -> UUID:
    await _hold(db, sender_id, upload_id)
    reusable = paper.reusable and owner_id is not None
    await db.execute(sql.store_paper, upload_id, owner_id, paper.code, paper.name.vi, paper.name.en, reusable)
    return upload_id


async def _hold(db: Connection, sender_id: UUID, upload_id: UUID) -> None:
    await uploads.claim(
        db,
        sender_id,
        [upload_id],
        holder="stored_paper",
        holder_id=upload_id,
        purposes=("paper",),
        keep_originals=False,
        most=1,
    )


async def hand_in(
    db: Connection,
    me: Principal,
    owner_id: UUID | None,
    dossier_id: UUID,
    definition: Definition,
    case: str,
    papers: Sequence[HandInPaper],
    *,
    supplement_id: UUID | None = None,
) -> None:
    """Papers that a clerk takes over the counter: written down, and stored where they were scanned.

    Raises as `give` does."""
    known = _check(definition, case, [given.paper for given in papers])
    for given in papers:
        paper = known[given.paper]
        if given.kind not in paper.kinds:
            raise PaperKindRefused(name_vi=paper.name.vi, name_en=paper.name.en)
        if given.kind == 2 and given.upload_id is None:
            raise PaperNeedsFile
        paper_id = await _store(db, me.id, owner_id, given.upload_id, paper) if given.upload_id else None
        await add(db, dossier_id, paper.code, given.kind, given.copies, paper_id, supplement_id)


async def add(
    db: Connection,
    dossier_id: UUID,
    paper: str,
    kind: PaperKind,
    copies: int = 1,
    stored_id: UUID | None = None,
    supplement_id: UUID | None = None,
) -> None:
    """One paper more, as it was handed in."""
    await db.execute(sql.add_paper, dossier_id, paper, kind, copies, stored_id, supplement_id, False, MOST_PAPERS)


async def attach(
    db: Connection, me: Principal, dossier_id: UUID, name: str, name_en: str, upload_ids: Sequence[UUID]
) -> None:
    """Papers that an officer adds with an action. Raises what an upload may not be."""
    for upload_id in dict.fromkeys(upload_ids):
        await _hold(db, me.id, upload_id)
        await db.execute(sql.store_paper, upload_id, None, "officer", name, name_en, False)
        await db.execute(sql.add_paper, dossier_id, "officer", 2, 1, upload_id, None, True, MOST_PAPERS)


async def need_all(db: Connection, dossier_id: UUID, definition: Definition, case: str, channel: Channel) -> None:
    """Raises PaperMissing unless each paper that is required is there.

    Filed online, what is taken on paper only is brought to the counter; filed by post, all of it comes in the letter:
    the clerk looks, before accepting."""
    there: list[str] = await db.fetchval(sql.papers_there, dossier_id)
    missing = [
        paper
        for paper in definition.papers_of(case)
        if paper.required
        and paper.code not in there
        and (channel == "counter" or (channel == "online" and 2 in paper.kinds))
    ]
    if missing:
        _refuse_missing(missing)


async def need_these(
    db: Connection, dossier_id: UUID, definition: Definition, codes: Sequence[str], supplement_id: UUID
) -> None:
    """Raises PaperMissing unless each of the papers that were asked for has come with this supplement, but for those
    that are taken on paper only."""
    there: list[str] = await db.fetchval(sql.papers_of_supplement, dossier_id, supplement_id)
    missing = [
        paper for paper in definition.papers if paper.code in codes and paper.code not in there and 2 in paper.kinds
    ]
    if missing:
        _refuse_missing(missing)


def _refuse_missing(papers: Sequence[Paper]) -> NoReturn:
    raise PaperMissing(
        papers=[paper.code for paper in papers],
        names_vi="; ".join(paper.name.vi for paper in papers),
        names_en="; ".join(paper.name.en for paper in papers),
    )


async def mine(
    db: Connection, me: Principal, cursor: str | None, limit: int, language: Language
) -> Page[StoredPaper]:
    """What I may hand in again, newest first. Raises BadCursor."""
    lines = await many(StoredPaper, db, sql.stored_papers, me.id, *before(cursor), limit + 1, language)
    return page_of(lines, limit, lambda line: (line.made_at, line.id))


async def drop(db: Connection, me: Principal, stored_paper_id: UUID) -> None:
    """Offer it no more. Dossiers that have it keep it. Raises NotFound."""
    if await db.fetchval(sql.drop_stored_paper, stored_paper_id, me.id) is None:
        raise NotFound


async def my_file(db: Connection, me: Principal, stored_paper_id: UUID) -> Stream:
    """A paper of mine, as I sent it. Raises NotFound."""
    file = await maybe(_File, db, sql.my_stored_file, stored_paper_id, me.id)
    return await _stream(db, file)


async def staff_file(db: Connection, me: Principal, dossier_id: UUID, stored_paper_id: UUID) -> Stream:
    """A paper of a dossier that I deal with; the audit has who opened it. Raises NotFound."""
    dossier = await steps.lock_for_staff(db, me, dossier_id)
    file = await maybe(_File, db, sql.file_of_dossier, dossier.id, stored_paper_id)
    answer = await _stream(db, file)
    await records.record(db, me, "dossier.paper_opened", dossier.code or str(dossier.id), paper=str(stored_paper_id))
    return answer


async def _stream(db: Connection, file: _File | None) -> Stream:
    if file is not None and file.storage_key is not None:
        headers = {"content-disposition": f'attachment; filename="{file.name}.pdf"'}
        return Stream(storage.parts(file.storage_key), media_type="application/pdf", headers=headers)
    if file is None or file.upload_id is None:
        raise NotFound
    original: Original = await uploads.original(db, file.upload_id)
    suffix = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}.get(original.media_type, "bin")
    headers = {"content-disposition": f'attachment; filename="{file.name}.{suffix}"'}
    return Stream(original.parts, media_type=original.media_type, headers=headers)
