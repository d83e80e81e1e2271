"""The sandbox's stand-ins of money's outside parties: a payment gateway, a partner bank, a biller."""
