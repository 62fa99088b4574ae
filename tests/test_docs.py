"""README and guides: they match the code, and their examples run."""

from __future__ import annotations

import doctest
import inspect
import re

import pytest

from dispatch.pipeline import pipeline
from tests.helpers import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "dispatch" / "docs").glob("*.md"))]
FILE = re.compile(
    r"^```(?:yaml|python)\n# ([\w./-]+\.(?:yaml|py))\n(.*?)^```", re.MULTILINE | re.DOTALL
)
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples(page, tmp_path, monkeypatch):
    """The examples of a page run, with the files that the page shows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(name, "sk-made-up")
    text = page.read_text(encoding="utf-8")
    for name, content in FILE.findall(text):
        (tmp_path / name).write_text(content, encoding="utf-8")
    test = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report: list[str] = []
    runner.run(test, out=report.append)
    assert not runner.failures, "".join(report)


def test_pipeline():
    """The pipeline is shown verbatim."""
    code = inspect.getsource(pipeline)
    body = code[code.index("compose_left(") : code.index("    return run")]
    assert inspect.cleandoc(f"run = {body}".replace("\n    ", "\n")) in README


def test_first_screen():
    """The two commands are on the first screen."""
    first_screen = "\n".join(README.splitlines()[:20])
    assert "dispatch run --demo" in first_screen
    assert "python -m pytest" in first_screen


def test_length():
    """The README is short, and each guide that it names exists."""
    assert len(README.splitlines()) <= 200
    for guide in re.findall(r"\(dispatch/docs/([\w-]+\.md)\)", README):
        assert (ROOT / "dispatch" / "docs" / guide).is_file()


@pytest.mark.parametrize("page", PAGES[1:], ids=lambda page: page.stem)
def test_modules(page):
    """Each guide names the modules that it explains, and they exist."""
    second = page.read_text(encoding="utf-8").split("\n\n")[1]
    assert second.startswith("The modules are ")
    first, *more = re.findall(r"`([\w/]+(?:\.py)?)`", second)
    for name in (first, *more):
        assert (ROOT / name).exists() or (ROOT / first).with_name(name).is_file()


def test_readme_lists_guides():
    """The README links each guide and each picture."""
    for file in (*PAGES[1:], *(ROOT / "benchmarks" / "pictures").glob("*.svg")):
        if file.stem not in ("show", "explain"):
            assert f"({file.relative_to(ROOT)})" in README
