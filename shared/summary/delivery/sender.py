"""What sends a summary to one target, and how it says that it could not."""

from typing import Protocol

from shared.summary.document import Summary, Target


class NotDelivered(Exception):
    """One attempt failed. `reason` is a short code of ours: `timeout`, `unreachable`, `tls`, `redirect`,
    `http_404`, …; never the address, nor anything of what was answered.

    `retry`: another attempt soon may succeed. `retry_after_s`: so long the receiver asks to be left alone.
    """

    def __init__(self, reason: str, *, retry: bool, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry
        self.retry_after_s = retry_after_s


class Sender(Protocol):
    """Sends to one target, once."""

    @property
    def target(self) -> Target:
        """Its name."""
        ...

    def send(self, summary: Summary, delivery_id: str, timeout_s: float) -> None:
        """One attempt, over within `timeout_s`. `delivery_id` is the same in every attempt.

        Raises: NotDelivered.
        """
        ...
