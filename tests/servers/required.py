"""What a test cannot do without: skipped on a developer's machine, a failure in CI."""

import os

import pytest


def require(what: str, found: object) -> None:
    """Go on if `found` is there; else skip with one loud line, or fail where CI=true."""
    if found:
        return
    sentence = f"NOT TESTED: {what} is not on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)
