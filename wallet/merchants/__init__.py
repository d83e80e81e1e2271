"""Merchants: what a shop shows to be paid, who stands at its till, what came in, and how it is settled."""
