"""The nearest spelling is the one that difflib finds, ignoring case."""

from __future__ import annotations

from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.suggestions import describe_type, did_you_mean, nearest

WORDS = st.text("abcdeT_", min_size=1, max_size=9)


@given(word=WORDS, known=st.lists(WORDS, max_size=8), cutoff=st.sampled_from([0.6, 0.75, 0.85]))
def test_nearest(word, known, cutoff):
    """The nearest word is the one that difflib finds among all that are known."""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_fold, 1, cutoff)
    assert nearest(word, known, cutoff) == (by_fold[close[0]] if close else None)


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("topk", ["temperature", "topK"], "topK"),
        ("TOP_K", ["temperature", "topK"], "topK"),
        ("TTTTTTT", ["TTT"], "TTT"),  # at the cutoff
        ("x" * 10**6, ["temperature", "topK"], None),
    ],
)
def test_cases(word, known, near):
    """Case is ignored, the cutoff is inclusive, and long words are fast."""
    assert nearest(word, known) == near


def test_known_names():
    """Without a similar name, at most twenty known ones are listed, and no secret."""
    assert did_you_mean("zzz", ["a", "b"]) == "known: a, b"
    assert did_you_mean("zzz", [f"n{i}" for i in range(30)]).endswith("n19, …")
    assert did_you_mean("zzz", []) == ""
    for word in ("api_key: sk", "zzz"):  # a key of a file may be a mapping in quotes
        assert "canary" not in did_you_mean(word, ["model", "api_key: canary"])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (False, "the boolean False"),
        ("a", "a string"),
        (" ", "an empty string"),
        (1.5, "a number"),
        ({}, "an empty mapping"),
        ((), "an empty list"),
        (frozenset(), "a frozenset"),
    ],
)
def test_describe_type(value, words):
    """A value is described in the words of YAML."""
    assert describe_type(value) == words
