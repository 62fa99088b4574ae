"""The command line, as users see it."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import threading
from importlib import import_module
from keyword import iskeyword

import click
import pytest
from werkzeug import Response

import dispatch as package
from dispatch import cli
from tests import agents
from tests.helpers import ROOT, python
from tests.program import run

HEAVY = {"litellm", "pydantic", "rich", "yaml", "click", "difflib", "openai", "jsonschema", "httpx"}


def start(*arguments, **options):
    """Run the program as a process."""
    options = {"stdin": subprocess.DEVNULL, "encoding": "utf-8", **options}
    env = {"COLUMNS": "120", "NO_COLOR": "1", **options.pop("env", {})}
    return python("-m", "dispatch", *arguments, check=False, env=env, **options)


@pytest.fixture
def config(write):
    models = "- {name: fast, model: gpt-4o, api_key: sk-canary, roles: [chatcompletions]}\n"
    models += "- {name: '[b]', model: o3, roles: [{postcompletions: sum up}]}\n"
    return write("config.yaml", f"models:\n{models}").absolute()


def rows(output):
    """Return the cells of a table: of a terminal, or of a pipe."""
    output = click.unstyle(output)
    if "\t" in output:
        return [line.split("\t") for line in output.splitlines() if "\t" in line]
    lines = [line.replace("┃", "│") for line in output.splitlines() if line.startswith(("│", "┃"))]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("show --demo", "talker"),
        ("check --demo", "2 models, no faults, no warnings"),
        ("run --demo --quiet hello", "Renamed the variable"),
        ("export --demo --to litellm-proxy", "model_list:"),
        ("explain --demo --for json.dumps", "reserved for the dispatcher"),
        ("schema", "chatcompletions: the main conversation and its tool calls."),
        ("--version", f"dispatch {package.__version__}\n"),
    ],
)
def test_smoke(arguments, words):
    """Each command runs as a process."""
    done = start(*arguments.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert words in done.stdout


COLUMNS = ["role", "order", "name", "model", "task"]
ASSIGNMENTS = [
    ["chatcompletions", "1", "fast", "gpt-4o", ""],
    ["postcompletions", "1", "[b]", "o3", "sum up"],
]


def test_show(config):
    """`show` prints each assignment in order, and no secret."""
    for done in (run("show", config, COLUMNS="30"), run("show", config, tty=True)):
        assert done.returncode == 0, done.stderr
        assert rows(done.stdout) == [COLUMNS, *ASSIGNMENTS]
        assert "sk-canary" not in done.stdout


def test_show_json(write):
    """`show --json` has everything in the table, and no secret."""
    a = {"name": "a", "model": "m", "roles": [{"chatcompletions": {"order": 2, "weight": 3}}]}
    models = [a, {"name": "b", "model": "m", "enabled": False}]
    roles = {"title": {"otherwise": "chatcompletions"}}
    done = run("show", write("c.json", {"models": models, "roles": roles}), "--json")
    player = {"role": "chatcompletions", "order": 2, "weight": 3, "name": "a", "model": "m"}
    player |= {"task": None, "lender": None}
    title = player | {"role": "title", "lender": "chatcompletions"}
    assert json.loads(done.stdout) == {
        "roles": {"chatcompletions": [player], "postcompletions": [], "title": [title]},
        "switched_off": ["b"],
    }


def test_show_lines(config):
    """In a pipe, each model is one line, as is a role without models or with borrowed ones."""
    with config.open("a") as file:
        file.write("roles: {title: {otherwise: chatcompletions}}\n")
    task = ["--set", 'models[1].roles[0].postcompletions="a\\n\\tb"']
    done = run("show", config, "--declare", "embed", *task, COLUMNS="20")
    assert rows(done.stdout)[-3:] == [
        ["postcompletions", "1", "[b]", "o3", "a b"],
        ["title", "1", "fast", "gpt-4o", "borrowed from chatcompletions"],
        ["embed", "-", "-", "-", "-"],
    ]


def test_show_orders(write):
    """`show` has the orders and weights of models, and those that are switched off."""
    a, b = "{name: a, model: m, order: 2}", "{name: b, model: m, roles: [{chatcompletions: %s}]}"
    models = f"{a}, {b % '{order: 2, weight: 3}'}, {{name: c, model: m, order: 1, enabled: false}}"
    done = run("show", write("c.yaml", f"defaults: {{weight: 1}}\nmodels: [{models}]"))
    assert [row[1:3] for row in rows(done.stdout)[1:3]] == [["2 ×1", "a"], ["2 ×3", "b"]]
    assert done.stdout.endswith("switched off: c\n")


@pytest.mark.parametrize("width", [60, 56])
def test_narrow_table(config, width):
    """A narrow table has the task below the model, breaks no word, and loses nothing."""
    with config.open("a") as file:
        file.write("- {name: spare, model: gemini/gemini-2.5-flash}\n")
    done = run("show", config, COLUMNS=str(width), tty=True)
    assert done.returncode == 0, done.stderr
    lines = click.unstyle(done.stdout).splitlines()
    assert max(map(len, lines)) <= width
    assert [" ".join(line.split()) for line in lines[1:5]] == [
        "chatcompletions 1 fast gpt-4o",
        "chatcompletions 2 spare gemini/gemini-2.5-flash",
        "postcompletions 1 [b] o3",
        "sum up",
    ]


@pytest.mark.parametrize("width", [34, 20, 1])
def test_no_table(config, width):
    """If no table fits, each cell has its own line."""
    done = run("show", config, COLUMNS=str(width), tty=True)
    blocks = done.stdout.strip("\n").split("\n\n")
    assert [[line.strip() for line in block.splitlines()] for block in blocks] == [
        [f"{column}: {cell}".strip() for column, cell in zip(COLUMNS, row, strict=True)]
        for row in ASSIGNMENTS
    ]


def test_markup(config):
    """Text that looks like markup is shown unchanged."""
    for tty in (False, True):
        done = run("show", config, "--declare", "[/red]", tty=tty)
        assert rows(done.stdout)[-1] == ["[/red]", "-", "-", "-", "-"]


@pytest.mark.parametrize(
    ("variables", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colors(write, variables, colored):
    """Severities are colored on a terminal that supports it, and never in a pipe."""
    file = write("c.yaml", "models: [{model: gpt-4o, roles: [chat]}]")
    variables = {"TERM": "xterm", "NO_COLOR": "", **variables}
    assert ("\x1b[31m" in run("check", file, tty=True, **variables).stdout) == colored
    assert "\x1b" not in run("check", file, **variables).stdout
    assert ("\x1b[31m" in run("show", file, tty=True, **variables).stderr) == colored


@pytest.mark.parametrize("name", ["null", "''", "[a, b]", "3"])
def test_model_without_name(write, name):
    """A model without a name is shown by its `model` everywhere."""
    model = f"{{name: {name}, model: gpt-4o, mock_response: hello}}"
    file = write("c.yaml", f"models: [{model}]\n")
    done = run("run", file, "hi")
    assert (done.returncode, done.stdout) == (0, "hello\n"), done.stderr
    assert "chatcompletions · gpt-4o" in done.stderr
    assert rows(run("show", file).stdout)[1][:4] == ["chatcompletions", "1", "gpt-4o", "gpt-4o"]


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_program_alone(option):
    """The program alone shows its help, and exits with 2, as it did nothing."""
    alone = run()
    assert (alone.returncode, alone.stderr) == (2, "")
    assert alone.stdout == run(option).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("shw", "No such command 'shw'"),
        ("show --dem", "--dem"),
        ("show", "there is no models.yaml here; name a file"),
        ("run hello", "there is no models.yaml here; name a file"),
        ("show --demo absent.yaml", "name configuration files, or give --demo alone"),
        ("run --demo", "Missing argument 'PROMPT'"),
        ("run dispatch/demo.yaml", "the prompt is missing"),
        ("run dispatch/demo.yaml dispatch/demo.yaml", "the prompt is missing"),
        ("run --demo ' '", "the prompt is missing"),
        ("show --demo --declare ''", "--declare takes the name of a role"),
        ("schema --declare ' '", "--declare takes the name of a role"),
        ("init a.yaml b.yaml", "unexpected extra argument (b.yaml)"),
        ("init a.txt", "name it *.yaml"),
        ("check --demo --format xml", "'text', 'json', 'github'"),
        ("export --demo", "Missing option '--to'"),
        ("export --demo --to envoy", "litellm-proxy"),
        ("export --demo --to litellm-proxy --cooldown long", "'--cooldown'"),
        ("export --demo --to litellm-proxy --cooldown -1", "-1.0 is not in the range"),
        ("export --demo --to litellm-proxy --cooldown 1e7", "is not in the range 0<=x<=1000000"),
        ("export --demo --to litellm-proxy --redis a/b", "takes HOST or HOST"),
        ("show --demo --contract nowhere:ROLES", "no contract at 'nowhere:ROLES'"),
        ("show --demo --contract json:dumps", "no contract at 'json:dumps'"),
    ],
)
def test_usage(arguments, words, monkeypatch):
    """Wrong usage ends with exit code 2, on stderr, after the usage of the command."""
    monkeypatch.chdir(ROOT)
    arguments = shlex.split(arguments)
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    command = "" if arguments == ["shw"] else f" {arguments[0]}"
    assert lines[0].startswith(f"Usage: dispatch{command} [OPTIONS]")
    assert lines[1] == f"Try 'dispatch{command} --help' for help."
    assert lines[3].startswith("Error: ")
    assert words in done.stderr


@pytest.mark.parametrize("command", [[], *([name] for name in cli.COMMANDS)], ids=" ".join)
def test_help(command):
    """Help fits a narrow terminal and loses nothing; in a wide one its lines end at 80."""
    narrow, wide = (run(*command, "--help", COLUMNS=width) for width in ("40", "200"))
    assert (narrow.returncode, narrow.stderr) == (0, "")
    assert max(map(len, narrow.stdout.splitlines())) <= 40
    assert max(map(len, wide.stdout.splitlines())) <= 80
    assert "".join(narrow.stdout.split()) == "".join(wide.stdout.split())


def test_list_of_commands():
    """Help lists each command with its first sentence, in the order of use."""
    listed = " ".join(run("--help").stdout.split()).partition("Commands: ")[2]
    modules = {name: f"dispatch.cli.{name}{'_' * iskeyword(name)}" for name in cli.COMMANDS}
    helps = {name: import_module(module).command.help for name, module in modules.items()}
    firsts = (text.partition("\n\n")[0].replace("\n", " ") for text in helps.values())
    assert listed == " ".join(f"{name} {first}" for name, first in zip(helps, firsts, strict=True))


@pytest.mark.parametrize(
    "command", sorted({*cli.COMMANDS} - {"init", "import", "help", "completion"})
)
def test_shared_options(command):
    """Every command that reads a configuration takes the same options for it."""
    text = " ".join(run(command, "--help").stdout.split())
    words = ["[CONFIG]...", "--demo", "--set PATH=VALUE", "--declare ROLE", "--contract", "format"]
    words.append("YAML, JSON or TOML files, merged; later ones win.")
    assert [each for each in words if each not in text] == []


@pytest.mark.parametrize("command", ["show", "check"])
def test_imports(config, command):
    """A command imports no more than it needs, especially not LiteLLM."""
    done = python("-X", "importtime", "-m", "dispatch", command, config)
    imported = {row.rpartition("|")[2].strip() for row in done.stderr.splitlines()}
    assert HEAVY & imported <= {"click", "yaml", "difflib"}


def test_run():
    """In a pipe, `run` prints only the answer; everything else goes to stderr."""
    done = run("run", "--demo", "hello")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Renamed the variable in parser.py; all tests pass.\n"
    titles = [line for line in done.stderr.splitlines() if " · " in line]
    assert titles[0] == "chatcompletions · talker"
    assert titles[1].startswith("postcompletions · reviewer · review the changes")
    assert titles[2].startswith("postcompletions · reviewer · summarize")


@pytest.fixture
def markdown(write):
    text = "**Bold**\n\n```\nx = 1\n\ny = 2\n```\n\n- one\n- two"
    models = [
        {"name": "a", "model": "gpt-4o", "mock_response": text},
        {"name": "b", "model": "gpt-4o", "mock_response": "b says so", "roles": ["title"]},
    ]
    return write("models.yaml", {"models": models, "roles": {"title": None}})


def test_run_on_a_terminal(markdown):
    """On a terminal, Markdown is rendered, below the roles and a title."""
    done = run("run", markdown, "hi", tty=True, TERM="xterm", NO_COLOR="")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b[1mBold" in done.stdout
    shown = click.unstyle(done.stdout)
    assert "chatcompletions · a" in shown
    assert "• one" in shown
    assert "**" not in shown
    quiet = click.unstyle(run("run", markdown, "hi", "-q", tty=True).stdout)
    assert ("Bold" in quiet, "chatcompletions" in quiet) == (True, False)


@pytest.mark.parametrize(("role", "name"), [("chatcompletions", "a"), ("title", "b")])
def test_chat(markdown, role, name):
    """On a terminal, without a prompt, `run` is a chat, which ends with the input."""
    done = run("run", markdown, "--role", role, tty=True, stdin="hi\n\nagain\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert click.unstyle(done.stdout).count(f"{role} · {name}") == 2


@pytest.mark.parametrize("option", ["--json", "--dry-run"])
def test_no_chat(markdown, option):
    """Output for machines requires a prompt."""
    done = run("run", markdown, option, tty=True, stdin="")
    assert (done.returncode, "the prompt is missing" in done.stderr) == (2, True)


def test_chat_history(provider, model, write):
    """A chat sends its history, without failed turns."""
    file = write("models.json", {"models": [model("a", "good")]})
    run("run", file, tty=True, stdin="one\ntwo\n")
    asked = [body["messages"] for body in agents.bodies(provider)]
    said = [[each["content"] for each in one if each["role"] == "user"] for one in asked]
    assert said == [["one"], ["one", "two"]]


def test_interrupted_answer(httpserver, write):
    """Ctrl-C stops an answer and keeps the chat; Ctrl-D ends it."""
    asked, done = threading.Event(), threading.Event()

    def wait(request):
        asked.set()
        done.wait(60)
        return Response()

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(wait)
    slow = {"model": "openai/m", "api_base": httpserver.url_for("/v1"), "api_key": "none"}
    line = [sys.executable, "-m", "dispatch", "run", write("c.json", {"models": [slow]}).absolute()]
    leader, follower = pty.openpty()
    ends = {"stdin": follower, "stdout": follower, "stderr": follower}
    process = subprocess.Popen(line, cwd=ROOT, start_new_session=True, **ends)
    os.close(follower)
    read_until(leader, b"> ")
    os.write(leader, b"hi\n")
    assert asked.wait(60)
    process.send_signal(signal.SIGINT)
    assert b"stopped" in read_until(leader, b"\n> ")
    os.write(leader, b"\x04")
    assert process.wait(timeout=30) == 0
    done.set()
    os.close(leader)


def read_until(terminal, words):
    read = b""
    while words not in read:
        assert select.select([terminal], [], [], 60)[0], read
        read += os.read(terminal, 4096)
    return read


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("ex", "plain,explain plain,export"),
        ("show --js", "plain,--json"),
        ("run {config} --role post", "plain,postcompletions"),
        ("run {config} --model fa", "plain,fast"),
        ("run absent.yaml --role ", ""),
        ("show x", "file,x"),
        ("help sec", "plain,secrets"),
        ("completion fi", "plain,fish"),
    ],
)
def test_completion(words, completed, config):
    """A shell completes commands, options, files, and the roles and models of the configuration."""
    line, place = f"dispatch {words}".format(config=config), str(words.count(" ") + 1)
    done = run(_DISPATCH_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=place)
    assert (done.stderr, done.stdout.split()) == ("", completed.split())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell):
    """`completion` writes a script for each shell that asks the program."""
    done = run("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_DISPATCH_COMPLETE={shell}_complete" in done.stdout


def test_guides():
    """`help` lists and shows the guides, and reports misspelled names."""
    listed = run("help").stdout.splitlines()
    for line in listed:
        name, title = line.removeprefix("dispatch help ").split(maxsplit=1)
        assert run("help", name).stdout.startswith(f"# {title}\n")
    assert len(listed) == len(list((ROOT / "dispatch" / "docs").glob("*.md")))
    done = run("help", "role")
    assert (done.returncode, "did you mean 'roles'?" in done.stderr) == (2, True)


def test_set(config):
    """`--set` changes a value on every command, and a wrong path is an error."""
    changed = ["--set", "models[name=fast].model=gpt-4.1", "--set", "models[1].enabled=false"]
    assert rows(run("show", config, *changed).stdout)[1][3] == "gpt-4.1"
    done = run("explain", config, "models[0].model", "--for", "json.dumps", *changed)
    assert done.stdout.splitlines()[:2] == [
        'models[0].model: "gpt-4.1"',
        f"    from --set models[name=fast].model, replaces {config}:2:23",
    ]
    done = run("show", config, "--set", "models[name=fats].model=x")
    assert (done.returncode, "did you mean 'fast'?" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("variable", "files", "found"),
    [
        (None, "models.yaml config.yaml", "models.yaml"),
        (None, "config.yaml", "config.yaml"),
        ("team/models.yaml", "models.yaml team/models.yaml", "team/models.yaml"),
        ("team", "models.yaml team/models.yaml", "team"),
        (f"team{os.pathsep}b.yaml", "team/models.yaml b.yaml", "team, b.yaml"),
    ],
)
def test_found_configuration(tmp_path, write, variable, files, found):
    """Without files, those of $DISPATCH_CONFIG or a default are read, and named on stderr."""
    (tmp_path / "team").mkdir()
    environment = {"DISPATCH_CONFIG": variable} if variable else {}
    for number, name in enumerate(files.split()):
        write(name, f"models: [{{name: n{number}, model: m-{name[0]}}}]\n")
    done = run("check", **environment)
    assert done.stderr == f"using {found}\n"
    assert done.stdout.splitlines()[-1].startswith(f"{1 + found.count(',')} model")
    assert run("explain", "models[0].name", **environment).stdout.startswith("models[0].name: ")
    assert run("check", files.split()[-1]).stderr == ""
    assert run("check", "--demo").stderr == ""


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("", "models: [{name: a, model: m}]"),
        ("", '{"models": [{"name": "a", "model": "m"}]}'),
        ("json", '{"models": [{"name": "a", "model": "m"}]}'),
        ("toml", 'models = [{name = "a", model = "m"}]'),
    ],
)
@pytest.mark.parametrize(("command", "flag"), [("show", "--format"), ("check", "--input-format")])
def test_standard_input(command, flag, format, text):
    """`-` is standard input, which is YAML unless its format is named."""
    done = run(command, "-", *([flag, format] if format else []), stdin=text)
    assert (done.returncode, done.stderr) == (0, "")
    assert "m" in done.stdout
    broken = run(command, "-", stdin="models: [")
    assert "<stdin>:1:10: " in broken.stdout + broken.stderr


def test_several_files(config, write):
    """A later file changes the models that it names."""
    later = write("later.json", {"models": [{"name": "fast", "model": "o3-mini"}]})
    assert [row[3] for row in rows(run("show", config, later).stdout)[1:]] == ["o3-mini", "o3"]


@pytest.mark.parametrize("arguments", [["show"], ["run", "hi"], ["export", "--to=litellm-proxy"]])
def test_faults(write, arguments):
    """All faults of a file are shown at once, as one block on stderr, with exit code 1."""
    file = write("bad.yaml", "models:\n- {model: a, roles: [chatcompletion]}\n- {name: b}\n")
    done = run(arguments[0], file, *arguments[1:])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: 2 faults")
    assert "bad.yaml:2:22: models[0].roles[0]" in done.stderr
    assert "bad.yaml:3:3: models[1]" in done.stderr


def test_line_after_declare(write):
    """A configuration keeps its lines when a role is declared."""
    file = write("bad.yaml", "models:\n- {model: gpt-4o, roles: [embd]}\n")
    done = run("show", file, "--declare", "embed")
    assert done.stderr.startswith("error: bad.yaml:2:27: models[0].roles[0]: role 'embd' is ")
    assert "did you mean 'embed'?\n    - {model: gpt-4o, roles: [embd]}\n" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        "show --demo --contract {}",
        "show --demo --contract {}:ROLES",
        "explain --demo --for {}",
        "explain --demo {}",
        "explain --demo models[name={}]",
        "help {}",
        "help roles {}",
        "{}",
        "show {}",
        "import {}",
        "run --demo hi --role {}",
        "run --demo hi --model {} --dry-run",
        "run --demo hi --var {}",
        "run --demo hi --var {}=1",
        "show --demo --set {}",
        "show --demo --set models[0].{}.b=1",
        "schema --for {}",
        "check --demo --ahead {}",
        "ping --demo --timeout {}",
        "export --demo --to {}",
        "export --demo --to litellm-proxy -o /absent/{}",
        "export --demo --to litellm-proxy --redis-password-from {}",
    ],
)
def test_secret_argument(arguments):
    """An error about an argument does not repeat a secret in it."""
    secret = "sk-proj-canary0123456789abcdefghij"
    done = run(*arguments.format(secret).split())
    assert done.returncode in (1, 2)
    assert "rror: " in done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_absent_file():
    """A file that cannot be read is named."""
    assert run("show", "absent.yaml").stderr.startswith("error: absent.yaml: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("schema --contract broken:ROLES", "no contract at 'broken:ROLES': "),
        ("explain --demo --for broken.function", "cannot import 'broken.function': "),
    ],
)
def test_broken_program(write, arguments, words):
    """A program that cannot be imported is reported in one line."""
    write("broken.py", "1 / 0")
    done = run(*arguments.split())
    assert done.returncode == 2
    assert f"Error: {words}ZeroDivisionError; " in done.stderr


@pytest.fixture
def emoji(write):
    roles = ["chatcompletions", {"postcompletions": "tick ✓"}]
    model = {"name": "✓ café", "model": "gpt-4o", "mock_response": "done ✅", "roles": roles}
    return write("c.json", json.dumps({"models": [model]}, ensure_ascii=False)).absolute()


@pytest.mark.parametrize(
    ("variables", "encoding", "mark"),
    [
        ({"PYTHONIOENCODING": "cp1252"}, "cp1252", "?"),
        # click takes ASCII for a mistake
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "utf-8", "✓"),
    ],
    ids=["cp1252", "ascii"],
)
def test_encoding(emoji, variables, encoding, mark):
    """Characters that a terminal cannot show are replaced."""
    options = {"encoding": encoding, "env": variables}
    done = start("explain", emoji, "--for", "json.dumps", **options)
    assert done.returncode == 0, done.stderr
    assert f'models[0].name: "{mark} caf' in done.stdout
    assert rows(start("show", emoji, **options).stdout)[-1][-1] == f"tick {mark}"


def test_encoding_for_machines(emoji):
    """Output for machines is complete in any terminal."""
    arguments = ["explain", emoji, "models[0].name", "--for", "json.dumps", "--json"]
    env = {"PYTHONIOENCODING": "cp1252"}
    assert json.loads(start(*arguments, env=env).stdout)[0]["value"] == "✓ café"
    assert "id: ✓ café" in start("export", emoji, "--to", "litellm-proxy", env=env).stdout


@pytest.mark.parametrize("arguments", ["show --demo", "check --demo", "--help", "help roles"])
@pytest.mark.parametrize("stdout", ["full", "left", "closed"])
def test_no_stdout(stdout, arguments):
    """A full disk is a one-line error; a closed pipe or closed stdout is silent."""
    if stdout == "closed":
        shell = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "dispatch"]
        shell += arguments.split()
        done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    else:
        reader, writer = os.pipe()
        os.close(reader)
        with open("/dev/full", "w") as full, open(writer, "w") as pipe:
            target = full if stdout == "full" else pipe
            done = start(*arguments.split(), stdout=target)
    said = "error: stdout: No space left on device\n" if stdout == "full" else ""
    assert (done.returncode, done.stderr) == (int(stdout != "closed"), said)


def test_interrupt(write):
    """An interrupt ends the program silently."""
    write("slow.py", "import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatch", "schema", "--contract", "slow:ROLES"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 130


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize(
    "arguments", ["check --contract=program:ROLES", "explain --for=program.ask"]
)
def test_program_of_the_working_directory(arguments, fails, config, write):
    """A program is found in the working directory, and its failure, however it ends, is short."""
    text = "from dispatch import Role\nROLES = [Role('chatcompletions'), Role('postcompletions')]\n"
    text += "def ask(**rest): ...\n" + "raise SystemExit('sk-canary')\n" * fails
    here = write("program.py", text).absolute().parent
    done = start(*arguments.split(), config, cwd=here, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 2 * fails, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert ("SystemExit" in done.stderr) == fails
    assert "sk-canary" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", ["explain", "check --contract=program:ROLES"])
@pytest.mark.slow
def test_no_code_of_the_working_directory(arguments, tmp_path, write):
    """The program's own imports never come from the working directory."""
    write("c.yaml", "models: [{model: gpt-4o, mock_response: hello}]\n")
    write("program.py", "ROLES = ['chatcompletions']\n")
    for name in ("litellm", "httpx", "openai", "rich", "yaml", "orjson", "uvloop", "sitecustomize"):
        write(f"{name}.py", "open('ran', 'a').write(__name__)\n")
    done = start(*arguments.split(), "c.yaml", cwd=tmp_path, env={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
