"""The peer: the same payments as an ordinary good team would write them, with FastAPI, pydantic and SQLAlchemy.

It neither imports the product nor is imported by it."""
