"""A summary as a Slack message: what people see, and what no log line can make of it."""

import html
import re
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sources.source import Warn
from shared.summary.delivery import slack
from shared.summary.delivery.slack_text import cut, line
from shared.summary.document import TYPES, Coverage, Finding, Summary
from tests.summary.summaries import GCS_ID, NOTHING, POD_ID, finding, summary

INDIA = ZoneInfo("Asia/Kolkata")
WINDOW = "2026-11-24 09:15 – 15:30 IST"
WARNED = "⚠ gcs object_corrupt: An object ends early"
QUIET = Coverage(matched=0, shown=0, omitted=0, partial=False)
# All that mrkdwn of ours may be: links into the console, with labels of ours.
_PLACE = "(?:Cloud Storage|Firestore|Cloud Logging)"
_LINK = rf"<https://console\.cloud\.google\.com/[A-Za-z0-9\-._~:/;=?%]+\|{_PLACE}>"
LINKS = re.compile(rf"{_LINK}(?: · {_LINK}){{0,2}}(?: · \+\d+ more)?")


def message(whole: Summary, project: str = "p-1") -> dict[str, Any]:
    return slack.message(whole, INDIA, project)


def texts(told: dict[str, Any]) -> list[dict[str, Any]]:
    """Every text object of a message."""
    found: list[dict[str, Any]] = []
    for block in told["blocks"]:
        found += [block["text"]] if "text" in block else []
        found += [*block.get("fields", []), *block.get("elements", [])]
    return found


def shown(told: dict[str, Any]) -> str:
    """What people read of it, a text object a line."""
    return "\n".join(html.unescape(one["text"]) for one in texts(told))


def test_a_message_tells_what_was_found_and_where_it_can_be_seen() -> None:
    """Headline, window on the market's clocks, claim, quote, numbers, checks, and what is missing."""
    told = message(summary())

    assert [block["type"] for block in told["blocks"]] == ["header", "context", *["section"] * 3, "context"]
    assert [html.unescape(one["text"]) for one in texts(told) if one["type"] == "plain_text"] == [
        "Margin rejections doubled for stock_trader",
        f"errors · {WINDOW} · by rules · 1,284 entries matched · ⚠ partial: not everything could be read",
        "🔴 ERROR: Margin rejections doubled\n“Insufficient margin for TCS”\nBots: stock_trader",
        "Trades: 31 opened, 28 closed, 212 rejected · result +8,120.50 · Silent bots: paper_trader",
        "Recommended checks\n• Free margin of stock_trader",
        f"1,072 of 1,284 entries are in no pattern shown · {WARNED} · summary s-1",
    ]
    assert told["text"].replace("\u2060", "") == "Margin rejections doubled for stock_trader"


def test_a_finding_links_the_first_three_entries_it_cites() -> None:
    """And says how many more there are."""
    told = message(summary(findings=(finding(citations=(GCS_ID, POD_ID, GCS_ID, POD_ID, POD_ID)),)))
    [cited] = told["blocks"][2]["fields"]

    assert LINKS.fullmatch(cited["text"])
    assert re.findall(r"\|([A-Za-z ]+)>", cited["text"]) == [
        "Cloud Storage",
        "Cloud Logging",
        "Cloud Storage",
    ]
    assert cited["text"].endswith(" · +2 more")


def test_without_a_project_entries_are_named() -> None:
    """A local mirror has no console: the ids are shown as text."""
    told = message(summary(findings=(finding(citations=(GCS_ID, POD_ID, GCS_ID, POD_ID)),)), project="")

    assert [one["type"] for one in told["blocks"][2]["fields"]] == ["plain_text"]
    assert told["blocks"][2]["fields"][0]["text"] == f"{GCS_ID}\n{POD_ID}\n{GCS_ID}\n+1 more"


def test_an_address_that_is_too_long_for_a_message_is_named() -> None:
    """Beside the entries that can be linked."""
    long = f"gcs:b/{'ü' * 200}#1:2"
    told = message(summary(findings=(finding(citations=(long, POD_ID)),)))
    linked, named = told["blocks"][2]["fields"]

    assert LINKS.fullmatch(linked["text"])
    assert (named["type"], named["text"]) == ("plain_text", long)


@pytest.mark.parametrize(
    ("partial", "said"),
    [
        (False, f"Nothing happened: 0 entries, {WINDOW}."),
        (
            True,
            f"Nothing was found: 0 entries, {WINDOW}. But not everything could be read.",
        ),
    ],
)
def test_an_empty_window_says_so(partial: bool, said: str) -> None:
    """And does not call it nothing when something could not be read."""
    empty = summary(
        headline="", findings=(), facts={"trades": NOTHING, "silent_bots": []}, recommended_checks=()
    )
    told = message(msgspec.structs.replace(empty, coverage=msgspec.structs.replace(QUIET, partial=partial)))

    assert said in shown(told)
    assert told["blocks"][0]["text"]["text"] == "Summary of 2026-11-24 09:15 – 15:30 IST"
    assert "Trades" not in shown(told)


def test_a_window_over_midnight_names_both_days() -> None:
    """On the market's clocks, whatever the window's offset."""
    told = message(summary(window={"start": "2026-11-23T18:00:00Z", "end": "2026-11-24T18:30:00+00:00"}))

    assert "2026-11-23 23:30 – 2026-11-25 00:00 IST" in shown(told)


def test_a_guess_of_a_model_is_called_one() -> None:
    """Facts are not marked."""
    assert "🔴 ERROR (hypothesis): Margin" in shown(message(summary(findings=(finding(kind="hypothesis"),))))


