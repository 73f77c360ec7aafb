"""The corpus: whatever a token tries, it is a 401; its honest twin is not."""

import pytest

from shared.auth import Verifier
from shared.errors import NotAuthenticated
from tests.auth.conftest import NOW
from tests.auth.hostile_tokens import HostileToken, hostile, twins
from tests.auth.issuer_keys import FAMILIES, IssuerKeys


@pytest.fixture(scope="module")
def corpus(keys: IssuerKeys) -> list[HostileToken]:
    """All of it."""
    return hostile(keys, NOW)


def test_corpus_is_as_large_as_it_says(keys: IssuerKeys, corpus: list[HostileToken]) -> None:
    """There are at least 150 different hostile tokens of at least 30 mechanisms, each with a twin."""
    mechanisms = {one.mechanism for one in corpus}

    assert len({one.token for one in corpus}) >= 150
    assert len(mechanisms) >= 30
    assert mechanisms == set(twins(keys, NOW))


def test_corpus_can_travel_in_a_header(keys: IssuerKeys, corpus: list[HostileToken]) -> None:
    """No token needs characters that HTTP would refuse or trim before we see them."""
    texts = [one.token for one in corpus] + list(twins(keys, NOW).values())

    assert [
        text for text in texts if not (text.isascii() and text.isprintable() and text == text.strip())
    ] == []


def test_every_hostile_token_is_refused(verifier: Verifier, corpus: list[HostileToken]) -> None:
    """NotAuthenticated and nothing else, in the same words whatever is wrong."""
    accepted = []
    refusals = []
    for one in corpus:
        try:
            verifier.verify(one.token)
        except NotAuthenticated as refusal:
            refusals.append(refusal)
        else:
            accepted.append(one)

    assert accepted == []
    assert {refusal.detail for refusal in refusals} == {NotAuthenticated("x").detail}


def test_every_twin_is_accepted(keys: IssuerKeys, verifier: Verifier) -> None:
    """The checks refuse the mechanism, not the token around it."""
    refused = {}
    for mechanism, token in twins(keys, NOW).items():
        try:
            verifier.verify(token)
        except NotAuthenticated as refusal:
            refused[mechanism] = refusal.reason

    assert refused == {}


def test_refusals_are_planned(verifier: Verifier, corpus: list[HostileToken]) -> None:
    """Each check says no by itself: none of them leaves it to the net that catches what breaks."""
    unplanned = []
    for one in corpus:
        with pytest.raises(NotAuthenticated) as refusal:
            verifier.verify(one.token)
        if refusal.value.reason == "unreadable_token":
            unplanned.append(one.mechanism)

    assert unplanned == []


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cut_and_every_changed_character_is_refused(
    keys: IssuerKeys, verifier: Verifier, family: str
) -> None:
    """A valid token has no neighbour that is valid: not shorter by an end, not different in one character."""
    token = keys.token(NOW, family)
    verifier.verify(token)
    neighbours = {token[:size] for size in range(len(token))} | {
        token[size:] for size in range(1, len(token))
    }
    neighbours |= {
        token[:at] + other + token[at + 1 :]
        for at in range(len(token))
        for other in "Ab0-_.="
        if other != token[at]
    }

    accepted = []
    for neighbour in neighbours:
        try:
            verifier.verify(neighbour)
        except NotAuthenticated:
            continue
        accepted.append(neighbour)

    assert accepted == []
