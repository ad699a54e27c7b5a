"""`python -m whyfit` is `whyfit`."""

from whyfit.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
