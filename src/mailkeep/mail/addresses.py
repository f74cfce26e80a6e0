"""Address headers: `"Doe, Jane" <jane@x>, =?utf-8?q?J=C3=B6rg?= <joerg@x>, Team: a@x, b@x;` as names and addresses.

Split before encoded words are decoded, for a decoded comma parts nothing. Linear, never raises; what is no address comes back
as a name without one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailkeep.mail.charsets import decode_header

# An encoded word, a quoted string, a comment (nesting is ignored, as in most mailers), an <address>, a separator, or anything
# else. The lengths are bounded so that ten thousand opening quotes without an end cost no quadratic search.
_TOKEN = re.compile(
    rb"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,200}\?="
    rb'|"(?:[^"\\]|\\.){0,100}+"'
    rb"|\([^()]{0,200}\)"
    rb"|<[^<>]{0,400}>"
    rb"|[,;]"
    rb'|[^",;<(=]+'
    rb"|.",
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Address:
    name: str  # decoded, "" where there is none
    address: str  # as written: local@domain, or "" where the header holds only a name


def addresses(raw: bytes) -> tuple[Address, ...]:
    """Every mailbox of the header, in order; a group's own name is dropped."""
    value = raw.replace(b"\r", b"").replace(b"\n", b"")
    found: list[Address] = []
    tokens: list[bytes] = []
    for match in _TOKEN.finditer(value):
        token = match[0]
        if token in (b",", b";"):
            _add(found, tokens)
            tokens = []
        else:
            tokens.append(token)
    _add(found, tokens)
    return tuple(found)


def _add(found: list[Address], tokens: list[bytes]) -> None:
    angle = next((token for token in reversed(tokens) if token.startswith(b"<") and token.endswith(b">")), None)
    comments = [token for token in tokens if token.startswith(b"(") and token.endswith(b")") and len(token) > 1]
    words = [token for token in tokens if token is not angle and token not in comments]
    text = b"".join(words).strip()
    if angle is None and b"@" in text:
        address, name = text, b" ".join(comment[1:-1] for comment in comments)
    else:
        address, name = (angle or b"")[1:-1], text
    before, colon, after = address.partition(b":")
    address = (
        after if colon and (b"@" not in before or before.startswith(b"@")) else address
    )  # `Team: a@x`, `<@relay:a@x>`
    parsed = Address(_unquoted(decode_header(_after_group(name))), decode_header(address).strip())
    if parsed.name or parsed.address:
        found.append(parsed)


def _after_group(name: bytes) -> bytes:
    group, colon, rest = name.partition(b":")
    return rest if colon and b'"' not in group and b"=?" not in group else name


def _unquoted(name: str) -> str:
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1]
    return _ESCAPED.sub(r"\1", name).strip()
