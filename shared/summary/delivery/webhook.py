"""Summaries to any receiver of the operator's: JSON by POST, signed, told apart by an idempotency key."""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final

import msgspec

from shared.summary.delivery.post import check_hook_url, post
from shared.summary.document import Summary, Target

TIMESTAMP: Final = "X-Log-Aggregator-Timestamp"
SIGNATURE: Final = "X-Log-Aggregator-Signature"


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Sends to SUMMARY_WEBHOOK_URL. Raises: ValueError for an address or a key that cannot be used."""

    url: str = field(repr=False)
    key: bytes = field(repr=False)
    clock: Callable[[], float]
    """Seconds since the epoch."""
    target: ClassVar[Target] = "webhook"

    def __post_init__(self) -> None:
        check_hook_url(self.url)
        if not self.key:
            raise ValueError("a webhook needs a signing key")

    def send(self, summary: Summary, delivery_id: str, timeout_s: float) -> None:
        """One POST: the same body and `Idempotency-Key` in every attempt, a new time and signature.

        Raises: NotDelivered.
        """
        body = msgspec.json.encode(msgspec.structs.replace(summary, deliveries=()))
        timestamp = str(int(self.clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": delivery_id,
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self.key, timestamp, body),
        }
        post(self.url, body, headers, timeout_s)


def sign(key: bytes, timestamp: str, body: bytes) -> str:
    """`v1=` and the HMAC-SHA256, in hex, of the timestamp, a full stop and the body."""
    return "v1=" + hmac.new(key, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def verify(
    key: bytes, timestamp: str, body: bytes, signature: str, now: float, tolerance_s: float = 300
) -> bool:
    """What a receiver checks: signed with the key, and within `tolerance_s` of its own clock, so that a
    recorded request cannot be played again later."""
    if not timestamp.isascii() or not timestamp.isdigit() or not abs(now - int(timestamp)) <= tolerance_s:
        return False
    return hmac.compare_digest(sign(key, timestamp, body).encode(), signature.encode())
