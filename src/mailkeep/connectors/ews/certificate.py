"""TLS of a connection: whom it trusts, and what to say of a certificate that is not trusted."""

from __future__ import annotations

import hashlib
import socket
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID

from mailkeep.connectors.base import Endpoint
from mailkeep.errors import GiveUp

_SECONDS_MAX = 10.0
_NAMES_MAX = 6


def context(endpoint: Endpoint) -> ssl.SSLContext:
    """Verifies certificate and name, against the connection's own authority where it has one."""
    try:
        return ssl.create_default_context(cadata=endpoint.ca_pem or None)
    except (ssl.SSLError, ValueError) as error:
        message = f"the connection's own certificate authority cannot be read: {error}"
        raise GiveUp("tls_untrusted", message, "paste it as PEM text, from BEGIN to END CERTIFICATE") from error


def untrusted(host: str, port: int, reason: str) -> GiveUp:
    """The error for a certificate that did not verify, with whose it is, so that a person can judge it."""
    message = f"{host} shows a certificate that is not trusted ({reason}){_shown(host, port)}"
    hint = "give the connection the authority that issued it, or enter the host name that it is made for"
    return GiveUp("tls_untrusted", message, hint)


def describe(certificate: bytes) -> str:
    """A DER certificate in words: names, issuer, end, SHA-256 fingerprint."""
    parsed = x509.load_der_x509_certificate(certificate)
    fingerprint = hashlib.sha256(certificate).hexdigest().upper()
    pairs = ":".join(fingerprint[at : at + 2] for at in range(0, len(fingerprint), 2))
    names = _names(parsed)
    more = f" and {len(names) - _NAMES_MAX} more" if len(names) > _NAMES_MAX else ""
    whose = ", ".join(names[:_NAMES_MAX]) + more or "nobody"
    issuer = parsed.issuer.rfc4514_string() or "nobody"
    until = parsed.not_valid_after_utc.date().isoformat()
    return f"made for {whose}; issued by {issuer}; valid until {until}; SHA-256 {pairs}"


def _names(parsed: x509.Certificate) -> list[str]:
    names = [str(part.value) for part in parsed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    try:
        alternative = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return names
    names += alternative.get_values_for_type(x509.DNSName)
    names += [str(address) for address in alternative.get_values_for_type(x509.IPAddress)]
    return list(dict.fromkeys(names))


def _shown(host: str, port: int) -> str:
    """The certificate itself is fetched once more without a check; nothing else crosses that line."""
    bare = ssl.create_default_context()
    bare.check_hostname = False
    bare.verify_mode = ssl.CERT_NONE
    try:
        with (
            socket.create_connection((host, port), _SECONDS_MAX) as line,
            bare.wrap_socket(line, server_hostname=host) as encrypted,
        ):
            certificate = encrypted.getpeercert(binary_form=True)
        return f": {describe(certificate)}" if certificate else ""
    except (OSError, ValueError):
        return ""  # the message without it says what matters
