"""A real nginx with TLS in front of the product, configured as docs/deployment.md says."""

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from local.ports import LOOPBACK, free_port
from tests.servers import ROOT
from tests.waiting import wait_until

PAGE = (ROOT / "docs" / "deployment.md").read_text()

_AROUND = """\
daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 1;
%s
events {}
http {
    access_log off;
    default_type application/octet-stream;
    %s
    %s
}
"""

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Front:
    """A running nginx.

    :param port: where it listens, with TLS
    :param certificate: the file of its certificate, which signs itself
    """

    def __init__(self, port: int, certificate: Path) -> None:
        self.origin = f"https://{LOOPBACK}:{port}"
        self._tls = ssl.create_default_context(cafile=certificate)

    def client(self, prefix: str = "") -> httpx.Client:
        """Return a client that trusts the certificate and follows no redirect."""
        return httpx.Client(base_url=self.origin + prefix, verify=self._tls, timeout=60)


def documented(heading: str) -> str:
    """Return the nginx configuration below a heading of docs/deployment.md."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"```nginx\n(.*?)```", part, re.DOTALL)
    return str(block)


def with_values(configuration: str, values: dict[str, str]) -> str:
    """Replace each text in a configuration, which must have it."""
    for text, value in values.items():
        assert text in configuration, text
        configuration = configuration.replace(text, value)
    return configuration


@contextmanager
def nginx(directory: Path, configuration: str, *, port: int | None = None) -> Iterator[Front]:
    """Run nginx.

    :param configuration: of what is inside of ``http``, for port 443 and the host example.org
    """
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("needs Debian's package nginx")
    port = port or free_port()
    directory.mkdir()
    certificate = _write_certificate(directory)
    configuration = with_values(
        configuration,
        {
            "listen 443": f"listen {LOOPBACK}:{port}",
            "/etc/ssl/example.org.pem": str(certificate),
            "/etc/ssl/example.org.key": str(certificate),
        },
    )
    places = " ".join(f"{name}_temp_path {name};" for name in _TEMPORARY)
    # As the account that starts it: others may not enter the directory of a test.
    user = f"user {directory.owner()} {directory.group()};"
    path = directory / "nginx.conf"
    path.write_text(_AROUND % (user, places, configuration))
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [program, "-p", str(directory), "-c", str(path), "-e", "stderr"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    front = Front(port, certificate)
    try:
        wait_until(lambda: process.poll() is not None or _answers(front), 30)
        assert process.poll() is None, (directory / "log").read_text()
        yield front
    finally:
        process.terminate()
        process.wait()


def _answers(front: Front) -> bool:
    try:
        with front.client() as client:
            client.get("/")
    except httpx.ConnectError:
        return False
    return True


def _write_certificate(directory: Path) -> Path:
    """Write a certificate that signs itself, with its key, to one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, LOOPBACK)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "certificate.pem"
    path.write_bytes(
        signed.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path
