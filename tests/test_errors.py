"""Errors: what they tell stays readable, whatever was found."""

from __future__ import annotations

import pickle

import pytest

from dispatch.errors import ConfigError, Fault, PathError, PathSyntaxError

LONG = "x" * 3_000_000


@pytest.mark.parametrize(
    "told",
    [
        Fault((), f"found {LONG!r}, expected a name"),
        Fault(("models", LONG, "name"), "is missing"),
        Fault((), "is wrong", f"did you mean {LONG}?").under(LONG),
        ConfigError([Fault((LONG,), LONG, LONG)]),
        PathError(f"nothing under {LONG}", LONG),
        PathSyntaxError("malformed", LONG, 2_000_000),
    ],
)
def test_what_was_found_is_cut_where_it_is_long(told):
    """A name in a file may be megabytes: nobody reads them, and a terminal chokes on them."""
    assert len(str(told)) < 5000


def test_both_ends_of_a_long_message_are_told():
    """The first says what is wrong, the last what would be right."""
    told = str(Fault((), f"the role {LONG} is not declared"))
    assert told.startswith("the role x")
    assert told.endswith("x is not declared")


def test_a_secret_is_hidden_before_a_text_is_cut():
    """Half a URL looks like none."""
    padding = "x" * 480
    assert "canary" not in str(Fault((), f"{padding}https://me:canary@host{LONG}"))
    assert "canary" not in str(Fault((), f"{LONG}https://me:canary@host/{padding}"))


def test_the_first_hundred_faults_are_told_and_all_are_kept():
    """In its text, and as an attribute."""
    error = ConfigError([Fault(("models", index), "is wrong") for index in range(250)])
    lines = str(error).splitlines()
    assert lines[0] == "250 faults in the configuration:"
    assert lines[-2:] == ["  models[99]: is wrong", "  and 150 more"]
    assert len(lines) == 102
    assert len(pickle.loads(pickle.dumps(error)).faults) == 250
