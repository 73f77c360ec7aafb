"""The client's address: whom failed authentications are counted against."""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

UNKNOWN: Final = "unknown"
_IPV6_PREFIX: Final = 64
_MAX_HOPS: Final = 32
_WITH_PORT: Final = re.compile(r"(?:\[([^\[\]]*)\]|([0-9.]+))(?::[0-9]{1,5})?", re.ASCII)


def client_address(remote_addr: str | None, x_forwarded_for: str | None, trusted_hops: int) -> str:
    """The `trusted_hops`-th address from the right of `X-Forwarded-For`; for 0 hops the socket's.

    What lies further left was written by whoever asks and is never looked at. A list that is missing or
    too short, or an entry that is no address, gives the socket's address; a socket without one "unknown".
    Ports and zones are dropped, an IPv4 address in IPv6 clothes is the IPv4 address, and an IPv6 address
    stands for its /64, which is what one customer is given: `2001:db8:0:1::/64`.
    """
    forwarded = None
    if x_forwarded_for and 0 < trusted_hops <= _MAX_HOPS:
        entries = x_forwarded_for.rsplit(",", trusted_hops)
        if len(entries) >= trusted_hops:
            forwarded = _grouped(entries[-trusted_hops])
    return forwarded or _grouped(remote_addr or "") or UNKNOWN


def _grouped(text: str) -> str | None:
    """The address, an IPv6 one as its /64; None for anything else."""
    bare = text.strip(" \t")
    if found := _WITH_PORT.fullmatch(bare):
        bare = found[1] or found[2] or ""
    try:
        address: IPv4Address | IPv6Address | None = ip_address(bare.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(IPv6Network((int(address), _IPV6_PREFIX), strict=False))
        address = address.ipv4_mapped
    return str(address)
