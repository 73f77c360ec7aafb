"""Getting a key set's bytes from its address, with every bound that a stranger's server needs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

if TYPE_CHECKING:
    from urllib.request import BaseHandler, OpenerDirector

MAX_JWKS_BYTES = 256 * 1024


def check_url(url: str) -> None:
    """Only `https://host/…`, `file:///…`, and `http://` on loopback, where nobody can listen in.

    Raises: ValueError, without the address in it.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "https" if parts.hostname:
            pass
        case "http" if _is_loopback(parts.hostname):
            pass
        case "file" if parts.netloc in {"", "localhost"} and parts.path:
            pass
        case _:
            raise ValueError("a key set's address is https://…, file:///…, or http:// on loopback")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a key set's address carries no user name")
    if parts.port == 0:  # reading it also refuses what is no port number
        raise ValueError("a key set's address has no such port")


def fetch(url: str, *, deadline_s: float) -> bytes:
    """The body at an address that `check_url` has passed: at most 256 KiB, a 200, no redirects.

    Redirects are not followed at all: the address that was configured and checked is the one that is asked.
    https goes by the system's proxies and CA settings (SSL_CERT_FILE, SSL_CERT_DIR); loopback never by a
    proxy. `deadline_s` bounds the body as a whole and each wait before it: in all this may take longer, so
    whoever must not wait longer leaves it to a thread.

    Raises: OSError, ValueError, http.client.HTTPException.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _read_file(parts)
    return _read_http(url, parts.scheme, deadline_s)


def _read_file(parts: SplitResult) -> bytes:
    from urllib.request import url2pathname

    with Path(url2pathname(parts.path)).open("rb") as file:
        body = file.read(MAX_JWKS_BYTES + 1)
    _check_size(len(body))
    return body


def _read_http(url: str, scheme: str, deadline_s: float) -> bytes:
    from urllib.error import HTTPError
    from urllib.request import Request

    headers = {"Accept": "application/json", "User-Agent": "log-aggregator"}
    try:
        response = _opener(scheme).open(Request(url, headers=headers), timeout=deadline_s)  # noqa: S310 - checked
    except HTTPError as exc:
        exc.close()
        raise
    ends_at = time.monotonic() + deadline_s
    with response:
        if response.status != 200:
            raise ValueError("not a 200")
        body = bytearray()
        while chunk := response.read1(64 * 1024):
            body += chunk
            _check_size(len(body))
            if time.monotonic() > ends_at:
                raise TimeoutError("the key set came too slowly")
    return bytes(body)


def _opener(scheme: str) -> "OpenerDirector":
    """Only the handlers that are needed: what is not here (file, ftp, redirects) cannot be reached."""
    import ssl
    from urllib import request

    handlers: list[BaseHandler] = [request.HTTPDefaultErrorHandler(), request.HTTPErrorProcessor()]
    if scheme == "https":
        handlers += [request.ProxyHandler(), request.HTTPSHandler(context=ssl.create_default_context())]
    else:
        handlers += [request.HTTPHandler()]
    opener = request.OpenerDirector()
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_JWKS_BYTES:
        raise ValueError("a key set of more than 256 KiB")


def _is_loopback(host: str | None) -> bool:
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
