"""A process of its own that works on a shared store: `python state_worker.py KIND BACKING-JSON JOB NUMBER`.

Waits for a line on stdin, so that all workers begin together; prints its result as JSON.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from shared.state import StateStore
from tests.contract.state_backings import KINDS


def claim(store: StateStore, number: int) -> Any:
    """Which of twenty keys this process created first."""
    return [key for key in range(20) if store.create(f"lease/{key}", b"%d" % number, 60)]


def count(store: StateStore, number: int) -> Any:
    """Fifty increments of an integer and a float, on one counter."""
    for _ in range(50):
        store.increment("hits", {"requests": 1, "seconds": 0.25, f"by {number}": 2})
    return 50


def rewrite(store: StateStore, number: int) -> Any:
    """Large values over and over, each all of one letter: what is read must be of one letter too."""
    mixed = 0
    for _ in range(6):
        letter = b"%d" % number
        store.set("large", letter * 10 + os.urandom(1_000_000) + letter * 10, 60)
        value = store.get("large")
        mixed += value is not None and (len(value) != 1_000_020 or value[:10] != value[-10:])
    return mixed


def open_files() -> Counter[str]:
    """What this process has open, and how often."""
    listed = Path("/proc/self/fd").iterdir()
    return Counter(str(link.readlink()) for link in listed if link.is_symlink())


def fork(store: StateStore, number: int) -> Any:
    """A store used before a fork works on both sides of it, the child over a connection of its own."""
    store.set("before", b"parent", 60)
    child = os.fork()
    if child == 0:
        inherited = open_files()
        right = store.get("before") == b"parent" and store.set("from child", b"child", 60)
        os._exit(0 if right and open_files() - inherited else 1)
    _, status = os.waitpid(child, 0)
    return [status, store.get("from child") == b"child"]


if __name__ == "__main__":
    kind, backing, job, worker = sys.argv[1:]
    opened = KINDS[kind](**json.loads(backing)).open()
    opened.get("warm up")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    result = {"claim": claim, "count": count, "rewrite": rewrite, "fork": fork}[job](opened, int(worker))
    sys.stdout.write(json.dumps(result))
