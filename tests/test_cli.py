"""The command line, as a user meets it: whole processes, from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def dispatch(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "dispatch", *map(str, arguments)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1", **environment},
    )


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(
        "models:\n"
        "- {name: fast, model: gpt-4o, api_key: sk-canary, roles: [chatcompletions]}\n"
        "- {name: '[b]', model: o3, roles: [{postcompletions: sum up}]}\n"
    )
    return file


def rows(output):
    return [
        [cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")]
        for line in output.splitlines()
        if line.startswith(("│", "┃"))
    ]


def test_show_prints_each_assignment_in_order(config):
    done = dispatch("show", config)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == [
        ["role", "order", "name", "model", "task"],
        ["chatcompletions", "1", "fast", "gpt-4o", ""],
        ["postcompletions", "1", "[b]", "o3", "sum up"],
    ]
    assert "sk-canary" not in done.stdout


def test_show_has_a_line_for_a_role_that_nobody_plays(config):
    done = dispatch("show", config, "--declare", "embed")
    assert rows(done.stdout)[-1] == ["embed", "-", "-", "-", "-"]


def test_a_narrow_terminal_folds_and_loses_nothing(config):
    done = dispatch("show", config, COLUMNS="30")
    assert done.returncode == 0
    told = "".join(row[0] for row in rows(done.stdout))
    assert "chatcompletions" in told
    assert max(map(len, done.stdout.splitlines())) <= 30


def test_the_demo_runs_from_the_chat_to_each_post_completion_without_a_key():
    done = dispatch("run", "--demo", "hello")
    assert done.returncode == 0, done.stderr
    table, chat, first, second = done.stdout.split("\n\n")
    assert len(rows(table)) == 5
    assert chat.splitlines()[0] == "chatcompletions · talker"
    assert first.splitlines()[0].startswith("postcompletions · reviewer · review the changes")
    assert second.splitlines()[0].startswith("postcompletions · reviewer · summarize")
    assert all(turn.splitlines()[1] for turn in (chat, first, second))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "absent.yaml"], "absent.yaml: cannot be read"),
        (["show"], "name configuration files, or give --demo alone"),
        (["run", "hello"], "name configuration files, or give --demo alone"),
        (["show", "--demo", "absent.yaml"], "name configuration files, or give --demo alone"),
    ],
)
def test_an_error_is_one_block_on_stderr_and_exit_code_1(arguments, words):
    done = dispatch(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("models:\n- {model: a, roles: [chatcompletion]}\n- {name: b}\n")
    done = dispatch("show", file)
    assert done.returncode == 1
    assert "models[0].roles[0]" in done.stderr
    assert "models[1]" in done.stderr


def test_output_is_plain_where_a_terminal_knows_no_unicode(config):
    done = dispatch("run", "--demo", "hello", PYTHONIOENCODING="ascii:replace")
    assert done.returncode == 0, done.stderr


def run_script(tmp_path, *arguments):
    """Run the program as an installed script does: its own directory is on the path, no other."""
    script = tmp_path / "bin" / "dispatch"
    script.parent.mkdir()
    script.write_text("from dispatch.cli import main\nmain()\n")
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.parametrize(
    "arguments",
    [["check", "--contract", "program:ROLES"], ["explain", "--for", "program.ask"]],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize("fails", [False, True])
def test_a_program_is_found_where_one_works_and_its_failure_is_one_block(
    arguments, fails, config, tmp_path
):
    """Whatever it raises as it is imported, and however that ends."""
    text = "from dispatch import Role\nROLES = [Role('chatcompletions'), Role('postcompletions')]\n"
    text += "def ask(**rest): ...\n" + "raise SystemExit('sk-canary')\n" * fails
    (tmp_path / "program.py").write_text(text)
    done = run_script(tmp_path, arguments[0], str(config), *arguments[1:])
    assert done.returncode == fails, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert ("SystemExit" in done.stdout + done.stderr) == fails
    assert "sk-canary" not in done.stdout + done.stderr
