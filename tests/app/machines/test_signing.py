"""Signatures, without a door: whatever was signed cannot be changed, and nothing that is sent breaks the reader."""

from base64 import b64decode
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.machines import key_text, signing
from app.machines.signing import BadSignature, Lines

KEY = key_text.write(uuid4(), bytes(range(32)))
CITY = "https://hue.example"
PATH, QUERY, BODY = "/v1/echoes/h%C6%B0%C6%A1ng", "page=2&sort=-due", b'{"amount": 412500}'
NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _the_clock_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "city_now", lambda: NOW)


def signed(*, covered: tuple[str, ...] = signing.BY_PARTS, body: bytes = BODY) -> Lines:
    return list(signing.sign(KEY, "PUT", f"{CITY}{PATH}?{QUERY}", body, covered=covered).items())


def check(lines: Lines, *, method: str = "PUT", path: str = PATH, query: str = QUERY, body: bytes = BODY) -> None:
    """As the front door does."""
    claimed = signing.read(lines)
    signing.verify(KEY, method, f"{CITY}{path}?{query}", lines, body, claimed)


def why(lines: Lines, *, body: bytes = BODY) -> str:
    """What is wrong with it; fails if nothing is."""
    with pytest.raises(BadSignature) as refused:
        check(lines, body=body)
    return refused.value.members["why"]


def changed(lines: Lines, name: str, value: str) -> Lines:
    return [(given, value if given == name else kept) for given, kept in lines]


def flipped(data: st.DataObject, text: str) -> str:
    """The same text, but for one character."""
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda one: one != text[at]))
    return text[:at] + other + text[at + 1 :]


@pytest.mark.parametrize("covered", [signing.BY_PARTS, signing.BY_TARGET, (*signing.BY_PARTS, "@scheme")])
@pytest.mark.parametrize("body", [BODY, b""])
def test_what_was_signed_passes(covered: tuple[str, ...], body: bytes) -> None:
    check(signed(covered=covered, body=body), body=body)


@settings(max_examples=300)
@given(st.data(), st.sampled_from([signing.BY_PARTS, signing.BY_TARGET]))
def test_no_byte_of_what_was_signed_can_be_another(data: st.DataObject, covered: tuple[str, ...]) -> None:
    lines = signed(covered=covered)
    match data.draw(st.sampled_from(["method", "path", "query", "body", "digest", "input"])):
        case "method":
            how = {"method": flipped(data, "PUT")}
        case "path":
            how = {"path": flipped(data, PATH)}
        case "query":
            how = {"query": flipped(data, QUERY)}
        case "body":
            how = {"body": flipped(data, BODY.decode()).encode("latin-1")}
        case "digest":
            how, lines = {}, changed(lines, "Content-Digest", flipped(data, dict(lines)["Content-Digest"]))
        case _:
            how, lines = {}, changed(lines, "Signature-Input", flipped(data, dict(lines)["Signature-Input"]))
    with pytest.raises(BadSignature):
        check(lines, **how)  # pyright: ignore[reportArgumentType]


@settings(max_examples=300)
@given(st.data())
def test_no_bit_of_a_signature_can_be_another(data: st.DataObject) -> None:
    lines = signed()
    signature = dict(lines)["Signature"]
    label, _, mac = signature.partition("=:")
    other = flipped(data, mac[:-1])
    with suppress(ValueError):
        if b64decode(other) == b64decode(mac[:-1]):  # the last digit of base64 has bits to spare
            return
    assert why(changed(lines, "Signature", f"{label}=:{other}:"))


@settings(max_examples=300)
@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_whatever_comes_is_refused_and_breaks_nothing(inputs: str, signature: str) -> None:
    with pytest.raises(BadSignature):
        check([("signature-input", inputs), ("signature", signature)])


SOMETHING = st.sampled_from(
    ['"@method"', '"@query-param";name="page"', '"@status"', '"@path";req', '"x";bs', "tok", "?1"]
)
PARAMETER = st.sampled_from(
    ['expires="soon"', "expires=1", "tag=?0", "tag=tok", "sort=1", "created=@1", "nonce=:YQ==:"]
)


@settings(max_examples=300)
@given(st.lists(SOMETHING, max_size=3), st.lists(PARAMETER, max_size=3))
def test_components_and_parameters_that_are_not_ours_break_nothing(more: list[str], params: list[str]) -> None:
    lines = signed()
    inside, _, after = dict(lines)["Signature-Input"].partition(")")
    odd = " ".join([inside, *more]) + ")" + ";".join([after, *params])
    if more or params:
        assert why(changed(lines, "Signature-Input", odd))


