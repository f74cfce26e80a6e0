"""The words of an HTML body, a line to a block: for reading and searching, never for showing as HTML."""

from __future__ import annotations

from lxml import etree

CHARACTERS_MAX = 2_000_000  # a longer body has no words here; it is read as HTML

_BLOCKS = frozenset(
    ["p", "div", "br", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "blockquote", "pre", "hr"]
)
_UNSEEN = frozenset(["script", "style", "head", "title", "template"])


def words_of(html: str) -> str:
    """Empty where there is nothing that could be read."""
    if not html.strip() or len(html) > CHARACTERS_MAX:
        return ""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(html.encode("utf-8", "replace"), parser)
    except (etree.ParserError, etree.XMLSyntaxError):
        return ""
    if root is None:
        return ""
    pieces: list[str] = []
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if event == "end":
            pieces.append(node.tail or "")
            continue
        if node.tag in _BLOCKS:
            pieces.append("\n")
        if node.tag not in _UNSEEN:
            pieces.append(node.text or "")
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    return "\n".join(line for line in lines if line)
