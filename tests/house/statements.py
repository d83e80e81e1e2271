"""SQL that only the house's tests need."""

from app.db import queries_beside

sql = queries_beside(__file__)
