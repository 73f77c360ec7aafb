"""Summaries of sources that fail, and for callers who may see a part: what is missing is said."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.errors import SourceError, SourceMisconfigured, SourceTimeout
from tests.conftest import Serve, bearer, token
from tests.functions.mirror import Mirror, jsonl, stored_line, zipped
from tests.functions.summary_world import (
    DAY,
    FOLDER,
    AtOnce,
    Instead,
    ask,
    by,
    codes,
    counted,
    day_of,
    made,
    record,
    use,
)
from tests.servers.hooks_server import HooksServer, hooks_server

BROKEN = SourceError("gcs", "The source gcs failed.")
NARROW = {"analyst": {"bots": ["stock_trader"]}, "viewer": {"bots": ["stock_trader"]}}


@pytest.fixture
def hooks() -> Iterator[HooksServer]:
    """A receiver of summaries."""
    with hooks_server() as server:
        yield server


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BROKEN, "source_failed"),
        (SourceMisconfigured("gcs", "GCS_BUCKET_NAME", "has no bucket"), "source_misconfigured"),
        (SourceTimeout("gcs", after_s=1.0), "source_timeout"),
        (ZeroDivisionError("10.0.0.7 sekrit"), "source_failed"),
    ],
)
def test_a_broken_source_is_said_and_the_others_are_told(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    """200, partial, a warning that names source and code, and nothing of the inner error."""
    day_of(serve, tmp_path)
    client = serve("summary")
    use(monkeypatch, Instead("gcs", error))

    answer = ask(client)

    assert answer.status_code == 200
    coverage = answer.json["coverage"]
    assert coverage["partial"] is True
    assert ("gcs", code) in {(warn["source"], warn["code"]) for warn in coverage["warnings"]}
    assert answer.json["facts"]["by_source"] == {"pods": 30, "firestore": 1}
    assert "sekrit" not in answer.text
    assert counted("upstream_errors_total", "gcs", code) >= 1


def test_a_source_that_failed_makes_nobody_silent(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bot that was heard the day before, and whose source could not be read, has not fallen silent."""
    mirror = day_of(serve, tmp_path)
    mirror.put_lines(
        [stored_line("2026-01-14T05:00:00Z", "[INFO] up", insert_id="b1", container="paper-trader")]
    )
    whole = made(serve("summary"))
    client = serve("summary")
    use(monkeypatch, Instead("pods", SourceError("pods")))

    partial = made(client)

    assert whole["facts"]["silent_bots"] == ["paper_trader"]
    assert partial["facts"]["silent_bots"] == []


