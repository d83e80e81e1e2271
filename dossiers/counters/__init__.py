"""Visits to a one-stop counter: times to come at, numbers to wait with, and the screen on the wall."""
