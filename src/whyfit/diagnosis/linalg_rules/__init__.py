"""Rules on how the data are represented, one per file."""
