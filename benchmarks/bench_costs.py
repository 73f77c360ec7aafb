"""What a query costs in CPU, time, bytes and billed operations, measured in the processes that serve it.

Each function runs as in production (functions-framework, gunicorn), set up for Google Cloud, over servers
that speak the real protocols: a fake Cloud Storage, a fake Cloud Logging, and the Firestore emulator (log
documents and state store) behind a meter. Asked one at a time, warm, over a day of demo data.
`cost_table.py` turns the results into the tables of docs/operations.md, which is written anew.

Usage: python benchmarks/bench_costs.py [--requests 40]
"""

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jwt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from benchmarks import cost_table  # noqa: E402
from benchmarks.firestore_meter import FirestoreMeter  # noqa: E402
from local import demo  # noqa: E402
from shared import instant  # noqa: E402
from tests.servers.fake_gcs import FakeGcs  # noqa: E402
from tests.servers.fake_logging import FakeLogging  # noqa: E402
from tests.servers.firestore_emulator import FirestoreEmulator, missing  # noqa: E402

SECRET = secrets.token_urlsafe(48)
BUCKET, PROJECT = "gpt-runner-logs", "gpt-runner-demo"
PER_SUBJECT = 100
"""Requests of one caller, below the limit of 300 a minute: the limiter works as it does for people."""
POSTS_PER_SUBJECT = 5
WARM_UP = 5
OUT = ROOT / "benchmarks/results/costs.json"


class Servers(NamedTuple):
    """What the functions ask."""

    gcs: FakeGcs
    logging: FakeLogging
    firestore: FirestoreMeter


