"""What is made of pictures, videos and papers; and what is refused, whatever it is called."""

import asyncio
import hashlib
from collections.abc import Callable
from time import monotonic
from uuid import uuid4

import httpx
import pytest

from app.db import Connection
from app.uploads import images, kinds, videos
from app.uploads.images import hamming
from tests.app.phones import problem
from tests.app.uploads import files, sending
from tests.app.uploads.sending import send, shown, sql
from tests.conftest import City
from tests.makers import a_resident


async def test_a_photograph_is_upright_says_nothing_and_offers_its_place(
    desk: httpx.AsyncClient, db: Connection
) -> None:
    me, upload_id = await a_resident(db), uuid4()
    sent = files.jpeg(6)
    done = await send(desk, me, upload_id, sent)
    assert done.status_code == 201, done.text
    upload = done.json()
    assert (upload["status"], upload["media_type"], upload["size"]) == ("ready", "image/jpeg", len(sent))
    assert (upload["width"], upload["height"]) == (960, 1280)
    assert upload["sha256"] == hashlib.sha256(sent).hexdigest()
    assert upload["place"] == {"lat": files.LAT, "lng": files.LNG}
    assert upload["taken_at"] in {files.TAKEN, "2026-11-23T01:15:00Z"}
    assert upload == await shown(desk, me, upload_id)
    large, small = upload["renditions"]
    assert (large["size"], large["width"], large["height"]) == ("large", 960, 1280)
    assert (small["size"], small["width"], small["height"]) == ("small", 360, 480)
    for rendition in (large, small):
        picture = await desk.get(rendition["url"])
        assert picture.headers["content-type"] == rendition["media_type"]
        seen = files.opened(picture.content)
        assert seen.size == (rendition["width"], rendition["height"])
        assert not seen.getexif()
        assert not {"exif", "icc_profile", "xmp"} & seen.info.keys()
        assert b"Nokia" not in picture.content
        white, red = (seen.convert("RGB").getpixel((round(at * seen.width), 9)) for at in (0.9, 0.1))
        assert isinstance(white, tuple)
        assert isinstance(red, tuple)
        assert min(white) > 240
        assert red[0] > 150 > 100 > red[2]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_whichever_way_the_phone_was_held_up_is_up(orientation: int) -> None:
    turned = files.a_scene(320, 240).transpose(_HELD[orientation]) if orientation > 1 else files.a_scene(320, 240)
    written = files.io.BytesIO()
    turned.save(written, "JPEG", exif=files.exif(orientation))
    picture = images.read(written.getvalue(), "image/jpeg")
    assert (picture.width, picture.height) == (320, 240)
    corner = files.opened(picture.large.content).getpixel((10, 10))
    assert isinstance(corner, tuple)
    assert min(corner) > 240


_T = files.Image.Transpose
_HELD = {
    2: _T.FLIP_LEFT_RIGHT, 3: _T.ROTATE_180, 4: _T.FLIP_TOP_BOTTOM, 5: _T.TRANSPOSE, 6: _T.ROTATE_90,
    7: _T.TRANSVERSE, 8: _T.ROTATE_270,
}  # fmt: skip
"""What undoes each orientation is what a phone did."""


