"""Pillar 3, reasoning under uncertainty: inference, intervals, tests, validation, bootstrap."""
