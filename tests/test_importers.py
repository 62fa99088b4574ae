"""Importing other programs' configurations: where fields go, and what is reported."""

from __future__ import annotations

import json
import stat
from datetime import date
from pathlib import Path

import pytest
import yaml

from dispatch import ModelDispatcher, check
from dispatch.errors import ConfigError, FileError, SecretError
from dispatch.immutable import thaw
from dispatch.tools.importers import (
    AIDER,
    AUTOGEN,
    CONTINUE,
    PROXY_FILE,
    detect,
    import_config,
    read_foreign,
)
from tests.helpers import places
from tests.program import run

CONTINUED = """\
name: Mine
version: 1.0.0
schema: v1
models:
  - name: Big
    provider: openai
    model: gpt-4o
    apiKey: ${{ secrets.OPENAI_API_KEY }}
    roles: [chat, edit]
    capabilities: [tool_use, image_input]
    defaultCompletionOptions: {temperature: 0.7, maxTokens: 1500, contextLength: 128000}
    requestOptions: {timeout: 60, headers: {X-Team: blue}}
    chatOptions: {baseSystemMessage: Be terse.}
  - name: Local
    provider: ollama
    model: nomic-embed-text
    apiBase: http://127.0.0.1:11434
    roles: [embed]
    defaultCompletionOptions: {contextLength: 8192}
"""
AIDED = """\
- name: aider/extra_params
  extra_params: {extra_headers: {X-Team: blue}}
- name: openai/gpt-5
  edit_format: diff
  weak_model_name: openai/gpt-5-mini
  use_temperature: 0.5
  extra_params: {extra_headers: {X-One: a}, max_tokens: 8192}
- {name: o3, use_temperature: false}
"""
LISTED = """\
[
\t{"model": "gpt-4", "api_key": "os.environ/OPENAI_API_KEY", "tags": ["big"],
\t "price": [0.003, 0.015], "max_tokens": 5},
\t{"model": "eu", "api_type": "azure", "base_url": "https://x.openai.azure.com/",
\t "api_version": "2024-02-15-preview", "api_key": ""},
\t{"model": "llama3", "api_type": "ollama", "client_host": "http://127.0.0.1:11434"},
\t{"model": "llama-7B", "base_url": "http://127.0.0.1:8080"}
]
"""
FILES = {
    "config.yaml": (CONTINUE, CONTINUED),
    ".aider.model.settings.yml": (AIDER, AIDED),
    "OAI_CONFIG_LIST": (AUTOGEN, LISTED),
    "proxy.yaml": (PROXY_FILE, "model_list: [{model_name: smart, litellm_params: {model: o3}}]"),
}


@pytest.fixture(autouse=True)
def openai(monkeypatch):
    """Set OpenAI's key."""
    monkeypatch.setenv("OPENAI_API_KEY", "k-1")


def imported(text):
    return import_config(yaml.safe_load(text))


def continued(**fields):
    model = {"name": "a", "provider": "openai", "model": "o3", "roles": ["chat"], **fields}
    made = import_config({"schema": "v1", "models": [model]})
    return thaw(made.tree["models"])[0], [str(fault) for fault in made.left_out]


