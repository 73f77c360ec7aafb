"""Links into the Google Cloud console, from the ids of entries."""

import re
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.summary.delivery.console import console_url
from tests.summary.summaries import DOCUMENT_ID, GCS_ID, POD_ID


def test_an_object_s_entry_leads_to_the_object() -> None:
    """Folders stay folders; the generation and the line are not part of the page's address."""
    assert console_url(GCS_ID, "p-1") == (
        "https://console.cloud.google.com/storage/browser/_details/logs-bucket/trades/2026/11/24/"
        "stock_trader/system_logs_043107_v1.jsonl.gz;tab=live_object?project=p-1"
    )


def test_a_document_s_entry_leads_to_the_document() -> None:
    """In the default database, by its whole path."""
    assert console_url(DOCUMENT_ID, "p-1") == (
        "https://console.cloud.google.com/firestore/databases/-default-/data/panel/"
        "gpt_runner_trades/stock_trader/2026-11-24/T17?project=p-1"
    )


def test_a_line_s_entry_leads_to_a_query_for_it_alone() -> None:
    """By log, time and insert id, in the log's own project."""
    url = console_url(POD_ID, "another")
    assert url
    query = unquote(url.partition(";query=")[2].partition(";")[0])

    assert query.splitlines() == [
        'logName="projects/p-1/logs/stdout"',
        'timestamp="2026-11-24T04:31:07.250000Z"',
        'insertId="k3x9"',
    ]
    assert url.endswith(";cursorTimestamp=2026-11-24T04%3A31%3A07.250000Z?project=p-1")


@pytest.mark.parametrize(
    "entry_id",
    [
        "",
        "gcs:bucket",
        "gcs:bucket/object",
        "gcs:bucket/../../iam-admin#1:1",
        "firestore:a/./b",
        "pods:stdout/2026-11-24T04:31:07.250000Z/x",
        "https://evil.example/#1:1",
        "other:thing",
    ],
)
def test_what_is_no_entry_s_id_has_no_link(entry_id: str) -> None:
    """Nor what a browser would resolve into another page of the console."""
    assert console_url(entry_id, "p-1") is None


@pytest.mark.parametrize("entry_id", [GCS_ID, POD_ID, DOCUMENT_ID])
def test_a_local_mirror_has_no_links(entry_id: str) -> None:
    """Its entries are in no project."""
    assert console_url(entry_id, "") is None


FORMS = ["gcs:b/{}#1:2", "firestore:c/{}", "pods:projects/p/logs/stdout/2026-11-24T04:31:07Z/{}"]


@given(
    st.sampled_from(FORMS),
    st.text(min_size=1),
    st.text(min_size=1, max_size=20),
)
def test_no_name_leaves_the_console_or_its_page(form: str, name: str, project: str) -> None:
    """Whatever an object, a document or an insert id is called, the link is plain and goes to one host."""
    url = console_url(form.format(name), project)
    if url is None:
        assert {".", ".."} & set(name.split("/"))
        return
    parts = urlsplit(url)

    assert re.fullmatch(r"[A-Za-z0-9\-._~:/;=?%]+", url)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "console.cloud.google.com", "")
    assert not {".", ".."} & {unquote(segment) for segment in parts.path.split("/")}
