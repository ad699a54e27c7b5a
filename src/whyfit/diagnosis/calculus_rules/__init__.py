"""Rules on how the model learned, one per file."""
