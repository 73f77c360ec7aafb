"""What redaction changes of the demo data: the planted secrets, and hardly an ordinary line."""

import json
from pathlib import Path

import msgspec
import pytest

from local import demo
from shared.redact import Redactor

END_S = 1_795_521_600.0  # 2026-11-24T12:00:00Z
# Lines of the planted incidents that hold a secret on purpose: the key, and the account of the injection.
PLANTED = ("api_key", "API key", "Ignore all previous instructions")


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every message of the pods of two demo days."""
    out = tmp_path_factory.mktemp("demo") / "data"
    demo.write(out, days=2, seed=7, end_s=END_S)
    lines: list[str] = []
    for path in sorted(Path(out / "pods").rglob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            stored = msgspec.json.decode(line)
            lines.append(
                stored.get("textPayload") or json.dumps(stored.get("jsonPayload"), ensure_ascii=False)
            )
    return lines


def test_at_most_one_in_a_thousand_ordinary_lines_changes(texts: list[str]) -> None:
    """Prices, quantities, trade ids, symbols and tracebacks stay as they are."""
    redactor = Redactor(b"k" * 32)
    ordinary = [text for text in texts if not any(word in text for word in PLANTED)]

    changed = [text for text in ordinary if redactor.text(text) is not text]

    assert len(ordinary) > 10_000
    assert len(changed) <= len(ordinary) / 1000, changed[:5]
