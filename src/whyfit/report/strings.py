"""Strings that may hold anything, made fit to be shown: on one line, in an encoding.

User strings may hold newlines, escape sequences or direction marks; they are shown, never obeyed.
"""

from __future__ import annotations

import re
import unicodedata

#: Signs whyfit writes itself, with what stands in where an encoding lacks them.
ASCII = {
    "×": "x", "→": "->", "±": "+/-", "−": "-", "–": "-", "—": "-", "≈": "~", "≥": ">=", "≤": "<=",
    "≠": "!=", "÷": "/", "·": "*", "…": "...", "²": "^2", "³": "^3", "¹": "1", "⁰": "^0",
    "√": "sqrt", "∞": "inf", "λ": "lambda", "κ": "kappa", "η": "eta", "σ": "sigma", "Σ": "Sigma",
    "β": "beta", "ρ": "rho", "π": "pi", "∂": "d", "∇": "grad ", "‖": "||", "₊": "+",
    "ᵀ": "'", "⁻": "^-", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ", "∈": "in",
    "∑": "sum", "ε": "eps", "μ": "mu", "χ": "chi", "Δ": "Delta", "δ": "delta", "θ": "theta",
    "τ": "tau", "α": "alpha", "γ": "gamma", "∝": "prop. to", "≪": "<<", "≫": ">>", "½": "1/2",
    "₀": "0", "₁": "1", "₂": "2", "₃": "3", "₄": "4", "₅": "5", "₆": "6", "₇": "7", "₈": "8",
    "₉": "9", "ᵢ": "i", "ⱼ": "j", "ₖ": "k", "ₙ": "n", "ₚ": "p",
    "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9", "⁽": "^(", "⁾": ")",
    "ᶜ": "^c", "ᵗ": "^t", "ᴮ": "^B", "ᵇ": "^b", "Φ": "Phi", "Π": "Pi", "Λ": "Lambda", "ℓ": "l",
    "∫": "integral", "∘": "o", "⊕": "(+)", "≲": "<~", "₋": "-", "§": "section ", "¼": "1/4",
    "─": "-", "│": "|", "├": "|-", "└": "`-", "►": ">", "←": "<-", "✓": "yes", "✗": "no",
    "⎡": "[", "⎢": "[", "⎣": "[", "⎤": "]", "⎥": "]", "⎦": "]",
    "ŵ": "w^", "ŷ": "y^", "Ŷ": "Y^", "ȳ": "y_mean", "Ȳ": "Y_mean",
    "\u0302": "^", "\u0303": "~", "\u0304": "_mean", "\u0305": "_mean",
    "′": "'", "″": '"', "‘": "'", "⁺": "^+", "∏": "prod", "≡": "==", "∼": "~", "∪": "or", "∩": "and",
    "⊂": "in", "⊥": "perp", "⟂": "perp", "∀": "all", "⌊": "floor(", "⌋": ")", "⌈": "ceil(", "⌉": ")",
    "⟨": "<", "⟩": ">", "∅": "{}", "¾": "3/4", "‰": "/1000", "°": " deg", "ⁿ": "^n", "ₘ": "m",
    "ᵏ": "^k", "⁼": "^=", "₍": "(", "₎": ")", "ₐ": "a", "ₓ": "x", "↑": "up", "↓": "down",
}  # fmt: skip
_LOWERED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWERS = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIRECTION = {*"\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}
_CONTROL = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    """`text` on one line with control and direction characters written out."""
    if text.isascii() and text.isprintable():
        return text
    out = []
    for c in text:
        if c in _CONTROL:
            out.append(_CONTROL[c])
        elif c in _DIRECTION or unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}:
            out.append(f"\\x{ord(c):02x}" if ord(c) < 256 else f"\\u{ord(c):04x}")
        else:
            out.append(c)
    return "".join(out)


def in_encoding(text: str, encoding: str) -> str:
    """`text` with every character `encoding` lacks replaced by ASCII of the same meaning."""
    try:
        text.encode(encoding)
        return text
    except UnicodeEncodeError:
        pass
    except LookupError:
        encoding = "ascii"
    out = []
    for c in _POWERS.sub(lambda m: _in_line(m[0], encoding), text):
        try:
            c.encode(encoding)
            out.append(c)
        except UnicodeEncodeError:
            out.append(ASCII.get(c) or _greek(c) or c.encode("ascii", "backslashreplace").decode())
    return "".join(out)


def _in_line(raised: str, encoding: str) -> str:
    """x¹⁰ as x^10, not x1^0, unless the encoding has all of it."""
    try:
        raised.encode(encoding)
        return raised
    except UnicodeEncodeError:
        return "^" + raised.translate(_LOWERED)


def _greek(c: str) -> str:
    """The name of a Greek letter, "" for any other character."""
    name = unicodedata.name(c, "").split()
    if name[:1] != ["GREEK"] or "LETTER" not in name:
        return ""
    letter = name[name.index("LETTER") + 1].lower()
    return letter.capitalize() if "CAPITAL" in name else letter
