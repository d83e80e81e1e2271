"""Whoever works for the city: their own door, grants with a second pair of eyes, break-glass, residents' files."""
