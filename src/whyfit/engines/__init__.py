"""Where a fold runs. Engines know nothing of one another."""
