"""Results that go to their owners by public post."""
