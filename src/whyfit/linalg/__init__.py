"""Pillar 1, the language of data: moments, solving, conditioning, relations."""
