"""One POST to an address of the operator's: in bounded time, without redirects, and never told of.

The address is a secret (whoever has a Slack hook's may post), so no error, log line or traceback of this
module carries it: what goes wrong is a short code, and its cause is dropped. urllib3's connections are used
without its pools, for these write each address they ask into the debug log.
"""

import contextlib
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from shared.summary.delivery.sender import NotDelivered

if TYPE_CHECKING:
    from urllib3.connection import HTTPConnection

USER_AGENT: Final = "gpt-runner-log-aggregator"
# What may go otherwise in a moment, besides 500 to 599.
_PASSING: Final = frozenset({408, 425, 429})
_Answer = tuple[int, Mapping[str, str]]


def check_hook_url(url: str) -> None:
    """Only `https://host/…`, and `http://` on loopback, where nobody can listen in.

    Raises: ValueError, without the address in it.
    """
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("a hook's address is printable ASCII without blanks")
    parts = _split(url)
    secure = parts.scheme == "https" and parts.hostname
    if not secure and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("a hook's address is https://…, or http:// on loopback")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("a hook's address carries no user name and no fragment")


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
    """POST `body` to an address that `check_hook_url` has passed; any 2xx is success.

    Returns or raises within `timeout_s`, however slowly names resolve or answers drip, and what is given up
    is cut off: it does not arrive later, unless the receiver has it already. https goes by the system's
    proxies and CA settings (SSL_CERT_FILE, SSL_CERT_DIR), http on loopback never by a proxy. Of the answer
    only status and headers count; its body is not read.

    Raises: NotDelivered.
    """
    parts = _split(url)
    connection = _connection(parts, timeout_s)
    given_up = threading.Event()
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    sent = {"User-Agent": USER_AGENT, **headers}
    answer = _in_background(connection, target, body, sent, given_up)
    try:
        status, answered = answer.result(timeout=timeout_s)
    except Exception as exc:  # noqa: BLE001 - the thread's, told by its kind alone
        # `from None`: the cause may say the address.
        raise _failure(exc) from None
    finally:
        given_up.set()
        _cut_off(connection)
    _judge(status, answered)


def _in_background(
    connection: "HTTPConnection",
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    given_up: threading.Event,
) -> Future[_Answer]:
    """The exchange on a daemon thread: a name's look-up cannot be interrupted, and must not be waited for."""
    answer: Future[_Answer] = Future()

    def run() -> None:
        try:
            connection.connect()
            if given_up.is_set():
                raise TimeoutError
            connection.request("POST", target, body, headers, preload_content=False, decode_content=False)
            response = connection.getresponse()
            answer.set_result((response.status, response.headers))
        except BaseException as exc:  # noqa: BLE001 - raised again by whoever waits
            answer.set_exception(exc)
        finally:
            connection.close()

    threading.Thread(target=run, name="post", daemon=True).start()
    return answer


def _connection(parts: SplitResult, timeout_s: float) -> "HTTPConnection":
    import ssl

    from urllib3.connection import HTTPConnection, HTTPSConnection

    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=timeout_s)
    context = ssl.create_default_context()
    proxy = _proxy(host)
    if proxy is None:
        return HTTPSConnection(host, parts.port, timeout=timeout_s, ssl_context=context)
    through = HTTPSConnection(proxy.hostname or "", proxy.port or 80, timeout=timeout_s, ssl_context=context)
    through.set_tunnel(host, parts.port or 443)
    return through


def _proxy(host: str) -> SplitResult | None:
    """The system's proxy for https, unless this host is not to be asked through it; one that is asked
    over http and without a password."""
    from urllib.request import getproxies, proxy_bypass

    proxy = urlsplit(getproxies().get("https", ""))
    return proxy if proxy.scheme == "http" and not proxy_bypass(host) else None


def _cut_off(connection: "HTTPConnection") -> None:
    """Wake a thread that still waits for the receiver: it fails, and closes what it had opened."""
    held = connection.sock
    if held is not None:
        with contextlib.suppress(OSError, ValueError):
            held.shutdown(socket.SHUT_RDWR)


def _failure(exc: Exception) -> NotDelivered:
    import ssl

    from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

    # A refused connection is urllib3's NewConnectionError, and that is a ConnectTimeoutError to it.
    if isinstance(exc, TimeoutError | ConnectTimeoutError) and not isinstance(exc, NewConnectionError):
        return NotDelivered("timeout", retry=True)
    if isinstance(exc, ssl.SSLCertVerificationError):
        return NotDelivered("tls", retry=False)
    return NotDelivered("unreachable", retry=True)


def _judge(status: int, headers: Mapping[str, str]) -> None:
    """Raises: NotDelivered, unless the status is 2xx."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotDelivered("redirect", retry=False)
    if status in _PASSING or 500 <= status < 600:
        raise NotDelivered(f"http_{status}", retry=True, retry_after_s=_retry_after_s(headers))
    raise NotDelivered(f"http_{status}", retry=False)


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds, or a date against the answer's own; None for neither.

    Source: https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    from email.utils import parsedate_to_datetime

    wanted = headers.get("Retry-After", "").strip()
    if wanted.isascii() and wanted.isdigit():
        return float(wanted[:9])
    try:
        until, now = parsedate_to_datetime(wanted), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (until - now).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


def _split(url: str) -> SplitResult:
    """Raises: ValueError, without the address in it."""
    try:
        parts = urlsplit(url)
        if parts.port == 0:  # reading it also refuses what is no port number
            raise ValueError
    except ValueError:
        raise ValueError("a hook's address cannot be read") from None
    return parts


def _is_loopback(host: str | None) -> bool:
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
