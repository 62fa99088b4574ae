"""The page about a configuration, also as a browser shows it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

from tests.program import run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--hide-scrollbars", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
]  # fmt: skip
YAML = """\
models:
- {name: fast, model: gpt-4o, api_key: sk-canary, temprature: 0}
- {name: "<b>", model: o3, roles: [{postcompletions: "a <script>alert(1)</script> & b"}]}
- {name: own, model: openai/mine, api_base: "http://localhost:1", model_info: {max_input_tokens: 5}}
- {name: odd, model: o3, model_info: the slow one}
- {name: gone, model: o3, enabled: false}
roles: {title: {otherwise: chatcompletions}, embed: null}
"""


@pytest.fixture
def html(write):
    file = write("models.yaml", YAML).absolute()
    made = file.with_name("page.html")
    done = run("show", file, "--html", made)
    assert (done.returncode, done.stderr) == (0, f"wrote {made}\n")
    return made


def test_content(html):
    """The page has roles, models, prices, limits, what is borrowed and what check finds."""
    text = re.sub(r"<[^>]*>", " ", html.read_text("utf-8").partition("</style>")[2])
    words = " ".join(text.split()).replace(f"{html.parent}/", "")
    for part in (
        "title borrows from chatcompletions",
        "embed No model plays this role.",
        "fast gpt-4o chatcompletions, title 128,000 16,384 2.50 10.00",
        "own openai/mine chatcompletions, title 5 – – –",
        "Switched off: gone",
        "models[0].temprature: unknown key; did you mean &#x27;temperature&#x27;?",
        "warning models.yaml:2:",
    ):
        assert part in words


def test_safe(html):
    """Content of a file is text, never markup; no secret is shown, and nothing is loaded."""
    text = html.read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "sk-canary" not in text
    assert re.findall(r"(?:src|href)=|url\(|@import", text) == []


def test_not_written_over(html):
    """A file is overwritten only with --force."""
    again = ["show", html.with_name("models.yaml"), "--html", html]
    assert run(*again).returncode == 1
    assert run(*again, "--force").returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_browser(html, tmp_path, width, scheme):
    """In a browser, narrow or wide, light or dark, nothing sticks out and text is readable."""
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME % {"width": width, "page": json.dumps(html.read_text("utf-8"))})
    preferred = f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"
    options = [f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=5000", preferred]
    line = [CHROMIUM, *FLAGS, *options, "--dump-dom", frame.as_uri()]
    done = subprocess.run(line, capture_output=True, text=True, timeout=120, check=True)
    found = json.loads(re.search(r"<title>(\{.*\})</title>", done.stdout)[1])
    assert found["scheme"] == scheme
    assert found["wide"] <= width
    assert found["contrast"] >= 4.5


FRAME = """\
<!doctype html><title></title><iframe style="border: 0; width: %(width)spx; height: 900px"></iframe>
<script>
const frame = document.querySelector("iframe");
frame.onload = () => {
  const view = frame.contentWindow, root = view.document.documentElement;
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const color = view.getComputedStyle(node).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" ? ground(node.parentElement) : color;
  };
  const contrasts = [...view.document.body.querySelectorAll("*")].map((node) => {
    const colors = [view.getComputedStyle(node).color, ground(node)];
    const [dark, bright] = colors.map(light).sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  });
  document.title = JSON.stringify({
    wide: root.scrollWidth,
    contrast: Math.min(...contrasts),
    scheme: view.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light",
  });
};
frame.srcdoc = %(page)s.replace(/<[/]script>/g, "");
</script>
"""
