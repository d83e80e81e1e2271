"""What carries a message to a phone: one face, several transports."""
