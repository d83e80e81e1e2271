"""Figures of dossiers: statistics that everybody may read, the score of Decision 766/QĐ-TTg, and what is late."""
