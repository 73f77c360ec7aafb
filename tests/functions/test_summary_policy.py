"""Who may make and see which summaries: roles, and what a policy narrows them to."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Serve, bearer, token
from tests.functions.summary_world import (
    DAY,
    ask,
    day_of,
    made,
)

NARROW = {"analyst": {"bots": ["stock_trader"]}, "viewer": {"bots": ["stock_trader"]}}


def test_a_policy_of_bots_is_part_of_the_question(serve: Serve, tmp_path: Path) -> None:
    """An analyst narrowed to one bot is told of that bot, whatever else there is."""
    day_of(serve, tmp_path)
    client = serve("summary", ACCESS_POLICY=json.dumps(NARROW))
    summary = made(client)

    assert summary["facts"]["by_bot"] == {"stock_trader": 43}
    assert "Heartbeat" not in json.dumps(summary)


def test_a_policy_of_sources_narrows_what_is_not_named(serve: Serve, tmp_path: Path) -> None:
    """Without `sources` a caller gets those that they may see, and not a refusal."""
    day_of(serve, tmp_path)
    client = serve("summary", ACCESS_POLICY='{"analyst": {"sources": ["pods"]}}')

    assert made(client)["facts"]["by_source"] == {"pods": 30}


@pytest.mark.parametrize(
    ("policy", "body"),
    [
        ({"bots": ["stock_trader"]}, {"bot": "options_trader"}),
        ({"bots": ["stock_trader"]}, {"bot": ["stock_trader", "options_trader"]}),
        ({"sources": ["pods"]}, {"sources": ["gcs"]}),
        ({"sources": ["pods"]}, {"sources": ["gcs", "pods"]}),
        ({"prefixes": ["trades/"]}, {"prefix": "reflections/"}),
        ({"namespaces": ["gpt"]}, {"namespace": "kube-system"}),
        ({"collections": ["gpt_runner_trades"]}, {"collection": "gpt_runner_reflections"}),
        ({"sources": []}, {}),
    ],
)
def test_asking_for_what_lies_outside_is_refused(
    serve: Serve, tmp_path: Path, policy: dict[str, Any], body: dict[str, Any]
) -> None:
    """403, the same body whether or not it exists."""
    day_of(serve, tmp_path)
    answer = ask(serve("summary", ACCESS_POLICY=json.dumps({"analyst": policy})), body)

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert answer.json["detail"] == "Your role does not allow this."


@pytest.mark.parametrize(
    ("role", "post", "listed"),
    [
        ("viewer", 403, 200),
        ("analyst", 200, 200),
        ("admin", 200, 200),
        ("scheduler", 200, 403),
        ("metrics", 403, 403),
    ],
)
def test_who_may_do_what(serve: Serve, tmp_path: Path, role: str, post: int, listed: int) -> None:
    """Making one takes an analyst or the scheduler, reading one a reader; nobody gets in without a token."""
    day_of(serve, tmp_path)
    client = serve("summary")
    summary_id = made(client)["id"]

    assert ask(client, role=role).status_code == post
    assert client.get("/logs/summary", headers=bearer(role)).status_code == listed
    assert client.get(f"/logs/summary/{summary_id}", headers=bearer(role)).status_code == listed
    assert client.post("/logs/summary", json=DAY).status_code == 401
    assert client.get("/logs/summary").status_code == 401


def test_the_schedulers_role_shows_no_logs(serve: Serve, tmp_path: Path) -> None:
    """A narrowed viewer who is a scheduler too sees on the other routes what the viewer sees."""
    day_of(serve, tmp_path)
    both = {"Authorization": f"Bearer {token(roles=['viewer', 'scheduler'])}"}
    client = serve("pods", ACCESS_POLICY='{"viewer": {"bots": ["stock_trader"]}}')
    narrowed = client.get("/logs/pods", query_string=DAY, headers=both)
    gcs = serve("gcs").get("/logs/gcs", query_string=DAY, headers={"Authorization": _scheduler()})

    assert narrowed.json["entries"] == []
    assert gcs.status_code == 403


def _scheduler() -> str:
    return bearer("scheduler")["Authorization"]


def test_a_summary_is_shown_to_those_who_may_see_all_of_it(serve: Serve, tmp_path: Path) -> None:
    """One of everything is not there for a viewer of one bot: not listed, and 404; one of that bot is."""
    day_of(serve, tmp_path)
    policy = json.dumps({"viewer": NARROW["viewer"]})
    client = serve("summary", ACCESS_POLICY=policy)
    whole, its, others = (
        made(client)["id"],
        made(client, {"bot": "stock_trader"})["id"],
        made(client, {"bot": "options_trader"})["id"],
    )

    def seen(role: str) -> list[str]:
        return [one["id"] for one in client.get("/logs/summary", headers=bearer(role)).json["summaries"]]

    assert sorted(seen("analyst")) == sorted([whole, its, others])
    assert seen("viewer") == [its]
    statuses = [
        client.get(f"/logs/summary/{one}", headers=bearer()).status_code for one in (whole, its, others)
    ]
    assert statuses == [404, 200, 404]
    missing = client.get(f"/logs/summary/{whole}", headers=bearer())
    nothing = client.get("/logs/summary/no-such-id", headers=bearer())
    assert missing.json["detail"] == nothing.json["detail"]


@pytest.mark.parametrize(
    ("policy", "body", "shown"),
    [
        ({"sources": ["gcs"]}, {"sources": ["gcs"]}, True),
        ({"sources": ["gcs"]}, {"sources": ["gcs", "pods"]}, False),
        ({"prefixes": ["trades/"]}, {"prefix": "trades/2026/"}, False),
        ({"bots": ["stock_trader"]}, {"q": "stock_trader"}, False),
        (
            {"bots": ["stock_trader", "x"], "sources": ["gcs"]},
            {"bot": "stock_trader", "sources": ["gcs"]},
            True,
        ),
    ],
)
def test_more_than_one_way_of_being_narrowed(
    serve: Serve, tmp_path: Path, policy: dict[str, Any], body: dict[str, Any], shown: bool
) -> None:
    """What a summary was made from is known by its sources and bots: when in doubt, it is not shown."""
    day_of(serve, tmp_path)
    client = serve("summary", ACCESS_POLICY=json.dumps({"viewer": policy}))
    summary_id = made(client, body)["id"]

    answer = client.get(f"/logs/summary/{summary_id}", headers=bearer())
    assert answer.status_code == (200 if shown else 404)


def test_anothers_page_token_shows_nothing_more(serve: Serve, tmp_path: Path) -> None:
    """The policy of who asks holds on every page, whoever the token was given to."""
    day_of(serve, tmp_path)
    client = serve("summary", ACCESS_POLICY=json.dumps({"viewer": NARROW["viewer"]}))
    its = made(client, {"bot": "stock_trader"})["id"]
    for n in range(3):
        made(client, {"q": f"required 50{n:02}"})
    page = client.get("/logs/summary?page_size=1", headers=bearer("analyst")).json

    answer = client.get(f"/logs/summary?page_token={page['next_page_token']}", headers=bearer())

    assert [one["id"] for one in answer.json["summaries"]] == [its]
