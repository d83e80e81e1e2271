"""A key's text: whole or refused, before anybody asks the database."""

import re
import string
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.machines import key_text
from app.machines.key_text import KeyOfAnotherMode, KeyRefused

SECRETS = st.binary(min_size=32, max_size=32)
BASE62 = string.digits + string.ascii_letters


@given(st.uuids(), SECRETS)
def test_a_key_says_what_was_written(key_id: UUID, secret: bytes) -> None:
    text = key_text.write(key_id, secret)
    assert re.fullmatch(r"hk_test_[0-9A-Za-z]{71}", text)
    assert key_text.read(text) == (key_id, secret)
    assert text.startswith(key_text.keyid_of(key_id))
    assert key_text.read_keyid(text[:30]) == key_id


@given(st.uuids(), SECRETS, st.integers(0, 78), st.sampled_from(BASE62))
def test_a_typo_is_known_as_one(key_id: UUID, secret: bytes, at: int, typo: str) -> None:
    text = key_text.write(key_id, secret)
    mistyped = text[:at] + typo + text[at + 1 :]
    if mistyped != text:
        with pytest.raises(KeyRefused):
            key_text.read(mistyped)


@given(st.uuids(), SECRETS, st.integers(0, 78))
def test_a_key_that_was_cut_is_known_as_such(key_id: UUID, secret: bytes, length: int) -> None:
    with pytest.raises(KeyRefused):
        key_text.read(key_text.write(key_id, secret)[:length])


@given(st.text(max_size=100) | st.text(BASE62, min_size=71, max_size=71).map("hk_test_".__add__))
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(KeyRefused):
        key_text.read(text)


@pytest.mark.parametrize(
    "keyid", ["hk_test_" + "z" * 22, "hk_test_" + "-" * 22, "hk_test_", "", "d0a9c3f4-2f5c-4c57-9d0e-6b8f3a5b7c11"]
)
def test_what_names_no_key_is_refused(keyid: str) -> None:
    with pytest.raises(KeyRefused):
        key_text.read_keyid(keyid)


def test_a_whole_key_with_digits_beyond_its_bits_is_refused() -> None:
    for body in ("z" * 65, "0" * 22 + "z" * 43):
        text = f"hk_test_{body}"
        with pytest.raises(KeyRefused):
            key_text.read(text + key_text._sum_of(text))  # pyright: ignore[reportPrivateUsage]


def test_a_sandboxs_key_opens_no_real_city(production: None) -> None:
    text = key_text.write(uuid4(), bytes(32))
    assert text.startswith("hk_live_")
    assert key_text.read(text).secret == bytes(32)
    with pytest.raises(KeyOfAnotherMode):
        key_text.read_keyid("hk_test_" + "0" * 22)


def test_a_real_citys_key_opens_no_sandbox() -> None:
    live = "hk_live_" + key_text.write(uuid4(), bytes(32))[8:-6]
    live += key_text._sum_of(live)  # pyright: ignore[reportPrivateUsage]
    for read in (lambda: key_text.read(live), lambda: key_text.read_keyid(live[:30])):
        with pytest.raises(KeyOfAnotherMode):
            read()
