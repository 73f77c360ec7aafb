"""The real Firestore emulator, started and stopped as tests do, judged by Google's client."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.cloud.firestore import Client

from tests.servers.black_hole import BlackHole
from tests.servers.firestore_emulator import EmulatorFailed, FirestoreEmulator, find_jar, missing
from tests.servers.required import require


@pytest.fixture(scope="module")
def emulator() -> Iterator[FirestoreEmulator]:
    require("the Firestore emulator", missing() is None)
    with FirestoreEmulator() as running:
        yield running


@pytest.fixture
def client(emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.host)
    made: Any = Client(project=f"t-{uuid.uuid4().hex[:12]}")
    yield made
    made.close()


def test_documents_are_written_and_read(client: Any) -> None:
    """A batch of documents under a parent that does not exist comes back, the parent listed as missing."""
    batch = client.batch()
    day = client.collection("gpt_runner_trades/stock_trader/2026-11-20")
    for number in range(3):
        batch.set(day.document(f"d{number}"), {"symbol": "TCS", "price": number})
    batch.commit()

    assert [found.to_dict()["price"] for found in day.order_by("price").stream()] == [0, 1, 2]
    assert list(client.collection("gpt_runner_trades").stream()) == []
    assert [found.id for found in client.collection("gpt_runner_trades").list_documents()] == ["stock_trader"]
    bot = client.document("gpt_runner_trades/stock_trader")
    assert [found.id for found in bot.collections()] == ["2026-11-20"]


def test_projects_do_not_see_each_other(client: Any) -> None:
    """A test with its own project id starts with nothing."""
    client.document("a/b").set({"x": 1})
    other: Any = Client(project=f"t-{uuid.uuid4().hex[:12]}")

    assert not other.document("a/b").get().exists
    other.close()


def test_stopping_ends_the_process() -> None:
    """After stop() nothing listens and the process is gone; a second stop does nothing."""
    require("the Firestore emulator", missing() is None)
    running = FirestoreEmulator()
    address, port = running.host.split(":")

    running.stop()
    running.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(running.pid, 0)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, int(port)), timeout=1)


def test_a_named_jar_is_used_or_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """FIRESTORE_EMULATOR_JAR wins over an installed one, and a wrong one is an error, not ignored."""
    jar = tmp_path / "emulator.jar"
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", str(jar))

    with pytest.raises(FileNotFoundError):
        find_jar()
    jar.touch()
    assert find_jar() == jar


def test_an_sdk_is_found_by_its_root_and_by_its_gcloud(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """CLOUDSDK_ROOT_DIR, or the folders above the gcloud that is on the path, links followed."""
    sdk = tmp_path / "google-cloud-sdk"
    jar = sdk / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
    jar.parent.mkdir(parents=True)
    jar.touch()
    monkeypatch.delenv("FIRESTORE_EMULATOR_JAR", raising=False)
    monkeypatch.setenv("CLOUDSDK_ROOT_DIR", str(sdk))
    assert find_jar() == jar

    gcloud = sdk / "bin" / "gcloud"
    gcloud.parent.mkdir()
    gcloud.touch(mode=0o755)
    linked = tmp_path / "bin"
    linked.mkdir()
    (linked / "gcloud").symlink_to(gcloud)
    monkeypatch.delenv("CLOUDSDK_ROOT_DIR")
    monkeypatch.setenv("PATH", str(linked))
    assert find_jar() == jar
    assert missing() == "no Java to run the Firestore emulator with"


def test_an_emulator_that_cannot_start_says_what_it_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A jar that is none fails at once with Java's own words and leaves no process."""
    require("the Firestore emulator", missing() is None)
    jar = tmp_path / "emulator.jar"
    jar.touch()
    monkeypatch.setenv("FIRESTORE_EMULATOR_JAR", str(jar))

    with pytest.raises(EmulatorFailed, match="CloudFirestore"):
        FirestoreEmulator()


def test_a_black_hole_accepts_and_says_nothing() -> None:
    """Connections are accepted, requests vanish, and stop() closes everything."""
    with BlackHole() as hole:
        address, port = hole.host.split(":")
        with socket.create_connection((address, int(port)), timeout=0.1) as caller:
            caller.sendall(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises(TimeoutError):
                caller.recv(1)
            assert hole.connections == 1

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address, int(port)), timeout=1)


def test_an_emulator_does_not_hold_the_interpreter_back() -> None:
    """A program that forgets stop() inside of `with` still ends, and its emulator with it."""
    require("the Firestore emulator", missing() is None)
    program = (
        "from tests.servers.firestore_emulator import FirestoreEmulator\n"
        "with FirestoreEmulator() as emulator:\n"
        "    print(emulator.pid, flush=True)\n"
        "    raise SystemExit(3)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 3
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