def test_a_large_jpeg_is_decoded_smaller_and_still_to_its_end() -> None:
    content = files.jpeg(6, width=4200, height=3150)
    picture = images.read(content, "image/jpeg")
    assert (picture.width, picture.height) == (3150, 4200)
    assert (picture.large.width, picture.large.height) == (1536, 2048)
    with pytest.raises(images.PictureBroken):
        images.read(content[: len(content) // 2], "image/jpeg")


def test_colours_of_another_profile_become_those_of_srgb() -> None:
    wide = files.red_in_p3()
    assert files.opened(wide).getpixel((9, 9)) != files.RED
    picture = images.read(wide, "image/jpeg")
    for made in (picture.large, picture.small):
        seen = files.opened(made.content).convert("RGB").getpixel((9, 9))
        assert isinstance(seen, tuple)
        assert all(abs(one - other) < 5 for one, other in zip(seen, files.RED, strict=True)), seen


WRITTEN = {
    "heic": ("HEIF", "RGB", "image/heic"),
    "webp": ("WEBP", "RGB", "image/webp"),
    "png": ("PNG", "RGB", "image/png"),
    "palette": ("PNG", "P", "image/png"),
    "grey with alpha": ("PNG", "LA", "image/png"),
    "alpha": ("PNG", "RGBA", "image/png"),
    "cmyk": ("JPEG", "CMYK", "image/jpeg"),
    "grey": ("JPEG", "L", "image/jpeg"),
}


@pytest.mark.parametrize("name", WRITTEN)
async def test_whatever_phones_write_becomes_jpeg_and_webp(
    desk: httpx.AsyncClient, db: Connection, name: str
) -> None:
    format_, mode, media_type = WRITTEN[name]
    me = await a_resident(db)
    content = files.heic() if name == "heic" else files.pictured(format_, mode)
    upload = (await send(desk, me, uuid4(), content)).json()
    assert (upload["status"], upload["media_type"]) == ("ready", media_type)
    assert [one["media_type"] for one in upload["renditions"]] == ["image/jpeg", "image/webp"]
    assert (upload["place"] is not None) == (media_type == "image/heic")


def test_of_several_in_a_file_the_one_that_it_shows_is_taken() -> None:
    picture = images.read(files.heic_of_two((640, 480), (200, 100)), "image/heic")
    assert (picture.width, picture.height) == (200, 100)
    red = files.opened(picture.large.content).getpixel((100, 50))
    assert isinstance(red, tuple)
    assert red[0] > 200 > 60 > red[2]


REFUSED: dict[str, tuple[Callable[[], bytes], str, int, str]] = {
    "svg named jpg": (lambda: files.SVG, "photo", 415, "FileTypeRefused"),
    "html": (lambda: files.HTML, "photo", 415, "FileTypeRefused"),
    "html paper": (lambda: files.HTML, "paper", 415, "FileTypeRefused"),
    "pdf as a photo": (lambda: files.PDF, "photo", 415, "FileTypeRefused"),
    "picture as a video": (files.jpeg, "video", 415, "FileTypeRefused"),
    "svg as a video": (lambda: files.SVG, "video", 415, "FileTypeRefused"),
    "webp as a paper": (lambda: files.pictured("WEBP"), "paper", 415, "FileTypeRefused"),
    "nothing": (bytes, "photo", 400, "FileEmpty"),
    "half a jpeg": (lambda: files.jpeg()[: len(files.jpeg()) // 2], "photo", 400, "PictureBroken"),
    "half a png": (lambda: files.pictured("PNG")[:-400], "photo", 400, "PictureBroken"),
    "half a heic": (lambda: files.heic()[: len(files.heic()) // 2], "photo", 400, "PictureBroken"),
    "a bomb": (files.bomb, "photo", 400, "TooManyPixels"),
    "a bomb behind a picture": (lambda: files.heic_of_two((7600, 7600), (200, 200)), "photo", 400, "TooManyPixels"),
    "a head alone": (lambda: b"\xff\xd8\xff\xe0", "photo", 400, "PictureBroken"),
    "half a pdf": (lambda: files.PDF[:30], "paper", 400, "PaperBroken"),
    "half a film": (lambda: files.video()[:3000], "video", 400, "VideoBroken"),
    "a long film": (lambda: files.video(seconds=62), "video", 400, "VideoTooLong"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_none_of_these_is_refused(desk: httpx.AsyncClient, db: Connection, name: str) -> None:
    make, purpose, status, kind = REFUSED[name]
    content = make()
    me, upload_id = await a_resident(db), uuid4()
    for _ in range(2):  # the same again is the same no
        refused = await desk.put(
            f"/v1/uploads/{upload_id}",
            params={"purpose": purpose},
            content=content,
            headers={**me.headers, "content-type": "image/jpeg"},
        )
        assert problem(refused) == (status, kind)
    assert sending.left_of(upload_id) == []
    if content:
        upload = await shown(desk, me, upload_id)
        assert (upload["status"], upload["refused_because"], upload["renditions"]) == ("refused", kind, [])
    good = await send(desk, me, upload_id, files.jpeg(), "photo")
    assert good.status_code == 201, "a refused request leaves no trace of its id"


async def test_a_film_is_private_and_shows_its_beginning(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    for content, media_type in (
        (files.video("mp4"), "video/mp4"),
        (files.video("mov"), "video/quicktime"),
        (files.video("webm", codec="libvpx"), "video/webm"),
    ):
        upload = (await send(desk, me, uuid4(), content, "video")).json()
        assert (upload["media_type"], upload["duration_ms"]) == (media_type, 2000)
        assert [one["size"] for one in upload["renditions"]] == ["poster", "small"]
        poster = files.opened((await desk.get(upload["renditions"][0]["url"])).content)
        assert poster.size == (320, 240)


def test_what_a_browser_records_says_nothing_of_its_length(tmp_path: files.Path) -> None:
    """A live WebM has no duration: the packets tell."""
    path = tmp_path / "live.webm"
    with files.av.open(str(path), "w", format="webm", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for number in range(30):
            picture = files.av.VideoFrame.from_image(files.a_scene(160, 120))
            picture.pts = number
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    with files.av.open(str(path)) as container:
        assert container.duration is None
    assert 2800 <= videos.read(path, "video/webm").duration_ms <= 3100


async def test_a_paper_is_kept_as_it_is_and_shown_to_nobody(desk: httpx.AsyncClient, db: Connection) -> None:
    me = await a_resident(db)
    for content in (files.PDF, files.jpeg(6)):
        upload = (await send(desk, me, uuid4(), content, "paper")).json()
        assert (upload["status"], upload["renditions"], upload["place"]) == ("ready", [], None)


def test_pictures_that_look_alike_share_their_bits() -> None:
    once, again, other = (
        images.read(content, "image/jpeg").phash
        for content in (files.fractal(), files.fractal(700, 525, quality=40), files.jpeg())
    )
    assert hamming(once, once) == 0
    assert hamming(once, again) <= 10 < hamming(once, other)
    assert hamming(-1, 0) == 64
    assert all(-(2**63) <= one < 2**63 for one in (once, again, other))


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\xff\xff\xff\xff", b"x" * 1000])
def test_what_no_parser_reads_says_nothing(exif: bytes) -> None:
    assert images.capture_of(exif) == images.Capture()


@pytest.mark.parametrize(
    ("gps", "fine"),
    [
        ({1: "S", 2: (16.0, 0.0, 0.0), 3: "W", 4: (107.0, 0.0, 0.0)}, True),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (107.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, False),
        ({1: "N", 2: (16.0,), 3: "E", 4: (107.0, 0.0, 0.0)}, False),
        ({2: (16.0, 0.0, 0.0)}, False),
    ],
)
def test_a_place_is_one_on_earth(gps: dict[int, object], fine: bool) -> None:
    tags = files.Image.Exif()
    tags.get_ifd(0x8825).update(gps)
    capture = images.capture_of(tags.tobytes())
    assert (capture.lat, capture.lng) == ((-16.0, -107.0) if fine else (None, None))


@pytest.mark.parametrize(
    "head",
    [b"", b"RIFF\0\0\0\0WAVE", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", b"\x1a\x45\xdf\xa3B\x82\x88matroska"],
    ids=["nothing", "sound", "avif", "matroska"],
)
@pytest.mark.parametrize("purpose", ["photo", "video", "paper"])
def test_what_is_not_on_the_list_is_not_taken(head: bytes, purpose: kinds.Purpose) -> None:
    with pytest.raises(kinds.FileTypeRefused):
        kinds.sniff(head, purpose)


async def test_pictures_are_not_decoded_on_the_loop(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """While four pictures are decoded, whatever asks for the loop gets it: no turn takes as long as one of them."""
    async with city.database.transaction() as db:
        me = await a_resident(db)
    took: list[float] = []
    _timed(monkeypatch, took)
    loop, longest, over = asyncio.get_running_loop(), 0.0, False

    async def watch() -> None:
        nonlocal longest
        while not over:
            before = loop.time()
            await asyncio.sleep(0)
            longest = max(longest, loop.time() - before)

    watching = asyncio.create_task(watch())
    done = await asyncio.gather(*(send(city.client, me, uuid4(), files.noise()) for _ in range(4)))
    over = True
    await watching
    assert {one.status_code for one in done} == {201}
    assert longest < max(took), (longest, took)


def _timed(monkeypatch: pytest.MonkeyPatch, took: list[float]) -> None:
    read: Callable[[bytes, str], images.Picture] = images.read

    def timed(content: bytes, media_type: str) -> images.Picture:
        before = monotonic()
        try:
            return read(content, media_type)
        finally:
            took.append(monotonic() - before)

    monkeypatch.setattr(images, "read", timed)


async def test_two_that_look_alike_are_found_in_the_database(desk: httpx.AsyncClient, db: Connection) -> None:
    me, one, other = await a_resident(db), uuid4(), uuid4()
    for upload_id, quality in ((one, 85), (other, 30)):
        assert (await send(desk, me, upload_id, files.jpeg(quality=quality))).status_code == 201
    first, second = [await db.fetchval(sql.phash_of, upload_id) for upload_id in (one, other)]
    assert hamming(first, second) <= 6
