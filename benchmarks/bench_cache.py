"""Throughput of a warm cached answer, as a share of a bare function that returns as many bytes.

Two functions-framework processes run side by side and are asked in turn, five times each, by `wrk`
(Debian package wrk) with 8 connections: the pods function, whose answer of the demo data is in its cache,
and a function that returns a constant of the same size. The wanted share is 0.4.

Usage: python benchmarks/bench_cache.py [--seconds 4]
"""

import argparse
import json
import os
import re
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import jwt

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
SECRET = secrets.token_urlsafe(48)
WANTED = 0.4
ROUNDS = 5
BARE = 'BODY = open({path!r}, "rb").read()\n\n\ndef bare(request):\n    return BODY\n'


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def serve(target: str, source: Path, env: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """A function as in production, and its port, once it answers."""
    port = free_port()
    command = [
        str(Path(sys.executable).parent / "functions-framework"), "--target", target,
        "--source", str(source), "--host", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, env=env, start_new_session=True, stdout=quiet, stderr=quiet)
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return server, port
        time.sleep(0.05)
    raise SystemExit(f"{target} does not answer")


def rate(url: str, token: str, seconds: int) -> float:
    """Requests a second; every answer must be a 200."""
    command = ["wrk", "-t1", "-c8", f"-d{seconds}s", "-H", f"Authorization: Bearer {token}", url]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in printed:
        raise SystemExit(printed)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", printed)[1])  # type: ignore[index]


def main() -> int:
    """Exit status 1 below the wanted share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    seconds = parser.parse_args().seconds
    if not shutil.which("wrk"):
        print("*** MISSING: wrk (Debian: apt-get install wrk): not measured ***")
        return 0
    from local import demo

    now = int(time.time())
    claims = {"iss": "log-aggregator", "aud": "log-aggregator", "sub": "bench", "iat": now, "exp": now + 3600}
    token = jwt.encode(claims | {"roles": ["viewer"]}, SECRET, algorithm="HS256")
    servers = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        demo.write(data, days=2, seed=7, end_s=now - 7200)
        env = {
            **os.environ, "PYTHONPATH": str(ROOT), "LOCAL_DATA_DIR": str(data), "RATE_LIMIT": "off",
            "LOG_AGGREGATOR_SECRET_KEY": SECRET, "WORKERS": "1", "THREADS": "8", "LOG_LEVEL": "WARNING",
        }  # fmt: skip
        try:
            pods, port = serve("pods", ROOT / "functions/pods/main.py", env)
            servers.append(pods)
            url = f"http://127.0.0.1:{port}/logs/pods?start={now - 90_000}&end={now - 7200}"
            asked = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
            body = b""
            for _ in range(2):
                with urllib.request.urlopen(asked) as answer:
                    body = answer.read()
            assert json.loads(body)["meta"]["sources"][0]["cache"] == "hit"
            constant = Path(folder) / "body.json"
            constant.write_bytes(body)
            source = Path(folder) / "bare.py"
            source.write_text(BARE.format(path=str(constant)))
            bare, bare_port = serve("bare", source, env)
            servers.append(bare)
            pairs = []
            for _ in range(ROUNDS):
                cached = rate(url, token, seconds)
                pairs.append((cached, rate(f"http://127.0.0.1:{bare_port}/", token, seconds)))
        finally:
            for server in servers:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait(15)
    shares = [cached / constant_rate for cached, constant_rate in pairs]
    result = {
        "bytes": len(body),
        "cached_per_s": [round(cached) for cached, _ in pairs],
        "bare_per_s": [round(constant_rate) for _, constant_rate in pairs],
        "share_median": round(statistics.median(shares), 3),
        "share_wanted": WANTED,
        "within": statistics.median(shares) >= WANTED,
    }
    print(json.dumps(result, indent=2))
    out = ROOT / "benchmarks/results"
    out.mkdir(exist_ok=True)
    (out / "cache.json").write_text(json.dumps(result, indent=2) + "\n")
    return 0 if result["within"] else 1


if __name__ == "__main__":
    sys.exit(main())
