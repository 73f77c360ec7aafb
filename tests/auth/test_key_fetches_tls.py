"""Key sets over https: the machine's CA settings decide who is believed."""

import datetime as dt
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from shared.auth import KeySet
from shared.errors import Unavailable
from tests.auth.issuer_keys import IssuerKeys
from tests.auth.jwks_server import jwks_server


@pytest.fixture
def certificate(keys: IssuerKeys, tmp_path: Path) -> Path:
    """A certificate of `localhost` that vouches for itself, and its key, in one file."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, keys.stranger_ec.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(keys.stranger_ec, hashes.SHA256())
    )
    pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    private = keys.stranger_ec.private_bytes(pem, pkcs8, serialization.NoEncryption())
    path = tmp_path / "localhost.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


def test_https_believes_the_cas_of_the_system_only(
    keys: IssuerKeys, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose CA is in SSL_CERT_FILE gives its keys; any other is as if it were down."""
    monkeypatch.setenv("no_proxy", "localhost")
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    with jwks_server(server_side) as endpoint:
        endpoint.publish(keys.jwks())
        with monkeypatch.context() as elsewhere:
            elsewhere.delenv("SSL_CERT_FILE", raising=False)
            elsewhere.delenv("SSL_CERT_DIR", raising=False)
            with pytest.raises(Unavailable):
                KeySet(endpoint.url).key("provider-rsa")

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert KeySet(endpoint.url).key("provider-rsa").algorithm == "RS256"
        assert endpoint.fetches == 1
