"""The nouns of money that a resident puts in. Amounts are whole đồng."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from app.types import Answer
from wallet.models import TopUpFailure, TopUpMethod

TopUpStatus = Literal["pending", "paid", "failed", "expired", "review"]


class TransferTo(Answer):
    """The account to transfer to, for those who type: exactly the top-up's amount, its code in the words."""

    bank_bin: str
    account_number: str
    account_name: str


class TopUp(Answer):
    """A top-up and its fate.

    While it is `pending` and not over: `pay_url` is the gateway's page; or `vietqr` is the text of a QR that any
    bank's app pays, with `code` in the transfer's words and `transfer_to` for whoever types them. `review`: paid, and
    looked at before it is in the wallet. `reason`: why it failed."""

    id: UUID
    status: TopUpStatus
    amount: int
    method: TopUpMethod
    pay_url: str | None
    vietqr: str | None
    code: str | None
    transfer_to: TransferTo | None
    reason: TopUpFailure | None
    expires_at: datetime
    made_at: datetime
    resolved_at: datetime | None


class AnyTopUp(Answer):
    """A top-up as finance sees it. `gateway_reference`: the gateway's own number of the payment; `next_ask_at`: when
    the gateway is asked about it, if there is something to ask."""

    id: UUID
    principal_id: UUID
    method: TopUpMethod
    status: TopUpStatus
    amount: int
    code: str | None
    reason: TopUpFailure | None
    gateway_reference: str | None
    gateway_bank: str | None
    next_ask_at: datetime | None
    made_at: datetime
    expires_at: datetime
    resolved_at: datetime | None


class GatewayHeard(Answer, rename={"code": "RspCode", "message": "Message"}):
    """What the gateway waits for: at 00 and 02 it is told no more, at all others it tells us again."""

    code: str
    message: str


class OpenTopUp(msgspec.Struct, frozen=True):
    """A top-up whose row is locked, because money for it may have come."""

    id: UUID
    principal_id: UUID
    method: TopUpMethod
    amount: int
    status: TopUpStatus
    expires_at: datetime
    wallet_is_closed: bool
