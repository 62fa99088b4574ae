"""The pictures show what there is now."""

from __future__ import annotations

import re

from benchmarks.pictures import FOLDER, draw, words


def test_pictures() -> None:
    """Each picture says what is drawn today, fetches nothing, and all of them are small."""
    drawn = dict(draw())
    kept = {file.stem: file.read_text("utf-8") for file in FOLDER.glob("*.svg")}
    assert {name: words(svg) for name, svg in kept.items()} == {
        name: words(svg) for name, svg in drawn.items()
    }, "draw them anew: python -m benchmarks.pictures"
    assert not re.findall(r"href|src=|url\((?!#)|@import", "".join(kept.values()))
    assert sum(map(len, kept.values())) < 300_000
