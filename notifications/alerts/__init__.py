"""Warnings to the whole city, as CAP 1.2 has them, and what people look for in a flood."""
