"""Whether a shared secret is one: long enough, and not the text of an example."""

import re
from typing import Final

MIN_SECRET_BYTES: Final = 32
# A text this short, said over and over, is no secret however long it gets.
MAX_REPEATED_CHARS: Final = 8

# Words that ask to be replaced, looked for among the letters and digits alone, in lower case:
# `Change-Me!` is `changeme`. Words that merely sound weak are no proof: the length has to do.
_PLACEHOLDERS: Final = (
    "changeme", "changethis", "changeit", "changein", "yoursecret", "yourkey", "yourjwt", "yourlogaggregator",
    "replaceme", "replacethis", "replacewith", "placeholder", "puthere", "inserthere", "secrethere",
    "keyhere", "generateme",
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
    if any(bare[size:] == bare[:-size] for size in range(1, MAX_REPEATED_CHARS + 1)):
        return "is a short text said over and over"
    return None
