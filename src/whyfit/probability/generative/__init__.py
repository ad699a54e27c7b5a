"""Generative models from moments: how the rows of each class, or all rows, come about, and new rows like them."""
