"""Papers of dossiers: the forms that are printed, and the results that are signed."""
