"""How the local scheduler asks: through the local gateway, as Cloud Scheduler would."""

import contextlib
import http.client
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from local import keys, tokens
from local.children import HOST
from shared import instant
from shared.policy import Role
from shared.summary.schedule import Schedule

ATTEMPT_DEADLINE_S: Final = 120.0  # as in infra/scheduler.tf


class Reply(NamedTuple):
    """What came of one attempt; a status of 0 is no answer."""

    status: int
    body: bytes = b""

    @property
    def made(self) -> bool:
        """Whether it is what was asked for."""
        return 200 <= self.status < 300


Post = Callable[[Schedule, int], Reply]


class Gateway(NamedTuple):
    """The local gateway, asked with a token of the local issuer that is new each time."""

    port: int
    pair: keys.KeyPair
    audience: str
    configured: frozenset[str]

    def post(self, schedule: Schedule, planned: int) -> Reply:
        """One attempt, with the headers of Cloud Scheduler; `planned` is the instant it was due."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ATTEMPT_DEADLINE_S)
        with contextlib.closing(connection):
            try:
                body = msgspec.json.encode(schedule.body(self.configured))
                connection.request("POST", "/logs/summary", body, self._headers(schedule, planned))
                answer = connection.getresponse()
                return Reply(answer.status, answer.read())
            except (OSError, http.client.HTTPException):
                return Reply(0)

    def _headers(self, schedule: Schedule, planned: int) -> dict[str, str]:
        token = tokens.mint(
            self.pair,
            role=Role.SCHEDULER.value,
            subject="local-scheduler",
            audience=self.audience,
            now_s=int(time.time()),
            hours=1,
        )
        return {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": "Google-Cloud-Scheduler",
            "X-CloudScheduler": "true",
            "X-CloudScheduler-JobName": schedule.name,
            "X-CloudScheduler-ScheduleTime": instant.to_text(planned),
        }
