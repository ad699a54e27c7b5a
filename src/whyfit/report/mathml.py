"""LaTeX as inline MathML, safe to put into a page.

The converter's own serialisation undoes XML escaping, so text inside `\\text{...}` could become
markup. Here the element tree is written out anew: known elements and attributes only, every text
escaped.

Reference: W3C, MathML Core, section 2 (elements and global attributes).
"""

from __future__ import annotations

import html
from functools import lru_cache
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter
from markupsafe import Markup, escape

_ELEMENTS = frozenset({
    "math", "mrow", "mi", "mo", "mn", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msup",
    "msub", "msubsup", "munder", "mover", "munderover", "mmultiscripts", "mprescripts", "mtable",
    "mtr", "mtd", "mstyle", "mphantom", "mpadded", "menclose",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "display", "displaystyle", "scriptlevel", "mathvariant", "stretchy", "fence", "separator",
    "form", "lspace", "rspace", "accent", "accentunder", "movablelimits", "largeop", "symmetric",
    "minsize", "maxsize", "linethickness", "columnalign", "columnspacing", "rowspacing",
    "rowlines", "columnlines", "columnspan", "width", "height", "depth", "notation",
})  # fmt: skip


@lru_cache(maxsize=512)
def mathml(latex: str) -> Markup:
    """The formula as `<math>`; as `<code>` with the LaTeX itself if it cannot be converted."""
    try:
        tree = Converter(display="block").convert_to_element(latex)
    except Exception:  # the parser has many ways to fail on LaTeX with strange names in it
        return Markup("<code>{}</code>").format(latex)
    return _write(tree)


def _write(element: Element) -> Markup:
    inside = _text(element.text)
    for child in element:
        inside += _write(child) + _text(child.tail)
    if element.tag not in _ELEMENTS:
        return inside
    attributes = Markup("").join(
        Markup(' {}="{}"').format(name, html.unescape(value))
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(element.tag), attributes, inside)


def _text(text: str | None) -> Markup:
    """Text of the tree, where the converter writes symbols as character references."""
    return escape(html.unescape(text or ""))
