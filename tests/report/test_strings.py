"""Signs an encoding lacks are written in ASCII of the same meaning."""

import pytest

from whyfit.report.strings import in_encoding


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [
        ("x¹⁰ + x²", "ascii", "x^10 + x^2"),
        ("10⁻¹⁵, (XᵀX)⁻¹", "ascii", "10^-15, (X'X)^-1"),
        ("x¹⁰ + x²", "latin-1", "x^10 + x²"),
        ("x¹⁰", "utf-8", "x¹⁰"),
    ],
)
def test_raised_digits_stay_together(text, encoding, shown):
    assert in_encoding(text, encoding) == shown
