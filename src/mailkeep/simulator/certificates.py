"""An authority made on the spot and one server certificate by it: for servers that only tests and the demo meet."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Issued:
    """PEM texts. `authority` is what a client must trust."""

    authority: str
    certificate: str
    key: str


class Authority:
    """An authority of its own, able to sign any number of certificates. `pem` is what a client must trust."""

    def __init__(self, now: datetime, key: ec.EllipticCurvePrivateKey | None = None, pem: str = "") -> None:
        self._now = now
        self._key = key or ec.generate_private_key(ec.SECP256R1())
        self._certificate = x509.load_pem_x509_certificate(pem.encode()) if pem else _authority(self._key, now)
        self.pem = _pem(self._certificate)

    @classmethod
    def read(cls, kept: str, now: datetime | None = None) -> Authority:
        """The one that `private` wrote. Raises ValueError."""
        key = serialization.load_pem_private_key(kept.encode(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the key of the authority is of another kind")
        return cls(now or datetime.now(UTC), key, kept[kept.index("-----BEGIN CERTIFICATE-----") :])

    def private(self) -> str:
        """Key and certificate, for a file that nobody else reads."""
        return _private_pem(self._key) + self.pem

    def issue(self, *names: str, until: datetime | None = None) -> Issued:
        """A certificate for these DNS names and IP addresses. `until` in the past: one that has expired."""
        since = min(self._now, until - _VALID) if until else self._now
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(names[0]), self._certificate.subject, key, since, until)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Issued(self.pem, _pem(certificate), _private_pem(key))


def issue(*names: str, now: datetime | None = None) -> Issued:
    """A fresh authority and a certificate for these DNS names and IP addresses."""
    return Authority(now or datetime.now(UTC)).issue(*names)


def _authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _name("Mailkeep test authority")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        _builder(name, name, key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
    until: datetime | None = None,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(until or now + _VALID)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
