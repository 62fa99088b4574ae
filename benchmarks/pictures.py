"""The pictures of the README: `python -m benchmarks.pictures` draws them anew, all of them.

Commands run in this process, as on a terminal, and rich draws what they print.
"""

from __future__ import annotations

import inspect
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from dispatch.pipeline import pipeline
from tests.program import run

__all__ = ["FOLDER", "draw", "words"]

FOLDER = Path(__file__).with_name("pictures")
COLUMNS = "104"
MODELS = """\
defaults: {timeout: 60, stream: false}
models:
  - name: main
    model: anthropic/claude-sonnet-4-5
    api_key: os.environ/ANTHROPIC_API_KEY
    mock_response: "Renamed `x` to **count** in `parser.py`."
    roles:
      - chatcompletions
      - postcompletions: {task: summarize the changes, temperature: 0}
  - {name: spare, model: openai/gpt-4.1, timeout: 300, mock_response: hello}
roles:
  title: {otherwise: chatcompletions}
"""
BROKEN = """\
models:
  - name: main
    model: openai/qwen3
    api_base: localhost:8000/v1
    temprature: 0
    max_tokens: "4096"
    roles: [chatcompletion]
"""
COMMANDS = {
    "show": "show",
    "check": "check broken.yaml",
    "explain": "explain models[1]",
    "run": "run 'Rename x to count'",
}
_TERMINAL = {"NO_COLOR": "", "TERM": "xterm-256color", "ANTHROPIC_API_KEY": "sk-made-up"}
_CONTROL = r"\x1b\[\??\d*[ABCDGHJKhl]|\r"  # of a cursor, not of colors
_STYLE = """<style>
text { font: 13px ui-monospace, monospace; fill: #24292f; text-anchor: middle; }
rect { fill: #f6f8fa; stroke: #8c959f; } .own { fill: none; stroke-dasharray: 4 3; }
path { fill: none; stroke: #8c959f; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; } rect { fill: #161b22; stroke: #6e7681; } .own { fill: none; }
path { stroke: #6e7681; }
}
</style>"""


def draw() -> Iterator[tuple[str, str]]:
    """Yield the name of each picture, and the picture as SVG."""
    before = os.getcwd()
    with TemporaryDirectory() as folder:
        Path(folder, "models.yaml").write_text(MODELS)
        Path(folder, "broken.yaml").write_text(BROKEN)
        os.chdir(folder)
        try:
            for name, line in COMMANDS.items():
                yield name, _screen(line)
        finally:
            os.chdir(before)
    yield "pipeline", _pipeline()


def words(svg: str) -> list[str]:
    """Return what a picture says, however it is drawn: to tell whether it is up to date."""
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return " ".join(shown).replace("&#160;", " ").split()


def _screen(line: str) -> str:
    """Draw a terminal in which a command has run."""
    done = run(*shlex.split(line), tty=True, COLUMNS=COLUMNS, **_TERMINAL)
    printed = re.sub(_CONTROL, "", done.stdout)
    kept = [row for row in printed.splitlines() if not re.search("(thinking|LiteLLM) …", row)]
    console = Console(record=True, width=int(COLUMNS), file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi("\n".join([f"$ dispatch {line}", *kept])))
    svg = console.export_svg(title="dispatch", unique_id=line.split()[0])
    return re.sub(r"@font-face \{[^}]*\}\s*", "", svg)  # nothing is fetched


def _pipeline() -> str:
    """Draw the stages in their order; those with a dashed line are what a user inserts."""
    code = inspect.getsource(pipeline).partition("compose_left(")[2].partition("\n    )")[0]
    calls = (row.strip().rstrip(",") for row in code.splitlines() if row.strip())
    stages = [re.sub(r"^each\(|^partial\(|[,)].*$", "", re.sub("^each", "", c)) for c in calls]
    stages = [stage.replace("(partial(", "").strip("(") for stage in stages]
    drawn = []
    for number, stage in enumerate(stages):
        x, y = 12 + number % 4 * 196, 12 + number // 4 * 60
        own = ' class="own"' if stage in ("models", "copies", "groups") else ""
        drawn.append(f'<rect x="{x}" y="{y}" width="172" height="36" rx="6"{own}/>')
        drawn.append(f'<text x="{x + 86}" y="{y + 23}">{stage}</text>')
        if number + 1 < len(stages):
            way = f"M{x + 172} {y + 18}h24" if number % 4 < 3 else f"M{x + 86} {y + 36}v12H98v12"
            drawn.append(f'<path d="{way}"/>')
    rows = (len(stages) + 3) // 4
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 784 {rows * 60}">'
    return "\n".join([head, _STYLE, *drawn, "</svg>\n"])


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(exist_ok=True)
    for name, svg in draw():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


if __name__ == "__main__":
    main()
