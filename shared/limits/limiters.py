"""The limits of one function, side by side."""

import msgspec

from shared.limits.limiter import Limiter


class Limiters(msgspec.Struct, frozen=True):
    """`read` and `summary` count requests of a subject, `auth` failed authentications of a client's address,
    which is the `proxy_hops`-th from the right of X-Forwarded-For. Without `summary` none is limited."""

    read: Limiter
    auth: Limiter
    proxy_hops: int = 0
    summary: Limiter | None = None

    def of(self, limit: str) -> Limiter | None:
        """The limiter of a route."""
        return self.summary if limit == "summary" else self.read