class Function:
    """One function in its own process group, and what it has used."""

    def __init__(self, name: str, env: dict[str, str], folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log, self._asked = folder / f"{name}.log", 0
        command = [
            str(Path(sys.executable).with_name("functions-framework")), "--target", name, "--source",
            str(ROOT / f"functions/{name}/main.py"), "--host", "127.0.0.1", "--port", str(self.port),
        ]  # fmt: skip
        with self._log.open("wb") as out:
            self.process = subprocess.Popen(command, env=env, stdout=out, stderr=out, start_new_session=True)
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit(f"{name} does not answer: {self._log.read_text()}")

    def cpu_s(self) -> float:
        """CPU seconds of all its processes so far (Linux)."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == self.process.pid:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def log_bytes(self) -> int:
        """What it has printed: Cloud Logging takes it in."""
        return self._log.stat().st_size

    def ask(self, path: str, role: str, body: dict[str, Any] | None = None) -> tuple[dict[str, str], bytes]:
        """The headers and the body of a 200; with `body` it is a POST."""
        self._asked += 1
        caller = f"bench-{self.port}-{self._asked // (POSTS_PER_SUBJECT if body else PER_SUBJECT)}"
        headers = {"Authorization": f"Bearer {token(role, caller)}", "Content-Type": "application/json"}
        sent = json.dumps(body).encode() if body else None
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", sent, headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return {k.lower(): v for k, v in answer.headers.items()}, answer.read()

    def stop(self) -> None:
        """Ends it."""
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(15)


def token(role: str, subject: str) -> str:
    """A token of the product's own issuer."""
    now = int(time.time())
    claims = {"iss": "log-aggregator", "aud": "log-aggregator", "sub": subject}
    return jwt.encode(claims | {"iat": now, "exp": now + 3600, "roles": [role]}, SECRET, algorithm="HS256")


def fill(servers: Servers, mirror: Path, upstream: str) -> None:
    """The demo day into the three servers."""
    servers.gcs.create_bucket(BUCKET)
    for path in sorted(p for p in (mirror / "gcs" / BUCKET).rglob("*") if p.is_file()):
        at, data = path.stat().st_mtime_ns, path.read_bytes()
        name = path.relative_to(mirror / "gcs" / BUCKET).as_posix()
        coding = "gzip" if data[:2] == b"\x1f\x8b" else ""
        servers.gcs.put(
            BUCKET,
            name,
            data,
            content_encoding=coding,
            updated=instant.to_datetime(at),
            generation=at // 1000,
        )
    for path in sorted((mirror / "pods").rglob("*.jsonl")):
        servers.logging.add(*map(json.loads, path.read_bytes().splitlines()))
    os.environ["FIRESTORE_EMULATOR_HOST"] = upstream
    from google.cloud.firestore import Client

    client = Client(project=PROJECT)
    for path in sorted((mirror / "firestore").rglob("*.json")):
        name = path.relative_to(mirror / "firestore").as_posix().removesuffix(".json")
        client.document(name).set(json.loads(path.read_bytes()))
    client.close()  # type: ignore[no-untyped-call]


@contextmanager
def started() -> Iterator[tuple[Servers, dict[str, str], Path]]:
    """The servers with a day in them, and the environment of the functions."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        demo.write(folder / "data", days=1, seed=7, end_s=time.time() - 7200)
        emulator = stack.enter_context(FirestoreEmulator())
        logging = FakeLogging()
        stack.callback(logging.stop)
        meter = stack.enter_context(FirestoreMeter(emulator.host))
        servers = Servers(stack.enter_context(FakeGcs()), logging, meter)
        fill(servers, folder / "data", emulator.host)
        env = {
            "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PYTHONPATH": str(ROOT),
            "GOOGLE_CLOUD_PROJECT": PROJECT, "GCS_BUCKET_NAME": BUCKET, "LOG_AGGREGATOR_SECRET_KEY": SECRET,
            "STORAGE_EMULATOR_HOST": servers.gcs.url, "LOGGING_EMULATOR_HOST": logging.host,
            "FIRESTORE_EMULATOR_HOST": meter.host, "LOGGING_CALLS_PER_MINUTE": "6000",
            "WORKERS": "1", "THREADS": "16",
        }  # fmt: skip
        yield servers, env, folder


class Case(NamedTuple):
    """What is asked of a function, one after the other; the first five only warm it up."""

    name: str
    function: str
    questions: list[tuple[str, dict[str, Any] | None]]
    role: str = "viewer"


def measured(function: Function, servers: Servers, case: Case) -> dict[str, Any]:
    """Means per request."""
    for path, body in case.questions[:WARM_UP]:
        function.ask(path, case.role, body)
    time.sleep(0.3)
    servers.firestore.take()
    servers.gcs.reset()
    lists = len(servers.logging.calls)
    began, printed = function.cpu_s(), function.log_bytes()
    elapsed_ms, size = 0.0, 0
    asked = case.questions[WARM_UP:]
    for path, body in asked:
        headers, answer = function.ask(path, case.role, body)
        elapsed_ms += float(headers["server-timing"].split("dur=")[1].split(",")[0])
        size += len(answer)
        if path.startswith("/logs") and not found(json.loads(answer)):
            raise SystemExit(f"{path} found nothing: that is no query to measure")
    # What is written after an answer.
    time.sleep(0.3)
    sums = {
        "cpu_s": function.cpu_s() - began,
        "elapsed_s": elapsed_ms / 1000,
        "response_bytes": size,
        "log_bytes": function.log_bytes() - printed,
        **{f"firestore_{kind}": number for kind, number in servers.firestore.take().items()},
        "storage_class_a": servers.gcs.calls["list"],
        "storage_class_b": servers.gcs.calls["media"] + servers.gcs.calls["get"],
        "storage_bytes": servers.gcs.bytes_sent,
        "logging_calls": len(servers.logging.calls) - lists,
    }
    return {"requests": len(asked), **{name: round(total / len(asked), 5) for name, total in sums.items()}}


def found(answer: dict[str, Any]) -> bool:
    """Whether there was anything to read."""
    return bool(answer["entries"] if "entries" in answer else answer["coverage"]["matched"])


def cases(requests: int) -> Iterator[Case]:
    """Each uncached window is another one. Summaries are made without a model, and kept."""
    now = int(time.time())
    many = WARM_UP + 4 * requests
    for source in ("gcs", "firestore", "pods"):
        windows = [
            f"/logs/{source}?start={now - 93_600 + n}&end={now - 7200}" for n in range(WARM_UP + requests)
        ]
        yield Case(f"{source}_uncached", source, [(path, None) for path in windows])
        yield Case(f"{source}_cached", source, [(windows[0], None)] * many)
    yield Case("health", "health", [("/health", None)] * many)
    yield Case("metrics", "metrics", [("/metrics", None)] * (WARM_UP + requests), "metrics")
    for name, hours, number in (("summary_hour", 1.1, requests // 2), ("summary_day", 17.0, requests // 4)):
        starts = [now - 7200 - int(3600 * hours) + n for n in range(WARM_UP + number)]
        bodies = [
            {
                "start": instant.to_text(s * instant.SECOND),
                "end": instant.to_text((now - 7200) * instant.SECOND),
            }
            for s in starts
        ]
        yield Case(name, "summary", [("/logs/summary", body) for body in bodies], "analyst")


def main() -> int:
    """Exit status 0 also where the emulator is not there, which is said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=40)
    requests = parser.parse_args().requests
    if lack := missing():
        print(f"*** MISSING: {lack}: costs not measured ***")
        return 0
    results: dict[str, Any] = {}
    with started() as (servers, env, folder):
        functions: dict[str, Function] = {}
        try:
            for case in cases(requests):
                if case.function not in functions:
                    functions[case.function] = Function(case.function, env, folder)
                results[case.name] = measured(functions[case.function], servers, case)
                print(case.name, json.dumps(results[case.name]), flush=True)
        finally:
            for function in functions.values():
                function.stop()
    OUT.write_text(json.dumps(results, indent=2) + "\n")
    cost_table.PAGE.write_text(cost_table.written(cost_table.PAGE.read_text(), results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
