"""Stand-ins of the parties outside with whom dossiers have to do."""
