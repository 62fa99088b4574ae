"""The nearest spelling: found as difflib finds it, at a fraction of its cost."""

from __future__ import annotations

from difflib import get_close_matches

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.hints import did_you_mean
from dispatch.nearest import nearest

WORDS = st.text("abcdeT_", min_size=1, max_size=9)


@given(word=WORDS, known=st.lists(WORDS, max_size=8), cutoff=st.sampled_from([0.6, 0.75, 0.85]))
def test_what_is_left_out_beforehand_is_never_near(word, known, cutoff):
    """The law of the filter: difflib alone, over all that is known, finds the same."""
    by_fold = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_fold, 1, cutoff)
    assert nearest(word, known, cutoff) == (by_fold[close[0]] if close else None)


@pytest.mark.parametrize(
    ("word", "near"), [("topk", "topK"), ("TOP_K", "topK"), ("x" * 10**6, None)]
)
def test_letters_count_in_either_case_and_length_costs_nothing(word, near):
    """What differs in case is near, and what is far too long is not even compared."""
    assert nearest(word, ["temperature", "topK"]) == near


@pytest.mark.parametrize("word", ["api_key: sk", "zzz"])
def test_what_is_suggested_shows_no_secret(word):
    """A key of a file may be a mapping in quotes."""
    assert "canary" not in did_you_mean(word, ["model", "api_key: canary"])
