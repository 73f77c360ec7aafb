"""A day of demo data, every shape of it, in the mirror and in the three servers: the same answers from both.

What a store itself stamps on a document (create and update time) is the only thing left out.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import demo
from shared import instant
from tests.conftest import Serve, bearer
from tests.contract import shelf_firestore
from tests.servers.fake_gcs import FakeGcs
from tests.servers.fake_logging import FakeLogging
from tests.servers.firestore_emulator import missing
from tests.servers.required import require

END_S = 1_795_521_600.0  # 2026-11-24T12:00:00Z
WINDOW = "start=2026-11-24T02:00:00Z&end=2026-11-24T12:00:00Z"
BUCKET = "gpt-runner-logs"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo day."""
    out = tmp_path_factory.mktemp("demo") / "data"
    demo.write(out, days=1, seed=7, end_s=END_S)
    return out


@pytest.fixture
def cloud(mirror: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    """The same in the server of one source, which the product is pointed at."""
    load = {"gcs": gcs, "firestore": firestore, "pods": pods}[request.param]
    yield from load(mirror, monkeypatch)


def gcs(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Objects with their update times and generations; gzip ones say so, as the bots do."""
    with FakeGcs() as server:
        server.create_bucket(BUCKET)
        root = mirror / "gcs" / BUCKET
        for path in sorted(root.rglob("*")):
            if path.is_file():
                at, data = path.stat().st_mtime_ns, path.read_bytes()
                coding = "gzip" if data[:2] == b"\x1f\x8b" else ""
                server.put(
                    BUCKET,
                    path.relative_to(root).as_posix(),
                    data,
                    content_type="application/gzip" if coding else "text/plain",
                    content_encoding=coding,
                    updated=instant.to_datetime(at),
                    generation=at // 1000,
                )
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield


def firestore(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Documents; their files' texts are their fields."""
    require("the Firestore emulator", missing() is None)
    host = shelf_firestore.emulator().host
    client = shelf_firestore.client(host, "same-answers")
    root = mirror / "firestore"
    files = sorted(root.rglob("*.json"))
    for first in range(0, len(files), 400):
        batch = client.batch()
        for path in files[first : first + 400]:
            name = path.relative_to(root).as_posix().removesuffix(".json")
            batch.set(client.document(name), json.loads(path.read_bytes()))
        batch.commit()
    client.close()
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    yield


def pods(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stored lines."""
    with FakeLogging() as server:
        for path in sorted((mirror / "pods").rglob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                server.add(json.loads(line))
        monkeypatch.setenv("LOGGING_EMULATOR_HOST", server.host)
        yield


def told(client: Any, source: str, order: str) -> list[dict[str, Any]]:
    """Every entry, page by page, without what the store stamped on it."""
    entries: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        asked = f"/logs/{source}?{WINDOW}&order={order}&page_size=1000&page_token={token}"
        answer = client.get(asked, headers=bearer("admin"))
        assert answer.status_code == 200, answer.text
        entries += answer.json["entries"]
        token = answer.json["next_page_token"]
    for entry in entries:
        for stamp in ("create_time", "update_time"):
            entry["origin"].pop(stamp, None)
    return entries


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("cloud", ["gcs", "firestore", "pods"], indirect=True)
@pytest.mark.usefixtures("cloud")
def test_the_cloud_and_its_mirror_answer_the_same(
    serve: Serve, mirror: Path, request: pytest.FixtureRequest, order: str
) -> None:
    """Entry for entry and field for field, in both orders."""
    source = request.node.callspec.params["cloud"]
    local = told(serve(source, LOCAL_DATA_DIR=str(mirror), GCS_BUCKET_NAME=BUCKET), source, order)
    remote = told(
        serve(
            source,
            LOCAL_DATA_DIR="",
            GOOGLE_CLOUD_PROJECT="same-answers" if source == "firestore" else "gpt-runner-demo",
            REQUEST_DEADLINE_S="60",
            LOGGING_CALLS_PER_MINUTE="6000",
        ),
        source,
        order,
    )

    assert len(local) > 100
    assert [entry["id"] for entry in remote] == [entry["id"] for entry in local]
    assert remote == local
