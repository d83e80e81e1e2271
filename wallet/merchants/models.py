"""The nouns of a shop's counter: who works there, whose turn it is, and what finance sees. Amounts are whole đồng."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from app.types import MOST_DONG, Answer, Body, PhoneText, ShortText
from wallet.models import CategoryCode, MerchantStatus

CashierStatus = Literal["invited", "expired", "active"]


class InviteCashier(Body):
    """Somebody who shall work at the counter, by their number. `may_refund_up_to`: đồng in a day, all their refunds
    together; 0: none."""

    phone: PhoneText
    name: ShortText
    may_refund_up_to: Annotated[int, Meta(ge=0, le=MOST_DONG)] = 0


class Cashier(Answer):
    """Somebody who works at the counter, or is invited to until `expires_at`; `phone` and `name` as the owner wrote
    them."""

    id: UUID
    merchant_id: UUID
    phone: str
    name: str
    may_refund_up_to: int
    status: CashierStatus
    invited_at: datetime
    expires_at: datetime
    accepted_at: datetime | None


class Cashiers(Answer):
    """Everybody who works at the counter of a shop, or is invited to."""

    items: list[Cashier]


class Invitation(Answer):
    """A shop asks me to work at its counter. Accept it with both ids."""

    cashier_id: UUID
    merchant_id: UUID
    merchant_name: str
    invited_at: datetime
    expires_at: datetime


class Invitations(Answer):
    """The shops that ask me now."""

    items: list[Invitation]


class OpenShift(Body):
    """At which terminal a shift begins."""

    terminal_id: UUID


class Shift(Answer):
    """Somebody's turn at a terminal, and what came in there meanwhile; of an open shift, so far.

    `net` is takings less refunds. A taking counts in the shift in which it was booked, a refund in the one in which
    it was given."""

    id: UUID
    merchant_id: UUID
    terminal_id: UUID
    terminal: str
    person: str
    opened_at: datetime
    closed_at: datetime | None
    takings_count: int
    takings_amount: int
    refunds_count: int
    refunds_amount: int
    net: int


class StaffMerchant(Answer):
    """A shop as finance sees it; the owner's name is masked. `status_reason`: why it is suspended. `wanted_name`,
    `wanted_category_code`: what its owner wants it to be from now on, and an approval lets it be."""

    id: UUID
    name: str
    category_code: str
    ward: str
    status: MerchantStatus
    status_reason: str | None
    owner_id: UUID
    owner_name: str
    owner_level: int
    virtual_account: str
    made_at: datetime
    status_changed_at: datetime | None
    wanted_name: str | None
    wanted_category_code: str | None


class ApproveMerchant(Body):
    """The name and the category that were looked at: if the owner wants others meanwhile, nothing is approved."""

    name: ShortText
    category_code: CategoryCode
