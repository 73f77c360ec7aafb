"""One sending to a real server on loopback: what arrives, what counts as arrived, how long it may take."""

import contextlib
import datetime as dt
import logging
import re
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.summary.delivery.post import check_hook_url, post
from shared.summary.delivery.sender import NotDelivered
from shared.summary.delivery.slack import SlackSender
from shared.summary.delivery.webhook import WebhookSender, sign, verify
from shared.summary.document import Summary
from tests.servers.black_hole import BlackHole
from tests.servers.hooks_server import HooksServer, Reply, hooks_server
from tests.summary.summaries import summary

KEY = b"a-signing-key-for-tests-0123456789"
NOW = 1_795_600_000.7
SECRET = "/services/T000/B000/sekrit"


@pytest.fixture
def hooks() -> Iterator[HooksServer]:
    with hooks_server() as server:
        yield server


def webhook(url: str) -> WebhookSender:
    return WebhookSender(url, KEY, lambda: NOW)


def failure(url: str, timeout_s: float = 5) -> NotDelivered:
    """How a sending to this address fails."""
    with pytest.raises(NotDelivered) as caught:
        post(url, b"{}", {}, timeout_s)
    return caught.value


def test_a_receiver_gets_the_summary_signed_and_can_tell_it_again(hooks: HooksServer) -> None:
    """JSON of the whole summary, its delivery's id, the time, and a signature over time and body."""
    webhook(hooks.url("/in?team=a")).send(summary(), "s-1:webhook", 5)
    [got] = hooks.received("/in?team=a")

    assert msgspec.json.decode(got.body, type=Summary) == summary()
    assert got.headers["content-type"] == "application/json"
    assert got.headers["idempotency-key"] == "s-1:webhook"
    assert got.headers["user-agent"] == "gpt-runner-log-aggregator"
    assert got.headers["x-log-aggregator-timestamp"] == "1795600000"
    stamp, signature = got.headers["x-log-aggregator-timestamp"], got.headers["x-log-aggregator-signature"]
    assert re.fullmatch(r"v1=[0-9a-f]{64}", signature)
    assert verify(KEY, stamp, got.body, signature, NOW)


@pytest.mark.parametrize(
    ("key", "stamp", "body", "now"),
    [
        (b"another", "1795600000", b"{}", NOW),
        (KEY, "1795600001", b"{}", NOW),
        (KEY, "1795600000", b"{} ", NOW),
        (KEY, "1795600000", b"{}", NOW + 301),
        (KEY, "1795600000", b"{}", NOW - 302),
        (KEY, "-1", b"{}", 0.0),
        (KEY, "١٧٩", b"{}", NOW),
        (KEY, "", b"{}", NOW),
    ],
)
def test_a_signature_is_good_for_its_key_time_and_body_alone(
    key: bytes, stamp: str, body: bytes, now: float
) -> None:
    """And within five minutes of the receiver's clock."""
    signature = sign(KEY, "1795600000", b"{}")

    assert verify(KEY, "1795600000", b"{}", signature, NOW + 290)
    assert not verify(key, stamp, body, signature, now)
    assert not verify(KEY, "1795600000", b"{}", "v1=ü", NOW)


def test_the_readme_s_check_takes_what_is_sent(hooks: HooksServer) -> None:
    """The six lines that receivers copy, written without this code."""
    import hashlib
    import hmac

    webhook(hooks.url("/in")).send(summary(), "s-1:webhook", 5)
    [got] = hooks.received("/in")
    stamp, sent = got.headers["x-log-aggregator-timestamp"], got.headers["x-log-aggregator-signature"]
    made = "v1=" + hmac.new(KEY, stamp.encode() + b"." + got.body, hashlib.sha256).hexdigest()

    assert hmac.compare_digest(made, sent)


def test_slack_gets_blocks_as_json(hooks: HooksServer) -> None:
    """By POST, to the whole path of the hook."""
    SlackSender(hooks.url(SECRET), ZoneInfo("Asia/Kolkata"), "p-1").send(summary(), "s-1:slack", 5)
    [got] = hooks.received(SECRET)

    assert got.headers["content-type"] == "application/json"
    assert got.json["blocks"][0]["text"]["text"] == "Margin rejections doubled for stock_trader"


