"""The README tells the truth; its examples run as doctests."""

from __future__ import annotations

import inspect
from pathlib import Path

from dispatch.pipeline import pipeline

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_pipeline_is_shown_verbatim():
    assert inspect.getsource(pipeline) in README


def test_the_two_commands_stand_in_the_first_screen():
    first_screen = "\n".join(README.splitlines()[:20])
    assert "dispatch run --demo" in first_screen
    assert "python -m pytest" in first_screen
