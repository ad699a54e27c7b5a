"""Rules on a descent that was taken: `whyfit descend`."""
