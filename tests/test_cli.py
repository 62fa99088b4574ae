"""The command line, as a user meets it: whole processes, from outside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import dispatch as package
from dispatch import cli
from tests.test_package import HEAVY

ROOT = Path(__file__).parent.parent


def dispatch(*arguments, encoding="utf-8", stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [sys.executable, "-m", "dispatch", *map(str, arguments)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        encoding=encoding,
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


ASSIGNMENTS = [
    ("chatcompletions", "1", "fast", "gpt-4o", ""),
    ("postcompletions", "1", "[b]", "o3", "sum up"),
]
COLUMNS = ("role", "order", "name", "model", "task")


@pytest.mark.parametrize("width", [60, 40])
def test_a_narrow_table_folds_and_loses_nothing(config, width):
    done = dispatch("show", config, COLUMNS=str(width))
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= width
    columns = ["".join(cells) for cells in zip(*rows(done.stdout), strict=True)]
    whole = ["".join(cells) for cells in zip(COLUMNS, *ASSIGNMENTS, strict=True)]
    assert [each.replace(" ", "") for each in columns] == [each.replace(" ", "") for each in whole]


@pytest.mark.parametrize("width", [39, 30, 20, 15, 1])
def test_where_no_table_fits_each_cell_has_a_line(config, width):
    done = dispatch("show", config, COLUMNS=str(width))
    assert done.returncode == 0, done.stderr
    blocks = [block.splitlines() for block in done.stdout.strip("\n").split("\n\n")]
    assert blocks == [
        [f"{column}: {cell}" for column, cell in zip(COLUMNS, row, strict=True)]
        for row in ASSIGNMENTS
    ]


def test_what_looks_like_markup_is_shown_as_it_is(config):
    done = dispatch("show", config, "--declare", "[/red]")
    assert rows(done.stdout)[-1] == ["[/red]", "-", "-", "-", "-"]


@pytest.mark.parametrize("name", ["null", "''", "[a, b]", "3"])
def test_a_model_without_a_name_is_called_by_its_model_everywhere(tmp_path, name):
    file = tmp_path / "c.yaml"
    file.write_text(f"models: [{{name: {name}, model: gpt-4o, mock_response: hello}}]\n")
    done = dispatch("run", file, "hi")
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout)[1] == ["chatcompletions", "1", "gpt-4o", "gpt-4o", ""]
    assert done.stdout.endswith("\nchatcompletions · gpt-4o\nhello\n")


def test_the_version_is_one_line():
    assert dispatch("--version").stdout == f"dispatch {package.__version__}\n"


def test_the_program_alone_shows_its_help():
    """It is no success: nothing was asked for."""
    alone = dispatch()
    assert (alone.returncode, alone.stderr) == (2, "")
    assert alone.stdout == dispatch("--help").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shw"], "No such command 'shw'"),
        (["show", "--dem"], "--dem"),
        (["run", "--demo"], "Missing argument 'PROMPT'"),
        (["schema", "models.yaml"], "unexpected extra argument (models.yaml)"),
        (["init", "a.yaml", "b.yaml"], "unexpected extra argument (b.yaml)"),
        (["check", "--demo", "--format", "xml"], "'text', 'json', 'github'"),
        (["export", "--demo"], "Missing option '--to'"),
        (["export", "--demo", "--to", "envoy"], "litellm-proxy"),
        (["export", "--demo", "--to", "litellm-proxy", "--cooldown", "long"], "'--cooldown'"),
    ],
)
def test_wrong_usage_is_told_with_the_right_one_and_exit_code_2(arguments, words):
    """On stderr, after the usage of the command that was meant."""
    done = dispatch(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    told = done.stderr.splitlines()
    meant = "" if arguments == ["shw"] else f" {arguments[0]}"
    assert told[0].startswith(f"Usage: python -m dispatch{meant} [OPTIONS]")
    assert told[1] == f"Try 'python -m dispatch{meant} --help' for help."
    assert told[3].startswith("Error: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)], ids=" ".join)
def test_help_fits_a_narrow_terminal_and_loses_nothing(command):
    """At 40 columns it tells what it tells at 200; a person reads lines of 80 at most."""
    narrow, wide = (dispatch(*command, "--help", COLUMNS=width) for width in ("40", "200"))
    assert (narrow.returncode, narrow.stderr) == (0, "")
    assert max(map(len, narrow.stdout.splitlines())) <= 40
    assert max(map(len, wide.stdout.splitlines())) <= 80
    assert "".join(narrow.stdout.split()) == "".join(wide.stdout.split())


def test_help_lists_each_command_with_its_first_sentence():
    """In the order in which one needs them, and uncut."""
    told = " ".join(dispatch("--help").stdout.split())
    listed = told.partition("Commands: ")[2]
    helps = {name: import_module(f"dispatch.cli.{name}").command.help for name in cli.COMMANDS}
    firsts = (text.partition("\n\n")[0].replace("\n", " ") for text in helps.values())
    assert listed == " ".join(f"{name} {first}" for name, first in zip(helps, firsts, strict=True))


def test_help_tells_of_arguments_too():
    """What a file may be, and a prompt, stands beside the options."""
    told = " ".join(dispatch("run", "--help").stdout.split())
    assert "Usage: python -m dispatch run [OPTIONS] [CONFIG]... PROMPT" in told
    assert "[CONFIG]... YAML, JSON or TOML; several merge, the last wins." in told
    assert "PROMPT What to ask, in one word or quotes." in told


@pytest.mark.parametrize(("command", "needed"), [("show", {"rich"}), ("check", {"difflib"})])
def test_a_command_imports_no_more_than_it_needs(config, command, needed):
    """Each that LiteLLM brings along takes longer than all that the command does."""
    line = [sys.executable, "-X", "importtime", "-m", "dispatch", command, str(config)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=ROOT)
    imported = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    assert HEAVY & imported <= {"click", "yaml"} | needed


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
        (["run", "dispatch/demo.yaml"], "the prompt is missing"),
        (["run", "dispatch/demo.yaml", "dispatch/demo.yaml"], "the prompt is missing"),
        (["run", "--demo", " "], "the prompt is missing"),
        (["show", "--demo", "--declare", ""], "error: --declare takes the name of a role"),
        (["schema", "--declare", " "], "error: --declare takes the name of a role"),
    ],
)
def test_an_error_is_one_block_on_stderr_and_exit_code_1(arguments, words):
    done = dispatch(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["schema", "--contract", "broken:ROLES"], "no contract at 'broken:ROLES': "),
        (["explain", "--demo", "--for", "broken.function"], "cannot import 'broken.function': "),
    ],
)
def test_a_program_that_cannot_be_imported_is_told_in_one_line(tmp_path, arguments, words):
    (tmp_path / "broken.py").write_text("1 / 0")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = dispatch(*arguments, PYTHONPATH=path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {words}ZeroDivisionError; ")


def test_all_faults_of_a_file_are_told_at_once(tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text("models:\n- {model: a, roles: [chatcompletion]}\n- {name: b}\n")
    done = dispatch("show", file)
    assert done.returncode == 1
    assert "models[0].roles[0]" in done.stderr
    assert "models[1]" in done.stderr


@pytest.fixture
def emoji(tmp_path):
    file = tmp_path / "emoji.yaml"
    model = {"name": "✓ café", "model": "gpt-4o", "mock_response": "done ✅"}
    model["roles"] = ["chatcompletions", {"postcompletions": "tick ✓"}]
    file.write_text(json.dumps({"models": [model]}, ensure_ascii=False), encoding="utf-8")
    return file


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize(
    ("environment", "encoding", "mark"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "?"),
        ({"PYTHONIOENCODING": "ascii"}, "utf-8", "✅"),  # click takes ASCII for a slip
        (ASCII, "utf-8", "✅"),
    ],
)
def test_what_a_terminal_cannot_show_fails_nothing(emoji, environment, encoding, mark):
    done = dispatch("run", emoji, "hi", encoding=encoding, **environment)
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout.replace("|", "│"))[-1][-1] == "tick ?"
    assert done.stdout.endswith(f"\ndone {mark}\n")


def test_what_machines_read_is_whole_in_any_terminal(emoji):
    told = dispatch("explain", emoji, "models[0].name", "--json", PYTHONIOENCODING="cp1252").stdout
    assert json.loads(told)[0]["value"] == "✓ café"
    exported = dispatch("export", emoji, "--to", "litellm-proxy", PYTHONIOENCODING="cp1252").stdout
    assert "id: ✓ café" in exported


COMMANDS = [
    ["show", "--demo"],
    ["check", "--demo"],
    ["run", "--demo", "hi"],
    ["export", "--demo", "--to", "litellm-proxy"],
    ["--help"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_full_disk_is_told_in_one_line(arguments):
    with open("/dev/full", "w") as full:
        done = dispatch(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: stdout: No space left on device\n")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_reader_that_went_away_ends_the_program_in_silence(arguments):
    read, write = os.pipe()
    os.close(read)
    try:
        done = dispatch(*arguments, stdout=write)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_closed_stdout_is_no_failure(arguments):
    line = [sys.executable, "-m", "dispatch", *arguments]
    shell = ["sh", "-c", 'exec "$@" >&-', "sh", *line]
    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


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
