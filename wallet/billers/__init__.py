"""Billers: their bills, how they are fetched and paid, codes that residents keep, autopay."""
