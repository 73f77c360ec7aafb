"""Peak memory of the gcs function, all its processes, while it reads one large object to its end.

A gzip object of JSON lines, 1 GiB when decompressed, is written into a mirror; the function runs as in
production (functions-framework, gunicorn) and is asked for what no line matches, so that nothing stops
it early. Prints and stores the sum of the processes' peak resident memory (VmHWM: shared pages count
in each). Limit: 350 MiB.

Usage: python benchmarks/bench_memory.py [--mib 1024]
"""

import argparse
import gzip
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
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt

ROOT = Path(__file__).parent.parent
SECRET = secrets.token_urlsafe(48)
LIMIT_MIB = 350


def write_object(path: Path, mib: int, start: datetime) -> int:
    """JSON lines of a trading day, `mib` MiB raw, gzipped; returns how many lines."""
    path.parent.mkdir(parents=True)
    template = (
        '{"timestamp": "%s", "level": "%s", "category": "market_data", "log_type": "tick", '
        '"message": "tick %d of RELIANCE at %.2f, spread 0.05", "data": {"seq": %d, "latency_ms": 4.25}, '
        '"source": "runner.feed", "session_id": "st-fbfa77f3", "bot_type": "stock_trader", "trade_id": null, '
        '"position_id": null, "strategy": "vwap", "symbol": "RELIANCE"}\n'
    )
    lines = written = 0
    with gzip.open(path, "wt", compresslevel=1) as file:
        while written < mib << 20:
            block = []
            for n in range(lines, lines + 5000):
                at = (start + timedelta(milliseconds=5 * n)).isoformat()
                block.append(template % (at, "INFO" if n % 50 else "WARNING", n, 2900 + n % 977 / 10, n))
            text = "".join(block)
            file.write(text)
            written += len(text)
            lines += 5000
    return lines


def peaks_mib(group: int) -> list[float]:
    """The peak resident memory of every process of a group."""
    peaks = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            if os.getpgid(int(status.parent.name)) == group:
                line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
                peaks.append(int(line.split()[1]) / 1024)
        except (OSError, StopIteration):
            continue
    return peaks


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> int:
    """Exit status 1 over the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    mib = parser.parse_args().mib
    start = datetime(2026, 11, 20, 3, 45, tzinfo=UTC).replace(tzinfo=None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gcs/logs-bucket/trades/2026/11/20/stock_trader/system_logs_v1.jsonl.gz"
        lines = write_object(path, mib, start)
        port = free_port()
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "LOCAL_DATA_DIR": folder, "REQUEST_DEADLINE_S": "600",
            "LOG_AGGREGATOR_SECRET_KEY": SECRET, "WORKERS": "1", "THREADS": "8",
            "CLOUD_RUN_TIMEOUT_SECONDS": "600",
        }  # fmt: skip
        command = [
            str(Path(sys.executable).parent / "functions-framework"), "--target", "gcs",
            "--host", "127.0.0.1",
            "--source", str(ROOT / "functions/gcs/main.py"), "--port", str(port),
        ]  # fmt: skip
        server = subprocess.Popen(command, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            result = measure(port, lines, mib, server.pid)
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(15)
    print(json.dumps(result, indent=2))
    out = ROOT / "benchmarks/results"
    out.mkdir(exist_ok=True)
    (out / "memory.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0 if result["within"] else 1


def measure(port: int, lines: int, mib: int, group: int) -> dict[str, object]:
    """One request, and the memory it took."""
    now = int(time.time())
    claims = {"iss": "log-aggregator", "aud": "log-aggregator", "sub": "bench", "iat": now, "exp": now + 3600}
    token = jwt.encode(claims | {"roles": ["admin"]}, SECRET, algorithm="HS256")
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    idle = sum(peaks_mib(group))
    query = "start=2026-11-20T00:00:00Z&end=2026-11-22T00:00:00Z&q=no-such-text&page_size=1000"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/logs/gcs?{query}", headers={"Authorization": f"Bearer {token}"}
    )
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=900) as response:
        meta = json.load(response)["meta"]
    elapsed_s = time.monotonic() - began
    peak = sum(peaks_mib(group))
    read = meta["sources"][0]["scanned"]["bytes"]
    return {
        "raw_mib": round(read / (1 << 20), 1),
        "asked_mib": mib,
        "lines": lines,
        "partial": meta["partial"],
        "seconds": round(elapsed_s, 1),
        "mib_per_s": round(read / (1 << 20) / elapsed_s, 1),
        "idle_mib": round(idle, 1),
        "peak_mib": round(peak, 1),
        "limit_mib": LIMIT_MIB,
        "within": peak < LIMIT_MIB and meta["partial"] is False,
    }


if __name__ == "__main__":
    sys.exit(main())