def test_continue():
    """Providers, roles, options and secrets of Continue are converted."""
    made = imported(CONTINUED)
    assert thaw(made.tree) == yaml.safe_load("""
        models:
        - name: Big
          model: openai/gpt-4o
          api_key: os.environ/OPENAI_API_KEY
          temperature: 0.7
          max_tokens: 1500
          timeout: 60
          extra_headers: {X-Team: blue}
          model_info:
            {max_input_tokens: 128000, supports_function_calling: true, supports_vision: true}
          roles: [{chatcompletions: {system_prompt: Be terse.}}, edit]
        - name: Local
          model: ollama/nomic-embed-text
          api_base: http://127.0.0.1:11434
          num_ctx: 8192
          roles: [embed]
        roles:
          edit: null
          embed: {calls: litellm.embedding, needs: {mode: embedding}}
        x-name: Mine
        x-version: 1.0.0
    """)
    assert made.left_out == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"provider": "vertexai", "env": {"region": "eu", "projectId": "p"}},
         {"model": "vertex_ai/o3", "vertex_location": "eu", "vertex_project": "p"}),
        ({"provider": "bedrock", "env": {"region": "eu", "profile": "b"}},
         {"model": "bedrock/o3", "aws_region_name": "eu", "aws_profile_name": "b"}),
        ({"provider": "azure", "env": {"deployment": "d", "apiVersion": "v", "apiType": "x"}},
         {"model": "azure/d", "api_version": "v"}),
        ({"provider": "together"}, {"model": "together_ai/o3"}),
        ({"apiKey": "${{secrets.A_KEY}}"}, {"model": "openai/o3", "api_key": "os.environ/A_KEY"}),
        ({"defaultCompletionOptions": {"reasoning": True}},
         {"model": "openai/o3", "thinking": {"type": "enabled", "budget_tokens": 2048}}),
        ({"apiBase": None, "rules": [], "env": {}}, {"model": "openai/o3"}),
    ],
)  # fmt: skip
def test_fields(fields, expected):
    """Each provider's own fields become LiteLLM's keys."""
    model, left_out = continued(**fields)
    assert model == {"name": "a", **expected, "roles": ["chatcompletions"]}
    assert left_out == []


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"promptTemplates": {"edit": "x"}}, "models[0].promptTemplates: has no equivalent"),
        ({"requestOptions": {"proxy": "x"}}, "models[0].requestOptions.proxy: has no equivalent"),
        ({"capabilities": ["next_edit"]}, "models[0].capabilities: 'next_edit' has no equivalent"),
        ({"requestOptions": {"headers": {"A": "Bearer ${{ secrets.X }}"}}},
         "models[0].requestOptions.headers.A: is not expanded: left out"),
        ({"provider": "mycorp"}, "models[0].model: LiteLLM has no provider 'mycorp'; write the"),
        ({"provider": "mycorp", "apiBase": "http://127.0.0.1:1"}, "written as openai/…"),
    ],
)  # fmt: skip
def test_left_out(fields, says):
    """Each field that cannot be converted is reported with its location."""
    _, (line,) = continued(**fields)
    assert says in line


def test_sections():
    """Sections of Continue, and blocks of its hub, are reported once each."""
    made = import_config({"models": [{"uses": "a/b", "with": {"K": "v"}}], "rules": ["x"]})
    assert thaw(made.tree["models"]) == []
    assert places(made.left_out) == ["rules", "models[0]"]


def test_default_roles():
    """A model of Continue without roles plays those that Continue gives it."""
    model, _ = continued(roles=None)
    assert model["roles"] == ["chatcompletions", "edit", "apply", "summarize"]


def test_aider():
    """What aider passes to LiteLLM are parameters; what it reads itself are the program's own."""
    made = imported(AIDED + "- {name: x, no_such: 1}\n")
    assert thaw(made.tree) == yaml.safe_load("""
        models:
        - model: openai/gpt-5
          edit_format: diff
          weak_model_name: openai/gpt-5-mini
          extra_headers: {X-One: a, X-Team: blue}
          max_tokens: 8192
          temperature: 0.5
        - {model: o3, use_temperature: false, extra_headers: {X-Team: blue}}
        - {model: x, extra_headers: {X-Team: blue}}
        own_keys: [edit_format, weak_model_name, use_temperature]
    """)
    assert places(made.left_out) == ["[3].no_such"]


def test_autogen():
    """Endpoint types become providers, and prices become per token."""
    assert thaw(imported(LISTED.replace("\t", "")).tree) == yaml.safe_load("""
        models:
        - model: gpt-4
          tags: [big]
          input_cost_per_token: 3.0e-6
          output_cost_per_token: 1.5e-5
          api_key: os.environ/OPENAI_API_KEY
          max_tokens: 5
        - model: azure/eu
          api_base: https://x.openai.azure.com/
          api_version: 2024-02-15-preview
        - {model: ollama_chat/llama3, api_base: "http://127.0.0.1:11434"}
        - {model: openai/llama-7B, api_base: "http://127.0.0.1:8080"}
        own_keys: [tags]
    """)
    lost = import_config([{"model": "m", "native_tool_calls": True, "price": "?"}]).left_out
    assert places(lost) == ["[0].native_tool_calls", "[0].price"]


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"schema": "v1", "models": [{"provider": "openai", "model": "m"}, {"provider": "a"}, 5]},
         ["models[1]", "models[2]"]),
        ([{"name": "openai/m"}, {"edit_format": "diff"}], ["[1]"]),
        ([{"model": "m"}, {"tags": ["a"]}, {"model": ["m"]}, None], ["[1]", "[2]", "[3]"]),
    ],
)  # fmt: skip
def test_wrong_entries(data, left):
    """An entry that is no model is left out; the others are converted."""
    result = import_config(data)
    assert places(result.left_out) == left
    assert len(result.tree["models"]) == 1


