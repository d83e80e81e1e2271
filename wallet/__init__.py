"""Money. What other domains may call: `issue_bill` and `withdraw_bill`; they hear `wallet.events.BillPaid`."""

from wallet.bills import issue as issue_bill
from wallet.bills import withdraw as withdraw_bill

__all__ = ["issue_bill", "withdraw_bill"]
