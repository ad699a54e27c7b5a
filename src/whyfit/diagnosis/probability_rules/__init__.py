"""Rules on how far predictions and conclusions can be trusted, one per file."""
