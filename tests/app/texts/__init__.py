"""Text messages: how long they are, how they are handed over, how they ended, and the codes in them."""
