"""Properties of redaction that hold for any text and any JSON value."""

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.redact import Redactor

REDACTOR = Redactor(b"k" * 32)
SETTINGS = settings(max_examples=300, deadline=None, derandomize=True, database=None)
# Pieces that rules react to, in any order: their seams are where redaction could go wrong.
PIECES = (
    "password", "token", "api_key", "Authorization", "Cookie", "pin", "account no", "phone", "demat", "aws",
    "PAN", "=", ":", ": ", " ", '"', "'", "\\", '\\"', '""', "\n", "\\n", ",", ";", "&", "?", "@", ".", "-",
    "_", "/", "(", "]", "%3D", "%40", "%26", "%20", "://", "u:p@h", "hunter2", "Bearer ", "Basic ",
    "ey" + "Jhbgciabcd", "x@y.co", "sk" + "-abcdefghij0123456789", "AK" + "IA" + "ABCDEFGHIJ234567",
    "4" + "1" * 15, "4111 1111 1111 1111", "4111", "+91", "9876543210", "98765 43210", "ABCPE" + "1234F",
    "IN" + "30154912345678", "123456789012", "é", "₹", "🚀", "-----BEGIN " + "PRIVATE KEY-----",
    "-----END PRIVATE KEY-----", "QUJD" * 16, "\x01", "\ud800", "[EMAIL:abc123]", "[PASSWORD:012345]",
    "[API_KEY:", "None", "self.",
)  # fmt: skip
ANY_TEXT = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text(max_size=80),
    st.text(st.characters(codec=None), max_size=20),
)
NAMES = st.one_of(st.sampled_from(("password", "note", "phone", "order_id", "cookie", "a")), ANY_TEXT)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), ANY_TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)


@SETTINGS
@given(ANY_TEXT)
def test_redacting_a_text_twice_changes_nothing(text: str) -> None:
    """Placeholders are no secrets, and no seam beside one makes a new secret."""
    once = REDACTOR.text(text)

    assert REDACTOR.text(once) is once


@SETTINGS
@given(VALUES)
def test_redacting_a_value_twice_changes_nothing_and_spares_its_input(value: Any) -> None:
    """Values keep their shape, their input stays as it was, and the second time is the identity."""
    before = copy.deepcopy(value)

    once = REDACTOR.value(value)

    assert value == before
    assert REDACTOR.value(once) is once
    assert _shape(once) == _shape(value)


@SETTINGS
@given(ANY_TEXT, ANY_TEXT)
def test_a_secret_is_caught_whatever_stands_around_it(left: str, right: str) -> None:
    """A key of a provider between blanks never survives."""
    secret = "gh" + "p_" + "aB3dE5gH7jK9mN1pQ2sT4vW6xY8zA0cD2eF4"

    assert secret not in REDACTOR.text(f"{left} {secret} {right}")


@SETTINGS
@given(ANY_TEXT)
def test_equal_keys_give_equal_texts(text: str) -> None:
    """The answer depends on the text and the key, on nothing that an instance remembers."""
    assert Redactor(b"k" * 32).text(text) == REDACTOR.text(text)


def _shape(value: Any) -> Any:
    """Containers and their sizes; what is not text or a number, as it is."""
    if isinstance(value, dict):
        return ["dict", *(_shape(child) for child in value.values())]
    if isinstance(value, list):
        return ["list", *(_shape(child) for child in value)]
    return value if value is None or isinstance(value, bool) else "leaf"
