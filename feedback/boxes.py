"""A box of the map, as the public asks for one."""

from typing import NamedTuple

from app.errors import Refusal


class BadBox(Refusal):
    """Khung bản đồ không hợp lệ: cần tây,nam,đông,bắc theo độ.

    This box is not valid: west,south,east,north in degrees."""

    status = 400


class Box(NamedTuple):
    """In degrees (WGS 84), edges included."""

    west: float
    south: float
    east: float
    north: float


def box_of(text: str) -> Box:
    """`west,south,east,north` in degrees (RFC 7946, 5), and not across the antimeridian: the city is far from it.
    Raises BadBox."""
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise BadBox from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadBox
    return Box(west, south, east, north)
