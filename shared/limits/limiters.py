"""The limits of one function, side by side."""

import msgspec

from shared.limits.limiter import Limiter


class Limiters(msgspec.Struct, frozen=True):
    """`read` counts requests of a subject, `auth` failed authentications of a client's address, which is
    the `proxy_hops`-th from the right of X-Forwarded-For."""

    read: Limiter
    auth: Limiter
    proxy_hops: int = 0
