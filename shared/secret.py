"""Whether a shared secret is one: long enough, and not the text of an example."""

import re
from itertools import pairwise

MIN_SECRET_BYTES = 32

# Looked for among the letters and digits alone, in lower case: `Change-Me!` is `changeme`.
_PLACEHOLDERS = (
    "changeme", "changethis", "changeit", "yoursecret", "yourkey", "yourjwt", "secretkey", "mysecret",
    "supersecret", "topsecret", "notsecret", "replaceme", "replacethis", "replacewith", "placeholder",
    "insecure", "example", "password", "passphrase", "puthere", "inserthere", "generateme",
)  # fmt: skip


def check_secret(value: str) -> str | None:
    """What is wrong with LOG_AGGREGATOR_SECRET_KEY, as a sentence without the value; None when it is good."""
    bare = value.strip()
    if len(bare.encode("utf-8", "surrogatepass")) < MIN_SECRET_BYTES:
        return f"has fewer than {MIN_SECRET_BYTES} bytes"
    if "-----begin" in bare.lower():
        return "is a key file or a certificate, not a secret"
    letters = re.sub(r"[^a-z0-9]", "", bare.lower())
    if any(word in letters for word in _PLACEHOLDERS):
        return "is a placeholder"
    if len(set(bare)) < 8 or _is_repeated(bare) or _is_a_row(bare):
        return "is too regular to be a secret"
    return None


def _is_repeated(text: str) -> bool:
    """Whether some beginning of at most half its length, said over and over, gives all of it."""
    return any(text[size:] == text[:-size] for size in range(1, len(text) // 2 + 1))


def _is_a_row(text: str) -> bool:
    """Whether most characters just follow the one before them, like abcdefgh or 12345678."""
    steps = sum(ord(after) - ord(before) == 1 for before, after in pairwise(text))
    return steps > len(text) // 2
