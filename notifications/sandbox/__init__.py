"""Stand-ins of the parties outside that carry messages to phones."""
