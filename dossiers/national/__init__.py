"""The National Public Service Portal: it hears how our dossiers go, and files dossiers with us."""
