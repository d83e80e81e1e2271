"""Money in from outside and out to banks: top-ups, transfers from any bank's app, cash, withdrawals, payouts."""