@pytest.mark.parametrize("name", FILES)
def test_formats(name, write):
    """Formats are detected by content; the output can be dispatched, and is not converted again."""
    expected, text = FILES[name]
    file = write(name, text)
    assert detect(read_foreign(file)[0]) == expected
    done = run("import", file, "-o", "models.yaml")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (0, "wrote models.yaml")
    written = yaml.safe_load(Path("models.yaml").read_text("utf-8"))
    assert detect(written) is None
    assert check(written).faults == ()
    assert len(ModelDispatcher(written).models["models"]) > 0


@pytest.mark.parametrize(
    "data",
    yaml.safe_load("""
    - null
    - []
    - {}
    - x
    - [1]
    - {models: []}
    - {models: {fast: {model: gpt-4o}}}
    - {models: [{model: gpt-4o, roles: [chat]}]}
    - {models: [{model: m, provider: x}], own_keys: [provider]}
    - {models: [{model: m, provider: {order: [x]}}]}
    - {models: [{model: m}], model_list: []}
    - [{name: a, model: gpt-4o}]
    """),
)
def test_ours(data):
    """A dispatch configuration, or anything else, has no other format."""
    assert detect(data) is None
    with pytest.raises(ConfigError, match="of no known format"):
        import_config(data)


def test_secrets(write):
    """A literal secret is rejected with its location, or, if allowed, the file is private."""
    text = json.dumps([{"model": "m", "api_key": "pass-123"}], indent=1)
    command = ["import", write("OAI_CONFIG_LIST", text), "-o", "out.yaml"]
    done, out = run(*command), Path("out.yaml")
    assert (done.returncode, out.exists()) == (1, False)
    assert "OAI_CONFIG_LIST:4:14: [0].api_key: a literal secret" in done.stderr
    assert "pass-123" not in done.stderr
    assert run(*command, "--allow-literal-secrets").returncode == 0
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    with pytest.raises(SecretError):
        import_config({"model_list": [], "general_settings": {"master_key": "pass-123"}})


def test_places(write):
    """Omissions are on stderr with their lines, and stdout has only the file."""
    file = write("config.yaml", CONTINUED + "    autocompleteOptions: {disable: true}\n")
    done = run("import", file)
    assert "config.yaml:20:26: models[1].autocompleteOptions: has no equivalent" in done.stderr
    assert yaml.safe_load(done.stdout)["models"][0]["name"] == "Big"
    assert "# It needs:      OPENAI_API_KEY" in done.stdout


def test_existing(write):
    """No file is overwritten without --force, and the input never is."""
    text = FILES["proxy.yaml"][1]
    file, output = write("proxy.yaml", text), write("models.yaml", "mine")
    refused = run("import", file, "-o", output)
    assert (refused.returncode, output.read_text("utf-8")) == (1, "mine")
    assert "already exists; use --force to overwrite it" in refused.stderr
    assert run("import", file, "-o", output, "--force").returncode == 0
    assert "roles: smart" in output.read_text("utf-8")
    assert run("import", file, "-o", file, "--force").returncode == 2
    assert file.read_text("utf-8") == text


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("none.yaml", None, "is not a file"),
        ("a.yaml", "models: [", "a.yaml:1:"),
        ("OAI_CONFIG_LIST", "// remove this\n[]", "JSON has no comments"),
        ("a.yaml", "model: gpt-4o", "is a mapping of no known format"),
        ("a.yaml", "- a\n- b", "is a list of no known format"),
    ],
)
def test_unreadable(name, text, says, write):
    """An unreadable file, or an unknown format, is one error without a traceback."""
    if text is None:
        with pytest.raises(FileError):
            read_foreign(Path(name))
    else:
        write(name, text)
    done = run("import", name)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr


def test_what_continue_leaves_to_others():
    """Old titles, dates, names like roles, and autodetected models are converted."""
    env = {"apiVersion": date(2024, 2, 1)}
    entries = [
        {"title": "old", "provider": "azure", "model": "m", "env": env},
        {"name": "embed", "provider": "ollama", "model": "e", "roles": ["embed"]},
        {"name": "any", "provider": "ollama", "model": "AUTODETECT"},
    ]
    made = import_config({"models": entries})
    named, embedding, chat = made.tree["models"]
    assert (named["name"], named["api_version"]) == ("old", "2024-02-01")
    assert (embedding["model"], "name" in embedding) == ("ollama/e", False)
    assert chat["model"] == "ollama_chat/AUTODETECT"
    assert places(made.left_out) == ["models[2].model", "models[1].name"]
