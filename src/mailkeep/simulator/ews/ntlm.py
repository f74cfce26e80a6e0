"""The server's half of NTLM version 2 (MS-NLMP): one challenge, one proof, on one connection.

    client                                     server
    NEGOTIATE     flags                  →
                                         ←     CHALLENGE     8 random bytes, names, the time
    AUTHENTICATE  user, domain, proof    →     `Handshake.accept` → the account's name, or NtlmRefused

A proof is HMAC-MD5 over the challenge, keyed by the password's hash; so the server must know the password. With a
message integrity code (MIC) the client also vouches for all three messages, and with channel bindings for the TLS
certificate it saw: Exchange calls that *extended protection*.

Own code because pyspnego's acceptor takes passwords from a file named by an environment variable of the whole process.
MD4, which NTLM needs and OpenSSL 3 no longer has, is below.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass

SIGNATURE = b"NTLMSSP\0"

_UNICODE, _TARGET, _NTLM, _ALWAYS_SIGN = 0x1, 0x4, 0x200, 0x8000
_TARGET_TYPE_DOMAIN, _EXTENDED_SECURITY, _TARGET_INFO, _VERSION = 0x10000, 0x80000, 0x800000, 0x2000000
_SIGN, _SEAL, _KEY_EXCHANGE = 0x10, 0x20, 0x40000000
_ECHOED = _SIGN | _SEAL | _KEY_EXCHANGE | _EXTENDED_SECURITY | 0x20000000 | 0x80000000  # 128 and 56 bit keys

_END, _COMPUTER, _DOMAIN, _DNS_COMPUTER, _DNS_DOMAIN, _FLAGS, _TIME, _BINDINGS = 0, 1, 2, 3, 4, 6, 7, 10
_WITH_MIC = 2
_MIC = slice(72, 88)
_WINDOWS_2019 = bytes((10, 0, 0x63, 0x45, 0, 0, 0, 15))


class NtlmRefused(Exception):
    """The token is no NTLM, or its proof is wrong."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who spoke. `bound`: the client vouched for the certificate that it saw."""

    user: str
    domain: str
    bound: bool


class Handshake:
    """One sign-in on one connection. `password_of(user, domain)` gives the password, or None for nobody."""

    def __init__(
        self,
        password_of: Callable[[str, str], str | None],
        *,
        challenge: bytes,
        host: str,
        domain: str,
        unix_time: float,
        bindings: bytes = b"",
    ) -> None:
        """`challenge`: 8 random bytes. `bindings`: see `channel_bindings`; empty without TLS."""
        self._password_of = password_of
        self._random = challenge
        self._host, self._domain, self._time = host, domain, unix_time
        self._bindings = bindings
        self._negotiate = self._challenge = b""

    def challenge(self, negotiate: bytes) -> bytes:
        """The answer to the first message. Raises NtlmRefused for something else."""
        if kind_of(negotiate) != 1:
            raise NtlmRefused("the first message of a sign-in must be NEGOTIATE")
        (asked,) = struct.unpack_from("<I", negotiate, 12)
        flags = _UNICODE | _TARGET | _NTLM | _ALWAYS_SIGN | _TARGET_TYPE_DOMAIN | _TARGET_INFO | _VERSION
        flags |= asked & _ECHOED
        target = self._domain.upper().encode("utf-16-le")
        info = self._target_info()
        head = 56
        self._negotiate = negotiate
        self._challenge = (
            SIGNATURE
            + struct.pack("<I", 2)
            + struct.pack("<HHI", len(target), len(target), head)
            + struct.pack("<I", flags)
            + self._random
            + bytes(8)
            + struct.pack("<HHI", len(info), len(info), head + len(target))
            + _WINDOWS_2019
            + target
            + info
        )
        return self._challenge

    def accept(self, authenticate: bytes) -> Proven:
        """Who the last message proves to be there. Raises NtlmRefused."""
        if kind_of(authenticate) != 3 or not self._challenge:
            raise NtlmRefused("no AUTHENTICATE message, or none was asked for")
        try:
            return self._checked(authenticate)
        except (struct.error, UnicodeDecodeError) as error:
            raise NtlmRefused(f"a broken message: {error}") from error

    def _checked(self, message: bytes) -> Proven:
        response, domain, user = (_field(message, at) for at in (20, 28, 36))
        (flags,) = struct.unpack_from("<I", message, 60)
        coding = "utf-16-le" if flags & _UNICODE else "latin-1"
        domain_name, user_name = domain.decode(coding), user.decode(coding)
        password = self._password_of(user_name, domain_name)
        if password is None or len(response) <= 24:  # 24: NTLM version 1, which Exchange no longer takes
            raise NtlmRefused(f"unknown account {domain_name}\\{user_name}, or NTLM version 1")
        proof, client_part = response[:16], response[16:]
        key = _hmac(md4(password.encode("utf-16-le")), (user_name.upper() + domain_name).encode("utf-16-le"))
        if not hmac.compare_digest(_hmac(key, self._random + client_part), proof):
            raise NtlmRefused(f"wrong password for {user_name}")
        pairs = _pairs(client_part[28:])
        self._check_mic(message, flags, _hmac(key, proof), pairs)
        return Proven(user_name, domain_name, bound=self._bound(pairs))

    def _check_mic(self, message: bytes, flags: int, session_key: bytes, pairs: dict[int, bytes]) -> None:
        if not int.from_bytes(pairs.get(_FLAGS, b""), "little") & _WITH_MIC:
            return
        if flags & _KEY_EXCHANGE and flags & (_SIGN | _SEAL):
            session_key = rc4(session_key, _field(message, 52))
        unsigned = message[: _MIC.start] + bytes(16) + message[_MIC.stop :]
        if not hmac.compare_digest(_hmac(session_key, self._negotiate + self._challenge + unsigned), message[_MIC]):
            raise NtlmRefused("the message integrity code is wrong")

    def _bound(self, pairs: dict[int, bytes]) -> bool:
        given = pairs.get(_BINDINGS, bytes(16))
        if given == bytes(16):
            return False
        if not self._bindings or given != self._bindings:
            raise NtlmRefused("the channel bindings belong to another certificate")
        return True

    def _target_info(self) -> bytes:
        file_time = int((self._time + 11_644_473_600) * 10_000_000)  # 100 ns since 1601
        names = {
            _DOMAIN: self._domain.partition(".")[0].upper(),
            _COMPUTER: self._host.partition(".")[0].upper(),
            _DNS_DOMAIN: self._domain,
            _DNS_COMPUTER: self._host,
        }
        pairs = [(number, name.encode("utf-16-le")) for number, name in names.items()]
        pairs += [(_TIME, struct.pack("<Q", file_time)), (_END, b"")]
        return b"".join(struct.pack("<HH", number, len(value)) + value for number, value in pairs)