@pytest.mark.parametrize("status", [200, 202, 204])
def test_any_success_is_one(hooks: HooksServer, status: int) -> None:
    """Receivers answer as they like."""
    hooks.always["/in"] = Reply(status, body=b"")
    post(hooks.url("/in"), b"{}", {}, 5)

    assert len(hooks.received("/in")) == 1


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        *[(code, f"http_{code}", True) for code in (408, 425, 429, 500, 502, 503, 504)],
        *[(code, f"http_{code}", False) for code in (400, 401, 403, 404, 410, 422)],
        *[(code, "redirect", False) for code in (301, 302, 307, 308)],
    ],
)
def test_what_passes_is_told_from_what_has_to_be_mended(
    hooks: HooksServer, status: int, reason: str, retry: bool
) -> None:
    """By status; a redirect is not followed, wherever it leads."""
    hooks.always["/in"] = Reply(status, {"Location": hooks.url("/elsewhere"), "Content-Length": "0"}, b"")
    failed = failure(hooks.url("/in"))

    assert (failed.reason, failed.retry) == (reason, retry)
    assert len(hooks.received("/in")) == 1
    assert hooks.received("/elsewhere") == []


@pytest.mark.parametrize(
    ("headers", "after_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Tue, 24 Nov 2026 10:00:09 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 9.0),
        ({"Retry-After": "Tue, 24 Nov 2026 09:00:00 GMT", "Date": "Tue, 24 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({}, None),
    ],
)
def test_the_receiver_says_when_to_come_again(
    hooks: HooksServer, headers: dict[str, str], after_s: float | None
) -> None:
    """In seconds, or by a date that is read against the receiver's own clock."""
    hooks.always["/in"] = Reply(429, headers, own_date="Date" in headers)

    assert failure(hooks.url("/in")).retry_after_s == after_s


@pytest.mark.parametrize("how", ["hang", "drip"])
def test_a_receiver_that_does_not_come_to_an_end_costs_the_timeout_and_no_more(
    hooks: HooksServer, how: str
) -> None:
    """However it holds the line; and no thread of ours is left on it."""
    hooks.always["/in"] = msgspec.convert({"how": how}, type=Reply)
    began = time.monotonic()
    failed = failure(hooks.url("/in"), timeout_s=0.5)

    assert (failed.reason, failed.retry) == ("timeout", True)
    assert time.monotonic() - began < 1.5
    posting = [thread for thread in threading.enumerate() if thread.name == "post"]
    for thread in posting:
        thread.join(timeout=5)
    assert not any(thread.is_alive() for thread in posting)


def test_a_host_that_takes_connections_and_nothing_else_costs_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over TLS too, where the handshake waits."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with BlackHole() as hole:
        for scheme in ("http", "https"):
            began = time.monotonic()
            assert failure(f"{scheme}://{hole.host}/in", timeout_s=0.3).reason == "timeout"
            assert time.monotonic() - began < 1.5


def test_a_receiver_that_hangs_up_or_is_not_there_is_unreachable(hooks: HooksServer) -> None:
    """Both pass."""
    hooks.always["/in"] = Reply(how="close")
    with hooks_server() as gone:
        pass
    for url in (hooks.url("/in"), gone.url("/in")):
        failed = failure(url)
        assert (failed.reason, failed.retry) == ("unreachable", True)


def test_an_answer_without_end_is_not_read(hooks: HooksServer) -> None:
    """Its status is enough; of the body at most what the buffers of the line take comes over."""
    hooks.always["/in"] = Reply(how="endless")
    began = time.monotonic()
    post(hooks.url("/in"), b"{}", {}, 5)

    assert time.monotonic() - began < 1.5
    time.sleep(0.2)
    sent = hooks.body_bytes_sent
    time.sleep(0.2)
    assert hooks.body_bytes_sent == sent


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of `localhost` that vouches for itself, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - dt.timedelta(days=1))
        .not_valid_after(today + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "localhost.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


def test_https_believes_the_cas_of_the_system_only(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver whose CA is in SSL_CERT_FILE gets its summary; any other gets nothing."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    monkeypatch.setenv("no_proxy", "localhost")
    with hooks_server(server_side) as hooks:
        with monkeypatch.context() as elsewhere:
            elsewhere.delenv("SSL_CERT_FILE", raising=False)
            elsewhere.delenv("SSL_CERT_DIR", raising=False)
            failed = failure(hooks.url("/in"))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        post(hooks.url("/in"), b"{}", {}, 5)

        assert (failed.reason, failed.retry) == ("tls", False)
        assert len(hooks.received("/in")) == 1


class Proxy:
    """A proxy on loopback that knows CONNECT alone; `asked` is where to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        """One tunnel."""
        client, _ = self._listener.accept()
        with client, self._listener:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.asked.append(head.split(b" ")[1].decode())
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            port = int(self.asked[0].rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as server:
                back = threading.Thread(target=_carry, args=(server, client))
                back.start()
                _carry(client, server)
                back.join(timeout=5)

    def join(self) -> None:
        """Wait for the tunnel's end."""
        self._thread.join(timeout=5)
        assert not self._thread.is_alive()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := one.recv(65536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)


def test_https_goes_by_the_system_s_proxy(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through a tunnel, so the proxy sees a host and nothing of the address or the summary."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with hooks_server(server_side) as hooks:
        proxy = Proxy()
        monkeypatch.setenv("https_proxy", proxy.url)
        post(hooks.url("/in"), b"{}", {}, 5)
        proxy.join()

        assert proxy.asked == [hooks.base.removeprefix("https://")]
        assert len(hooks.received("/in")) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.com/in",
        "http://127.0.0.1.example.com/in",
        "https:///in",
        "https://user:password@example.com/in",
        "https://example.com/in#there",
        "https://example.com:0/in",
        "https://example.com:no/in",
        "https://[::1/in",
        "https://example.com/a b",
        "https://example.com/ü",
        "https://example.com/a\r\nX: y",
        "file:///etc/passwd",
        "ftp://example.com/in",
    ],
)
def test_an_address_that_is_not_safe_to_post_to_is_refused_unsaid(url: str) -> None:
    """Only https, or http on loopback; the message does not repeat the address."""
    with pytest.raises(ValueError) as caught:
        check_hook_url(url)

    assert not url or url not in "".join(traceback.format_exception(caught.value)).replace("'", "")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com" + SECRET,
        "http://127.0.0.1:9/in",
        "http://[::1]/in",
        "http://localhost/x?y=z",
    ],
)
def test_an_address_that_is_safe_to_post_to_is_taken(url: str) -> None:
    """https anywhere, http where nobody can listen in."""
    check_hook_url(url)


@pytest.mark.parametrize("how", ["answer", "close"])
def test_a_hook_s_address_is_told_nowhere(
    hooks: HooksServer, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in a log of any level, an error, a traceback or a representation."""
    caplog.set_level(logging.DEBUG)
    hooks.always[SECRET] = msgspec.convert({"how": how, "status": 500}, type=Reply)
    slack = SlackSender(hooks.url(SECRET), ZoneInfo("UTC"))
    with pytest.raises(NotDelivered) as caught:
        slack.send(summary(), "s-1:slack", 5)
    told = "".join(traceback.format_exception(caught.value))

    assert len(hooks.received(SECRET)) == 1
    for text in (caplog.text, told, repr(slack), repr(webhook(hooks.url(SECRET)))):
        assert "sekrit" not in text
        assert hooks.base.removeprefix("http://") not in text
        assert KEY.decode() not in text


def test_where_nobody_answered_is_told_nowhere() -> None:
    """Not even the host and port, which the cause of the error has."""
    with hooks_server() as gone:
        pass
    told = "".join(traceback.format_exception(failure(gone.url(SECRET))))

    assert "unreachable" in told
    assert gone.base.rpartition(":")[2] not in told
