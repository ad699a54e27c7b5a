"""How the world becomes numbers: sources, schema, design matrix."""

from whyfit.data.limits import live_within_limit

live_within_limit()  # before polars is imported anywhere in this room