def test_a_message_keeps_within_the_limits_of_slack_however_much_there_is_to_say() -> None:
    """What does not fit is counted."""
    much = finding(claim="<&>" * 5000, quote="😀" * 5000, bots=tuple(f"bot_{n}" for n in range(500)))
    warning = Warn("gcs", "object_corrupt", "x" * 5000, None)
    whole = summary(
        headline="<" * 500,
        findings=(much,) * 60,
        recommended_checks=("&" * 900,) * 60,
        coverage=Coverage(matched=9, shown=1, omitted=8, partial=True, warnings=(warning,) * 60),
    )
    told = message(whole)

    check_limits(told)
    assert told["blocks"][0]["text"]["text"] == "&lt;" * 37 + "…"
    assert "40 more findings" in shown(told)
    assert "55 more warnings" in shown(told)


def check_limits(told: dict[str, Any]) -> None:
    """Source: https://docs.slack.dev/reference/block-kit/blocks"""
    most = {"header": (150, 0), "section": (3000, 2000), "context": (0, 3000)}
    assert 1 <= len(told["blocks"]) <= 50
    for block in told["blocks"]:
        own, inner = most[block["type"]]
        objects = [*block.get("fields", []), *block.get("elements", [])]
        assert len(objects) <= 10
        assert "text" not in block or 1 <= utf16(block["text"]["text"]) <= own
        assert all(1 <= utf16(one["text"]) <= inner for one in objects)


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
FORMS = ["gcs:b/{}#1:2", "firestore:c/{}", "pods:projects/p/logs/stdout/2026-11-24T04:31:07Z/{}"]
# Texts that try: pieces of Slack's syntax among anything else.
hostile = st.lists(
    st.sampled_from(
        [
            *("<!channel>", "<!here|x>", "<@U012AB3CD>", "<#C024BE7LR>", "<https://evil.example|Console>"),
            *(
                "@here",
                "#general",
                "https://evil.example/",
                "evil.example",
                "*b*",
                "_i_",
                "~s~",
                "`c`",
                "```",
            ),
            *("> q", "&lt;", "&amp;", "&", "<", ">", "|", "\n", "\r\n", "\u2028", "\u202e", ":fire:", '"}]'),
        ]
    )
    | st.text(max_size=5),
    max_size=6,
).map("".join)
findings = st.builds(
    Finding,
    claim=hostile,
    kind=st.sampled_from(["fact", "hypothesis"]),
    severity=st.sampled_from(["ERROR", "INFO", "DEFAULT"]) | hostile,
    bots=st.lists(hostile, max_size=3).map(tuple),
    citations=st.lists(
        st.sampled_from(FORMS).flatmap(lambda form: hostile.map(form.format)) | hostile,
        max_size=5,
    ).map(tuple),
    quote=hostile,
)


@settings(max_examples=300, deadline=None)
@given(
    st.builds(
        Summary,
        id=hostile,
        created=st.just(""),
        type=st.sampled_from(TYPES),
        generator=hostile,
        window=st.fixed_dictionaries({"start": hostile, "end": hostile}),
        headline=hostile,
        findings=st.lists(findings, max_size=3).map(tuple),
        facts=st.fixed_dictionaries({"silent_bots": st.lists(hostile, max_size=3), "trades": st.none()}),
        patterns=st.just(()),
        recommended_checks=st.lists(hostile, max_size=3).map(tuple),
        coverage=st.builds(
            Coverage,
            matched=st.integers(0, 9),
            shown=st.just(0),
            omitted=st.integers(0, 9),
            partial=st.booleans(),
            warnings=st.lists(st.builds(Warn, hostile, hostile, hostile), max_size=3).map(tuple),
        ),
        usage=st.just(summary().usage),
    ),
    st.sampled_from(["", "p-1"]),
)
def test_no_text_makes_a_link_a_mention_or_a_block(whole: Summary, project: str) -> None:
    """Whatever a headline, claim, quote, bot, id or warning says: it is plain text, and escaped."""
    told = msgspec.json.decode(msgspec.json.encode(message(whole, project)))

    check_limits(told)
    assert [block["type"] for block in told["blocks"]].count("header") == 1
    for block in told["blocks"]:
        assert set(block) <= {"type", "text", "fields", "elements"}
    for one in texts(told):
        if one["type"] == "mrkdwn":
            assert LINKS.fullmatch(one["text"])
            assert one["verbatim"] is True
            continue
        assert one["type"] == "plain_text"
        assert one["emoji"] is False
        assert not re.search(r"[<>]|&(?!(?:amp|lt|gt);)", one["text"])
        assert not re.search(
            "[\\x00-\\x09\\x0b-\\x1f\\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]", one["text"]
        )
    # The fallback is parsed by Slack: no character that begins a name, a channel or an address is left alone.
    assert not re.search(r"[<>]|[@#:./](?!\u2060)", told["text"])
    assert told["mrkdwn"] is False


@given(st.text(), st.integers(1, 60))
def test_a_text_is_shown_as_it_is_until_it_is_cut(text: str, most: int) -> None:
    """Escaping is undone by Slack; a cut never splits an escape, and is marked."""
    one_line = line(text)
    read = html.unescape(cut(one_line, most))

    assert utf16(cut(one_line, most)) <= most
    assert read == one_line or (read.endswith("…") and one_line.startswith(read[:-1]))


def test_of_rejected_trades_alone_no_result_is_told() -> None:
    """A summary of warnings does not see the others: that there were none is not known."""
    told = shown(message(summary(facts={"trades": NOTHING | {"rejected": 7}, "silent_bots": []})))

    assert "Trades: 7 rejected\n" in told
    assert "opened" not in told