def kind_of(token: bytes) -> int:
    """1 NEGOTIATE, 2 CHALLENGE, 3 AUTHENTICATE, 0 none of them."""
    if not token.startswith(SIGNATURE) or len(token) < 16:
        return 0
    return int.from_bytes(token[8:12], "little")


def channel_bindings(certificate_der: bytes) -> bytes:
    """What a client that saw this certificate puts into its proof (RFC 5929 `tls-server-end-point`, RFC 2744)."""
    said = b"tls-server-end-point:" + hashlib.sha256(certificate_der).digest()
    return _md5(struct.pack("<IIIII", 0, 0, 0, 0, len(said)) + said)


def _field(message: bytes, at: int) -> bytes:
    length, _, offset = struct.unpack_from("<HHI", message, at)
    if offset + length > len(message):
        raise NtlmRefused("a field reaches past the end of its message")
    return message[offset : offset + length]


def _pairs(data: bytes) -> dict[int, bytes]:
    pairs: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        number, length = struct.unpack_from("<HH", data, at)
        if number == _END:
            break
        pairs[number] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return pairs


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, "md5").digest()


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def rc4(key: bytes, data: bytes) -> bytes:
    """RC4; only ever to unwrap the session key under which the MIC is made."""
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) & 255
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) & 255
        j = (j + box[i]) & 255
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) & 255])
    return bytes(out)


_ROUNDS: tuple[tuple[Callable[[int, int, int], int], int, tuple[int, ...], tuple[int, ...]], ...] = (
    (lambda x, y, z: (x & y) | (~x & z), 0, tuple(range(16)), (3, 7, 11, 19)),
    (
        lambda x, y, z: (x & y) | (x & z) | (y & z),
        0x5A827999,
        (0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
        (3, 5, 9, 13),
    ),
    (
        lambda x, y, z: x ^ y ^ z,
        0x6ED9EBA1,
        (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15),
        (3, 9, 11, 15),
    ),
)


def md4(data: bytes) -> bytes:
    """MD4 (RFC 1320): three rounds of sixteen steps over blocks of 64 bytes."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack("<Q", len(data) * 8)
    state = [0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476]
    for start in range(0, len(padded), 64):
        words = struct.unpack_from("<16I", padded, start)
        a, b, c, d = state
        for mix, constant, order, shifts in _ROUNDS:
            for step, index in enumerate(order):
                turned = (a + mix(b, c, d) + words[index] + constant) & 0xFFFFFFFF
                shift = shifts[step % 4]
                a, b, c, d = d, ((turned << shift) | (turned >> (32 - shift))) & 0xFFFFFFFF, b, c
        state = [(old + new) & 0xFFFFFFFF for old, new in zip(state, (a, b, c, d), strict=True)]
    return struct.pack("<4I", *state)
