"""Text messages: one-time codes and warnings that must reach a phone without an app or without data."""
