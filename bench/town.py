"""The people, shops and bills that a benchmark pays with: the same shape for our server and for its peer."""

from collections.abc import Sequence

import msgspec

PAST_PAYMENTS = 10_000
"""Made before the benchmark began."""


class Town(msgspec.Struct):
    """Residents are known by their bearer tokens, merchants by the text of the QR sticker on their counter."""

    tokens: list[str]
    """One per resident: a wallet that is open, and more money than the benchmark can spend."""
    qrs: list[str]
    """One sticker per merchant, without an amount; the first is the hot merchant's."""
    bills: list[str]
    """Ids of bills that anyone may pay, once."""
    poor: str
    """The token of a resident who has 10,000 ₫."""
    locked: str
    """The token of a resident whose wallet is not open."""

    def after(self, *, bills_used: int) -> "Town":
        """The same town, without the bills that were tried already."""
        return msgspec.structs.replace(self, bills=self.bills[bills_used:])


class Books(msgspec.Struct, frozen=True):
    """What a ledger says of itself."""

    payments: int
    """Payment rows, each made by one 201."""
    sum_of_entries: int
    """0, or money appeared from nowhere."""
    wrong_accounts: int
    """Accounts whose balance is not the sum of their entries."""
    below_zero: int
    """Residents' accounts that owe money."""

    def faults(self, before: "Books", made: int) -> list[str]:
        """What does not add up after `made` answers of 201 since `before`: an empty list when all is well."""
        found: list[str] = []
        if self.payments - before.payments != made:
            found.append(f"{made} answers of 201 but {self.payments - before.payments} payments in the books")
        if self.sum_of_entries:
            found.append(f"the entries sum to {self.sum_of_entries}, not 0")
        if self.wrong_accounts:
            found.append(f"{self.wrong_accounts} accounts differ from the sum of their entries")
        if self.below_zero:
            found.append(f"{self.below_zero} residents' accounts are below zero")
        return found


class Wrong(Exception):
    """A fast wrong answer is not a result."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
