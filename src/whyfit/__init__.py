"""whyfit finds out why a model fits the way it does, with the mathematics as evidence."""

__version__ = "0.1.0"
