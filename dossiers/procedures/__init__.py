"""What can be asked for: procedures, their published versions, and the flow that each version is."""
