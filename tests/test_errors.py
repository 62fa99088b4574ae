"""Errors: their text stays readable, whatever the input."""

from __future__ import annotations

import pickle

import pytest

from dispatch import errors
from dispatch.errors import ConfigError, Fault, PathError, PathSyntaxError, Position

LONG = "x" * 1_000_000


@pytest.mark.parametrize(
    "error",
    [
        Fault((), f"found {LONG!r}, expected a name"),
        Fault(("models", LONG, "name"), "is missing"),
        Fault((), "is wrong", f"did you mean {LONG}?").under(LONG),
        ConfigError([Fault((LONG,), LONG, LONG)]),
        PathError(f"nothing under {LONG}", LONG),
        PathSyntaxError("malformed", LONG, 2_000_000),
    ],
    ids=["message", "path", "hint", "error", "missing", "malformed"],
)
def test_long_values(error):
    """A name of several megabytes is shortened when shown."""
    assert len(str(error)) < 5000


def test_shortening():
    """A message keeps its start and end, and is shortened after secrets are hidden."""
    message = str(Fault((), f"the role {LONG} is not declared"))
    assert message.startswith("the role x")
    assert message.endswith("x is not declared")
    padding, url = "x" * 480, "https://me:canary@host"
    assert "canary" not in str(Fault((), f"{padding}{url}{LONG}"))
    assert "canary" not in str(Fault((), f"{LONG}{url}/{padding}"))


def test_what_is_shown():
    """Control characters cannot drive the terminal; how to set a variable for a key is shown."""
    fault = Fault(("models", "a\x1b]0;title\x07"), "role '\x1b[2J' is not declared")
    assert "\x1b" not in str(fault) + str(ConfigError([fault]))
    assert "export GROQ_API_KEY=…" in str(Fault((), "is unset", "set it: export GROQ_API_KEY=…"))


def test_many_faults():
    """The text of an error has the first hundred faults, the attribute all."""
    error = ConfigError([Fault(("models", index), "is wrong") for index in range(250)])
    lines = str(error).splitlines()
    assert lines[0] == "250 faults in the configuration:"
    assert lines[-2:] == ["  models[99]: is wrong", "  and 150 more"]
    assert len(lines) == 102
    assert len(pickle.loads(pickle.dumps(error)).faults) == 250


def test_excerpt():
    """The caret is in the right column, whatever the width of the characters before it."""
    position = Position("c.yaml", 2, 4, "日: x", 3)
    assert position.excerpt == "日: x\n    ^"
    assert str(position) == "c.yaml:2:4"
    assert str(Position("c.toml", 2)) == "c.toml:2"


@pytest.mark.parametrize(
    "error",
    [
        errors.ConfigError([errors.Fault(("models", 0), "is wrong", "fix it")]),
        errors.PathSyntaxError("malformed", "a..b", 3),
        errors.MissingKeyError("no key", "a.b"),
        errors.ExtraKeysError(["a"], "models[0]"),
        errors.UnsetVariableError([errors.Fault(("models", 0), "is not set")], "KEY"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_pickling(error):
    """Errors survive pickling."""
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert vars(again) == vars(error)
