"""Certificates of an authority of one's own, as companies have them."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from local.ports import LOOPBACK


class Certificates(NamedTuple):
    """The files of a server on the loopback address, and of the authority that signed it."""

    authority: Path
    certificate: Path
    key: Path


def make_certificates(directory: Path, *, with_key_usage: bool = True) -> Certificates:
    """Write an authority, and a certificate of it for a server.

    :param with_key_usage: an authority should say what its key is for; those of companies often
        do not, and Python 3.13 refuses them by default
    """
    made = Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Our CA", ours, "Our CA", ours)
    if with_key_usage:
        authority = authority.add_extension(
            x509.KeyUsage(
                digital_signature=True,
                key_cert_sign=True,
                crl_sign=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    server = _certificate("server", theirs, "Our CA", ours).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
    )
    for path, builder in ((made.authority, authority), (made.certificate, server)):
        signed = builder.sign(ours, hashes.SHA256())
        path.write_bytes(signed.public_bytes(Encoding.PEM))
    made.key.write_bytes(theirs.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return made


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=subject == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
