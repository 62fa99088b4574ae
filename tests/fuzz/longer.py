"""Fuzz files with atheris, which is guided by coverage: see the package's docstring."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
import yaml

with atheris.instrument_imports(include=["dispatch", "tests.fuzz"]):
    from tests.fuzz.target import try_file

SUFFIXES = (".yaml", ".json", ".toml")
BROKEN = Path(__file__).parents[1] / "broken.yaml"


def one(content: bytes) -> None:
    """The first byte chooses the format, so that one corpus serves all three."""
    if content:
        path = Path(HOME, f"fuzzed{SUFFIXES[content[0] % 3]}")
        try_file(path, content[1:])


def write_corpus(corpus: Path) -> None:
    """Begin with the broken configurations that the tests know."""
    corpus.mkdir()
    for number, case in enumerate(yaml.safe_load(BROKEN.read_text("utf-8"))):
        for name, text in case["files"].items():
            suffix = Path(name).suffix
            first = SUFFIXES.index(suffix) if suffix in SUFFIXES else 0
            (corpus / f"{number}{suffix}").write_bytes(bytes([first]) + text.encode())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as HOME:
        write_corpus(Path(HOME, "corpus"))
        atheris.Setup([*sys.argv, str(Path(HOME, "corpus"))], one)
        atheris.Fuzz()
