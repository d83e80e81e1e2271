"""A code in a bank transfer's words: found whatever a bank makes of them, and never taken for another."""

import itertools
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallet.gateways import transfer_codes
from wallet.gateways.transfer_codes import BILL, ORDER, TOP_UP

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

patient = settings(deadline=None)
prefixes = st.sampled_from([TOP_UP, BILL, ORDER])
bodies = st.text(st.sampled_from(CROCKFORD), min_size=7, max_size=7)


def code_of(prefix: str, body: str) -> str:
    return prefix + body + transfer_codes.check_of(prefix, body)


@patient
@given(prefixes)
def test_a_new_code_is_found_again(prefix: str) -> None:
    code = transfer_codes.make(prefix)
    assert len(code) == 11
    assert transfer_codes.find(code, prefix) == code
    assert set(code.removeprefix(prefix)) <= set(CROCKFORD)


@pytest.mark.parametrize(
    "words",
    [
        "{code}",
        "NAP TIEN {code} NGUYEN VAN A",
        "MBVCB.6623104583.{code}.CT tu 1014567890 toi 1900190019",
        "IBFT{code}",
        "FT26328{code}GD 123456",
        "{lower} nap vi",
        "{spaced}",
        "ND: {dashed}; Ref 99",
        "CHO HUE, {code}",
    ],
)
def test_whatever_banks_make_of_the_words(words: str) -> None:
    code = code_of(TOP_UP, "7K3M9XQ")
    spaced, dashed = " ".join(code), "-".join((code[:3], code[3:7], code[7:]))
    said = words.format(code=code, lower=code.lower(), spaced=spaced, dashed=dashed)
    assert transfer_codes.find(said) == code


def test_letters_that_look_like_digits_are_read_as_these() -> None:
    body = next(f"01{last:05}" for last in range(100) if transfer_codes.check_of(TOP_UP, f"01{last:05}") in "01")
    code = code_of(TOP_UP, body)
    for zero, one in itertools.product("0oO", "1iIlL"):
        typed = TOP_UP + code.removeprefix(TOP_UP).replace("0", zero).replace("1", one)
        assert transfer_codes.find(f"nap {typed}") == code


@patient
@given(prefixes, bodies, st.data())
def test_one_wrong_character_is_noticed(prefix: str, body: str, data: st.DataObject) -> None:
    code = code_of(prefix, body)
    at = data.draw(st.integers(len(prefix), len(code) - 1))
    other = data.draw(st.sampled_from(CROCKFORD.replace(code[at], "")))
    assert transfer_codes.find(code[:at] + other + code[at + 1 :], prefix) is None


@patient
@given(prefixes, bodies)
def test_two_that_changed_places_are_noticed(prefix: str, body: str) -> None:
    code = code_of(prefix, body).removeprefix(prefix)
    for here, there in itertools.combinations(range(8), 2):
        swapped = list(code)
        swapped[here], swapped[there] = swapped[there], swapped[here]
        if swapped != list(code):
            assert transfer_codes.find(prefix + "".join(swapped), prefix) is None


@patient
@given(bodies)
def test_a_code_of_one_kind_is_none_of_another(body: str) -> None:
    for ours, other in itertools.permutations((TOP_UP, BILL, ORDER), 2):
        assert transfer_codes.find(code_of(ours, body), other) is None
        assert transfer_codes.check_of(ours, body) != transfer_codes.check_of(other, body)


@patient
@given(st.text(max_size=200))
def test_whatever_the_words_are_only_codes_are_found(words: str) -> None:
    for code in transfer_codes.all_in(words):
        assert code == code_of(TOP_UP, code[3:10])


def test_several_codes_are_found_those_in_one_piece_first() -> None:
    first, second = code_of(TOP_UP, "7K3M9XQ"), code_of(TOP_UP, "ABCDEFG")
    assert transfer_codes.all_in(f"{second[:5]} {second[5:]} va {first}, {first}") == [first, second]
    assert transfer_codes.all_in(first + second) == [first, second]


def test_what_has_no_code_has_none() -> None:
    assert transfer_codes.find("NGUYEN THI HUE CHUYEN TIEN") is None
    assert transfer_codes.find("") is None
    assert transfer_codes.find(f"HUE{'٠' * 8}") is None
    assert transfer_codes.find(string.printable * 3) is None
