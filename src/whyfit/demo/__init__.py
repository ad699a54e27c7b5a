"""The worked example people meet first: houses written by a known law, and real data sets."""

from whyfit.demo.run import run_demo

__all__ = ["run_demo"]
