"""Schedules say what the route understands."""

import msgspec
import pytest

from shared.policy import UNRESTRICTED
from shared.summary.document import TARGETS
from shared.summary.request import parse
from shared.summary.schedule import Schedule, default_schedules

NOW = 1_795_600_000_000_000_000


@pytest.mark.parametrize("schedule", default_schedules(), ids=lambda schedule: schedule.name)
@pytest.mark.parametrize("configured", [(), TARGETS], ids=["nothing set up", "everything set up"])
def test_every_default_schedule_is_a_request(schedule: Schedule, configured: tuple[str, ...]) -> None:
    """Whatever targets are configured, its body is accepted, and ends now."""
    body = msgspec.json.encode(schedule.body(configured))

    asked = parse(body, now=NOW, policy=UNRESTRICTED, deliverable=frozenset(configured))

    assert asked.query.window.end >= NOW
    assert set(asked.deliver) <= set(configured)