@pytest.mark.parametrize("dropped", [*signing.BY_PARTS, "content-digest"])
def test_a_component_that_must_be_covered_cannot_be_left_out(dropped: str) -> None:
    lines = signed()
    less = dict(lines)["Signature-Input"].replace(f'"{dropped}"', "").replace("  ", " ").replace("( ", "(")
    assert why(changed(lines, "Signature-Input", less.replace(" )", ")")))


@pytest.mark.parametrize(
    "covered", [("@method", "@path", "@query"), ("@authority", "@path", "@query"), ("@target-uri",)]
)
def test_too_little_is_signed(covered: tuple[str, ...]) -> None:
    assert why(signed(covered=covered)).startswith("the signature must cover")


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_header_that_was_dropped_is_missed(name: str) -> None:
    assert why([line for line in signed() if line[0] != name])


@pytest.mark.parametrize("name", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_header_that_is_there_twice_is_refused(name: str) -> None:
    lines = signed()
    assert why([*lines, (name, dict(lines)[name])])


def test_two_signatures_are_refused_even_if_both_are_good() -> None:
    one, other = dict(signed()), dict(signed())
    both = [
        (name, f"{one[name]}, {other[name].replace('huong=', 'also=')}") for name in ("Signature-Input", "Signature")
    ]
    said = why([("Content-Digest", one["Content-Digest"]), *both])
    assert said == "one signature is expected, under the same label in Signature-Input and Signature"


def test_a_digest_that_covers_only_a_part_of_its_header_is_none() -> None:
    lines = [*signed(body=b""), ("Content-Digest", dict(signed())["Content-Digest"])]
    assert "Content-Digest" in why(lines)
    assert "must be" in why(
        changed(signed(), "Signature-Input", dict(signed())["Signature-Input"].replace("hmac", "rsa"))
    )


def test_another_body_is_told_as_such() -> None:
    assert why(signed(), body=BODY + b" ").startswith("the digest differs")
    assert why(signed(), body=b"").startswith("the digest differs")
    assert "needs Content-Digest" in why(signed(body=b""), body=BODY)


@pytest.mark.parametrize("away_s", [-300, -299, 0, 299, 300])
def test_a_clock_may_be_off_by_five_minutes(away_s: int) -> None:
    url = f"{CITY}{PATH}?{QUERY}"
    check(list(signing.sign(KEY, "PUT", url, BODY, created=NOW + timedelta(seconds=away_s)).items()))


@pytest.mark.parametrize("away_s", [-100_000, -301, 301, 100_000])
def test_a_clock_may_be_off_by_no_more(away_s: int) -> None:
    url = f"{CITY}{PATH}?{QUERY}"
    said = why(list(signing.sign(KEY, "PUT", url, BODY, created=NOW + timedelta(seconds=away_s)).items()))
    assert said.startswith(f"created is {abs(away_s)} s away")


@pytest.mark.parametrize("length", [0, 15, 65])
def test_a_nonce_has_its_length(length: int) -> None:
    url = f"{CITY}{PATH}?{QUERY}"
    assert "16 to 64" in why(list(signing.sign(KEY, "PUT", url, BODY, nonce="n" * length).items()))


def test_who_signs_with_another_key_learns_what_to_sign_and_nothing_else() -> None:
    other = key_text.write(key_text.read(KEY).key_id, bytes(32))
    lines = list(signing.sign(other, "PUT", f"{CITY}{PATH}?{QUERY}", BODY).items())
    with pytest.raises(BadSignature) as refused:
        check(lines)
    base = refused.value.members["signature_base"]
    assert base.splitlines()[0] == '"@method": PUT'
    assert KEY not in str(refused.value.members)
    assert KEY[30:] not in str(refused.value.members)


def test_a_whole_key_as_keyid_is_a_mistake_worth_telling() -> None:
    lines = signed()
    assert "whole key" in why(
        changed(lines, "Signature-Input", dict(lines)["Signature-Input"].replace(KEY[:30], KEY))
    )


def test_nobody_signs_with_what_is_no_key() -> None:
    with pytest.raises(signing.CannotSign):
        signing.sign(KEY[:-1], "GET", CITY)
    with pytest.raises(signing.CannotSign):
        signing.sign(KEY, "GET", "no address")
