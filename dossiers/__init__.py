"""Dossiers at the one-stop counters."""
