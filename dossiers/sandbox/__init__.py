"""Stand-ins of the parties that dossiers need: who signs, and who says when."""