def test_nothing_found_beside_a_broken_source_is_not_called_nothing(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty window is only said to be empty when all of it was read."""
    client = serve("summary")
    use(monkeypatch, Instead("pods", SourceError("pods")))

    assert made(client)["headline"] == "No entries were found, but not everything could be read"


@pytest.mark.parametrize(
    ("errors", "status", "code"),
    [
        ((BROKEN, BROKEN, BROKEN), 502, "source_failed"),
        ((SourceTimeout("x", after_s=1), BROKEN, SourceTimeout("x", after_s=1)), 502, "source_failed"),
        ((SourceTimeout("x", after_s=1),) * 3, 504, "source_timeout"),
    ],
)
def test_without_any_source_there_is_no_summary(
    serve: Serve,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    errors: tuple[Exception, ...],
    status: int,
    code: str,
) -> None:
    """504 when all ran out of time, else 502; nothing is stored, and the next request is made anew."""
    day_of(serve, tmp_path)
    client = serve("summary")
    with monkeypatch.context() as patch:
        use(patch, *(Instead(name, e) for name, e in zip(("gcs", "firestore", "pods"), errors, strict=True)))
        answer = ask(client, Idempotency_Key="k1")

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert client.get("/logs/summary", headers=bearer()).json["summaries"] == []


def test_a_run_that_failed_is_made_by_the_next_request(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key of a failed request is free at once: nobody waits for a lease to expire."""
    day_of(serve, tmp_path)
    client = serve("summary", REQUEST_DEADLINE_S="5")
    sources = [Instead(name, BROKEN) for name in ("gcs", "firestore", "pods")]
    use(monkeypatch, *sources)
    assert ask(client, Idempotency_Key="k1").status_code == 502

    for source in sources:
        source.error = None
    began = time.monotonic()
    assert ask(client, Idempotency_Key="k1").status_code == 200
    assert time.monotonic() - began < 4


def test_sources_are_read_side_by_side(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three that take 0.6 s each, for the window and for the one before: under 2.4 s, not 3.6."""
    client = serve("summary")
    use(monkeypatch, *(Instead(name, wait_s=0.6) for name in ("gcs", "firestore", "pods")))
    began = time.monotonic()

    assert ask(client).status_code == 200
    assert time.monotonic() - began < 2.4


def test_a_source_that_hangs_holds_nobody_up(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a deadline of 1 s and a source that takes 8, the others' summary is there within 2 s."""
    day_of(serve, tmp_path)
    client = serve("summary", REQUEST_DEADLINE_S="1")
    use(monkeypatch, Instead("gcs", wait_s=8))
    began = time.monotonic()
    summary = made(client)

    assert time.monotonic() - began < 2.4
    assert codes(summary) == {"source_timeout", "baseline_partial"}
    assert summary["facts"]["by_source"] == {"pods": 30, "firestore": 1}


def test_all_sources_hanging_is_a_504_in_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """All late: 504 a second after the deadline at most."""
    client = serve("summary", REQUEST_DEADLINE_S="0.5")
    use(monkeypatch, *(Instead(name, wait_s=8) for name in ("gcs", "firestore", "pods")))
    began = time.monotonic()
    answer = ask(client)

    assert (answer.status_code, answer.json["code"]) == (504, "source_timeout")
    assert time.monotonic() - began < 1.9


def test_what_a_budget_cuts_is_said(serve: Serve, tmp_path: Path) -> None:
    """A scan budget of a few kilobytes: partial, `budget_spent`, and the counts are of what was read."""
    day_of(serve, tmp_path)
    summary = made(serve("summary", SCAN_MAX_BYTES="2000"))

    assert summary["coverage"]["partial"] is True
    assert "budget_spent" in codes(summary)


def test_a_damaged_object_is_said(serve: Serve, tmp_path: Path) -> None:
    """One that ends early: what was whole is counted, partial, with the object's name; nobody is silent."""
    mirror = day_of(serve, tmp_path)
    lines = jsonl(record(n, f"Feed {n} went away") for n in range(2000))
    mirror.put(f"{FOLDER}/system_logs_060000_v1.jsonl.gz", zipped(lines)[:-2000])

    summary = made(serve("summary"))

    assert summary["coverage"]["partial"] is True
    assert 0 < summary["coverage"]["matched"] - 73 < 2000
    warnings = summary["coverage"]["warnings"]
    assert "truncated" in codes(summary)
    assert {warn["object"].rpartition("/")[2] for warn in warnings} == {"system_logs_060000_v1.jsonl.gz"}


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


def test_a_summary_that_is_not_to_be_stored_is_not(serve: Serve, tmp_path: Path) -> None:
    """`store: false`: answered, and neither listed nor found; stored later, it is both."""
    day_of(serve, tmp_path)
    client = serve("summary")
    answered = made(client, {"store": False})

    assert client.get(f"/logs/summary/{answered['id']}", headers=bearer()).status_code == 404
    assert client.get("/logs/summary", headers=bearer()).json["summaries"] == []
    again = made(client)
    assert (again["id"], again["cache"]) == (answered["id"], "hit")
    assert client.get(f"/logs/summary/{again['id']}", headers=bearer()).status_code == 200


def test_the_list_is_newest_first_and_its_pages_are_the_list(serve: Serve, tmp_path: Path) -> None:
    """Seven summaries in pages of two and three: nothing twice, nothing missing, the last page says so."""
    day_of(serve, tmp_path)
    client = serve("summary")
    ids = [made(client, {"q": f"margin for TCS: required 50{n:02}"})["id"] for n in range(7)]

    whole = client.get("/logs/summary", headers=bearer()).json

    assert [one["id"] for one in whole["summaries"]] == ids[::-1]
    assert whole["next_page_token"] is None
    assert set(whole["summaries"][0]) == {"id", "created", "type", "window", "headline", "generator"}
    for size in (1, 2, 3, 7):
        found: list[Any] = []
        token_: str | None = ""
        wanted = f"/logs/summary?page_size={size}"
        while token_ is not None:
            page = client.get(f"{wanted}&page_token={token_}", headers=bearer()).json
            assert len(page["summaries"]) <= size
            found += page["summaries"]
            token_ = page["next_page_token"]
        assert found == whole["summaries"]


def test_a_page_goes_on_while_new_ones_are_made(serve: Serve, tmp_path: Path) -> None:
    """What is new stands before what was seen: the second page is what it was."""
    day_of(serve, tmp_path)
    client = serve("summary")
    ids = [made(client, {"q": f"required 50{n:02}"})["id"] for n in range(4)]
    first = client.get("/logs/summary?page_size=2", headers=bearer()).json
    made(client, {"q": "required 5030"})

    second = client.get(
        f"/logs/summary?page_size=2&page_token={first['next_page_token']}", headers=bearer()
    ).json

    assert [one["id"] for one in first["summaries"] + second["summaries"]] == ids[::-1]


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


@pytest.mark.parametrize("query", ["page_size=0", "page_token=abc", "limit=5", "type=errors", "timeout=-1"])
def test_the_list_takes_paging_and_no_more(serve: Serve, query: str) -> None:
    """400, naming the parameter; a page size over 100 is 100."""
    client = serve("summary")
    answer = client.get(f"/logs/summary?{query}", headers=bearer())

    assert answer.status_code == 400
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]
    assert client.get("/logs/summary?page_size=5000", headers=bearer()).status_code == 200
    assert client.get("/logs/summary/abc?x=1", headers=bearer()).status_code == 400


@pytest.mark.parametrize("name", ["made", "making", "..", "%2e%2e", "a%2Fb", "x" * 65, "ä", "a b", "*"])
def test_a_name_that_is_no_id_is_not_found(serve: Serve, tmp_path: Path, name: str) -> None:
    """404, whatever else the store holds under names that begin alike."""
    day_of(serve, tmp_path)
    client = serve("summary")
    made(client)

    assert client.get(f"/logs/summary/{name}", headers=bearer()).status_code == 404


def test_a_stored_summary_tells_how_its_deliveries_stand(
    serve: Serve, tmp_path: Path, hooks: HooksServer
) -> None:
    """Delivered once, however often it is asked for; anyone who may read it sees that."""
    day_of(serve, tmp_path)
    client = serve(
        "summary",
        SUMMARY_WEBHOOK_URL=hooks.url("/in"),
        WEBHOOK_SIGNING_KEY="a-signing-key-for-tests-0123456789",
    )
    summaries = [made(client, {"deliver": ["webhook"]}) for _ in range(3)]
    stored = client.get(f"/logs/summary/{summaries[0]['id']}", headers=bearer()).json

    told = [{"target": "webhook", "state": "delivered", "attempts": 1}]
    assert [one["deliveries"] for one in [*summaries, stored]] == [told] * 4
    (received,) = hooks.received("/in")
    assert received.json["id"] == summaries[0]["id"]


def test_callers_at_once_get_one_summary(serve: Serve, tmp_path: Path) -> None:
    """The same question of two analysts at the same time: one is made, both get it."""
    day_of(serve, tmp_path)
    client = serve("summary")
    app = client.application

    def call(sub: str) -> Any:
        return app.test_client().post("/logs/summary", json=DAY, headers=by("analyst", sub)).json

    found = AtOnce([lambda: call("one"), lambda: call("two")]).run()

    assert found[0]["id"] == found[1]["id"]
    assert sorted(one["cache"] for one in found) == ["hit", "miss"]
    assert counted("summaries_total", "rules") == 1


def test_entries_of_all_sources_are_counted_once_each(serve: Serve, tmp_path: Path) -> None:
    """What the summary counts is what the other routes return for the same window."""
    day_of(serve, tmp_path)
    by_source = made(serve("summary"))["facts"]["by_source"]

    mirror = Mirror(tmp_path, serve)
    assert by_source == {name: len(mirror.read(name, None, **DAY).entries) for name in by_source}
