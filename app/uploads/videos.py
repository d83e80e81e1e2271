"""Short videos: how long they are, and a picture of their beginning. All of it is work for a thread (`threads`)."""

from pathlib import Path
from typing import Any, NamedTuple

import av
import pyvips
from av.container import InputContainer
from av.error import FFmpegError

from app.errors import Refusal
from app.uploads import images
from app.uploads.images import Capture, Picture

MOST_S = 60
ROUNDED_S = 0.5
"""A phone that stops after a minute stops a little later."""
MOST_PACKETS = 300
"""After so many without a picture there is none."""

_FORMATS = {"video/mp4": "mov", "video/quicktime": "mov", "video/webm": "matroska"}


class VideoTooLong(Refusal):
    """Video quá dài: tối đa {seconds} giây; hãy cắt ngắn rồi gửi lại.

    The video is too long: {seconds} seconds at most; cut it and send it again."""

    status = 400


class VideoBroken(Refusal):
    """Video bị hỏng hoặc chưa được gửi trọn vẹn; hãy gửi lại hoặc chọn video khác.

    The video is broken, or was not sent whole; send it again or choose another one."""

    status = 400


class Video(NamedTuple):
    """How long it is, and its first picture."""

    duration_ms: int
    poster: Picture


def read(path: Path, media_type: str) -> Video:
    """What is made of a video of this type; raises VideoTooLong, VideoBroken, TooManyPixels."""
    try:
        with av.open(str(path), format=_FORMATS[media_type]) as container:
            return _read(container)
    except (FFmpegError, pyvips.Error, ValueError, OverflowError, OSError) as trouble:
        raise VideoBroken from trouble


def _read(container: InputContainer) -> Video:
    if not container.streams.video:
        raise VideoBroken
    stream = container.streams.video[0]
    stream.thread_count = 1
    images.check_pixels(stream.width, stream.height)
    length_s = _said_s(container)
    poster: Picture | None = None
    for number, packet in enumerate(container.demux(stream)):
        _check_length(length_s)
        if packet.pts is not None:
            begun = stream.start_time or 0
            length_s = max(length_s, float((packet.pts - begun + (packet.duration or 0)) * packet.time_base))
        if poster is None and number < MOST_PACKETS:
            poster = next((_poster(frame) for frame in packet.decode()), None)
    _check_length(length_s)
    if poster is None or length_s <= 0:
        raise VideoBroken
    return Video(round(length_s * 1000), poster)


def _said_s(container: InputContainer) -> float:
    """The longest that it says of itself. What a browser records says nothing; so every packet is asked."""
    said = [container.duration / av.time_base] if container.duration else [0.0]
    said += [float(one.duration * one.time_base) for one in container.streams if one.duration and one.time_base]
    return max(said)


def _check_length(length_s: float) -> None:
    if length_s > MOST_S + ROUNDED_S:
        raise VideoTooLong(seconds=MOST_S)


def _poster(frame: Any) -> Picture:
    return images.of_image(_upright(frame), Capture())


def _upright(frame: Any) -> Any:
    images.check_pixels(frame.width, frame.height)
    picture = frame.to_image()
    image: Any = pyvips.Image.new_from_memory(picture.tobytes(), picture.width, picture.height, 3, "uchar")
    image = image.copy(interpretation="srgb")
    return {90: image.rot270, 180: image.rot180, 270: image.rot90}.get(frame.rotation % 360, image.copy)()
