"""A canary in every key that holds a secret: it is in nothing that is printed, raised or logged.

Each key has its own secret, so that a failure shows which one leaked.
"""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import pprint
import threading
import traceback
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import litellm
import pytest
import rich.console
import rich.pretty

from dispatch import ConfigMorpher, FrozenMap, ModelDispatcher, dispatch, redaction
from dispatch.cli import COMMANDS
from dispatch.errors import ConfigError, ConfigWarning, Fault
from dispatch.litellm.deployments import model_list
from dispatch.litellm.logs import LOGGERS
from dispatch.litellm.proxy import proxy_config
from dispatch.litellm.router import make_router
from dispatch.loading import read_tree
from dispatch.redaction import (
    display_name,
    is_secret,
    literal_secrets,
    mark_secret,
    redact,
    redact_key,
    redact_text,
    scrub,
    secret_values,
)
from dispatch.tools.chat import converse
from dispatch.tools.check import check
from dispatch.tools.explain import explain
from tests import program

ROOT = Path(__file__).parent.parent

NAMES = """
    api_key token access_token auth_token secret client_secret password passwd azure_password
    credentials vertex_credentials authorization azure_ad_token aws_access_key_id
    aws_secret_access_key aws_session_token aws_bedrock_key private_key subscription_key
    langfuse_secret_key signoz_ingestion_key apiKey API-KEY x-api-key openaiApiKey apikey api_kye
    pasword accesskey connection_string webhook_url cookie jwt dsn
"""
SECRET_NAMES = NAMES.split()

PLAIN = """
    credential_info credential_list credential_name credential_values
    model name temperature max_tokens max_token tokens token_limit stop top_k keep_alive api_base
    api_version user input_cost_per_token bos_token client_secret_file litellm_credential_name
    monkey keyboard task stream_timeout
"""

CANARY = "cAnArY"


def secrets_by_key():
    """Every secret key, with a secret of its own; containers are secret all the way down."""
    held = {name: f"{CANARY}-{name}" for name in SECRET_NAMES}
    held["headers"] = {
        "X-Session-Key": f"{CANARY}-header",
        "Authorization": f"Bearer {CANARY}-bearer",
    }
    held["extra_headers"] = [{"token": [f"{CANARY}-deep"]}]
    held["vertex_credentials"] = json.dumps({"private_key": f"{CANARY}-in-json"})
    held["extra_body"] = {"nested": [{"api_key": f"{CANARY}-nested"}]}
    held["api_base"] = f"https://me:{CANARY}-userinfo@localhost/v1?key={CANARY}-query&a=b"
    held["proxies"] = [f"socks5://{CANARY}-user@localhost", f"redis://:{CANARY}-p/w#?d@localhost"]
    return held


@pytest.fixture
def models():
    return [
        {"name": "one", "model": "openai/m", "roles": ["chatcompletions", {"postcompletions": "x"}]}
        | secrets_by_key(),
        {"name": f"https://me:{CANARY}-name@h", "model": f"https://me:{CANARY}-model@h"},
    ]


@pytest.fixture
def dispatcher(models):
    return ModelDispatcher(models)


def things(dispatcher):
    """All that the package hands out which is no plain container."""
    group = dispatcher.for_chatcompletions
    yield dispatcher
    yield dispatcher.groups
    yield dispatcher.contract
    yield group
    yield group.models
    yield from group.models
    yield (group.models[0].values(), group.models[0].items(), group.models[0].keys())
    yield group.models[0].set("password", f"{CANARY}-set")
    yield group.models[0].evolver().set("token", f"{CANARY}-evolved").persistent()
    yield ConfigMorpher(group.config)
    yield dispatch(dispatcher.models)
    yield {"in a dict": group.models[0], "in a list": [group, (dispatcher,)]}
    yield ConfigMorpher({**secrets_by_key(), "model": "m"} | {"API-KEY": 0, "x-api-key": 0}).morph(
        lambda model, api_key, password, headers, api_base: None, return_type="dataclass"
    )


def by_rich(thing):
    console = rich.console.Console(file=io.StringIO(), width=10_000)
    console.print(thing)
    console.print(rich.pretty.Pretty(thing, expand_all=True))
    return console.file.getvalue()


def by_logging(thing):
    stream = io.StringIO()
    logger = logging.Logger("canary")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("%s %r", thing, thing)
    logger.error(thing)
    return stream.getvalue()


WAYS = {
    "repr": repr,
    "str": str,
    "f-string": lambda thing: f"{thing} {thing!r} {thing!s:>10}",
    "pprint": pprint.pformat,
    "rich": by_rich,
    "logging": by_logging,
    "pickled": lambda thing: repr(pickle.loads(pickle.dumps(thing))),
    "copied": lambda thing: repr(copy.deepcopy(thing)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.filterwarnings("ignore::dispatch.errors.ConfigWarning")
def test_printing(way, dispatcher):
    """No way to print what is handed out shows a secret."""
    for thing in things(dispatcher):
        if way in ("pickled", "copied") and "dict_" in str(type(thing)):
            continue
        try:
            output = WAYS[way](thing)
        except (pickle.PicklingError, TypeError, AttributeError):
            assert way in ("pickled", "copied")  # views and made-up classes do not pickle
            continue
        assert output
        assert CANARY not in output, type(thing)


@pytest.mark.filterwarnings("ignore::dispatch.errors.ConfigWarning")
def test_canaries_are_there(dispatcher):
    """The secrets are there, or the canary would prove nothing."""
    output = json.dumps(dispatcher.for_chatcompletions.config)
    assert output.count(CANARY) > len(SECRET_NAMES)
    kwargs = dispatcher.for_chatcompletions.morph(lambda **rest: None, "models[0]", strict=False)
    assert kwargs["api_key"] == f"{CANARY}-api_key"


# errors


def all_of(error, seen=()):
    """Every text that hangs on an error: what it says, its parts, and all that it came from."""
    if error is None or error in seen:
        return
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)), error.__doc__ or "")
    yield from getattr(error, "__notes__", ())
    yield "".join(traceback.format_exception(error))
    group = ExceptionGroup("all", [error])
    yield from (str(group), repr(group), "".join(traceback.format_exception(group)))
    for cause in (error.__cause__, error.__context__):
        yield from all_of(cause, (*seen, error))


def take(model, temperature=0):
    """A callable without `**kwargs`."""


def broken_file(tmp_path, name, text):
    file = tmp_path / name
    file.write_text(text)
    return read_tree([file])


URL = f"https://me:{CANARY}-pw@h/x?token={CANARY}"
SECRET = f"{CANARY}-secret"
SETTINGS = {"fallbacks": [{"chatcompletions": [URL]}], "redis_password": SECRET}

PATHS = {
    "a condition": lambda d, _: d.for_chatcompletions.fetch(f"models[api_key={SECRET}]"),
    "a list of parts": lambda d, _: d.for_chatcompletions.fetch(["models", f"[token={SECRET}]"]),
    "a malformed path": lambda d, _: d.for_chatcompletions.fetch(f"models[password={SECRET}"),
    "a missing key": lambda d, _: d.for_chatcompletions.fetch("models[0].api_keys"),
    "a step into a secret": lambda d, _: d.for_chatcompletions.fetch("models[0].api_key.x"),
    "an index": lambda d, _: d.for_chatcompletions.fetch("models[9]"),
    "extra keys": lambda d, _: d.for_chatcompletions.morph(take, "models[0]", False),
    "no mapping": lambda d, _: d.for_chatcompletions.morph(take, "models[0].api_key"),
    "wrong fields": lambda d, _: d.for_chatcompletions.morph(
        litellm.completion, "models[0]", return_type="dataclass"
    ),
    "an undeclared role": lambda d, _: d.for_role(URL),
    "no list": lambda d, _: ModelDispatcher(secrets_by_key()),
    "a text": lambda d, _: ModelDispatcher(URL),
    "no model": lambda d, _: ModelDispatcher([secrets_by_key(), URL, 7]),
    "a wrong role": lambda d, _: ModelDispatcher([{"model": "m", "roles": [URL]}]),
    "a wrong task": lambda d, _: ModelDispatcher([{"model": "m", "roles": {URL: {"a": SECRET}}}]),
    "a model that is no text": lambda d, _: ModelDispatcher([{"model": {"api_key": SECRET}}]),
    "a contract twice": lambda d, _: ModelDispatcher([], roles=[URL, URL]),
    "a wrong key": lambda d, _: ConfigMorpher({1: SECRET}).morph(take),
    "a pasted key": lambda d, _: ModelDispatcher(
        [{"model": "m", "api_key": f"os.environ/sk-{SECRET}"}]
    ).for_chatcompletions.kwargs(),
    "half a reference": lambda d, _: ModelDispatcher(
        [{"model": "m", "token": f"os.environ/A {SECRET}"}]
    ).for_chatcompletions.kwargs(),
    "an unset variable": lambda d, _: ModelDispatcher(
        [{"name": URL, "model": "m", "headers": {"a": "os.environ/UNSET_HERE", "token": SECRET}}]
    ).for_chatcompletions.morph(litellm.completion, "models[0]"),
    "broken yaml": lambda d, at: broken_file(at, "a.yaml", f"models:\n- api_key: '{SECRET}\n b"),
    "yaml of another kind": lambda d, at: broken_file(at, "b.yaml", f"- api_key: {SECRET}"),
    "a tab in yaml": lambda d, at: broken_file(at, "c.yaml", f"a:\n\tapi_key: {SECRET}"),
    "a yaml tag": lambda d, at: broken_file(at, "d.yaml", f"api_key: !!{SECRET} x"),
    "twice in yaml": lambda d, at: broken_file(at, "e.yaml", f"api_key: {SECRET}\napi_key: a"),
    "broken json": lambda d, at: broken_file(at, "a.json", f'{{"api_key": "{SECRET}" x}}'),
    "broken toml": lambda d, at: broken_file(at, "a.toml", f'api_key = "{SECRET}'),
    "an unknown kind of file": lambda d, at: broken_file(at, "a.txt", SECRET),
    "router keys": lambda d, _: model_list(
        dispatch([{"model": "m", "order": SECRET, "token": SECRET}])
    ),
    "one name twice": lambda d, _: model_list(
        dispatch([{"name": URL, "model": "m", "api_key": f"{SECRET}{n}"} for n in "ab"])
    ),
    "a dead fallback": lambda d, _: make_router(ModelDispatcher([{"model": "gpt-4o"}]), **SETTINGS),
    "a refused model": lambda d, _: make_router(
        ModelDispatcher([{"model": f"nonsense-{SECRET}", "api_key": f"nonsense-{SECRET}"}])
    ),
    "a refused setting": lambda d, _: make_router(
        ModelDispatcher([{"model": "gpt-4o"}]), retry_policy=SECRET, password=SECRET
    ),
    "a literal secret": lambda d, _: proxy_config(d.groups),
    "literal secrets in a section": lambda d, _: proxy_config(
        dispatch([{"model": "m"}]), {"router_settings": {"redis_password": SECRET}}
    ),
    "no model to answer": lambda d, _: next(converse(ModelDispatcher([]), SECRET)),
}


@pytest.mark.parametrize("way", PATHS)
@pytest.mark.filterwarnings("ignore::dispatch.errors.ConfigWarning")
def test_errors(way, dispatcher, tmp_path, caplog, capfd):
    """No error holds a secret, nor does what it was raised from."""
    with pytest.raises(Exception) as caught:  # noqa: PT011  # which one is tested elsewhere
        PATHS[way](dispatcher, tmp_path)
    for text in all_of(caught.value):
        assert CANARY not in text
    out, err = capfd.readouterr()
    assert CANARY not in out + err + caplog.text


def test_warnings(dispatcher, monkeypatch):
    """No warning holds a secret."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("UNSET_HERE", raising=False)
    keyless = {"model": "openai/x", "api_base": f"https://{SECRET}@h", "temprature": SECRET}
    unset = {"name": "u", "model": "openai/x", "api_key": "os.environ/UNSET_HERE", "token": SECRET}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dispatcher.for_chatcompletions.morph(litellm.completion, "models[0]")
        ModelDispatcher([keyless]).for_chatcompletions.morph(litellm.completion, "models[0]")
        make_router(ModelDispatcher([keyless, unset]))
    ours = {each.category for each in caught if issubclass(each.category, ConfigWarning)}
    assert len(ours) == 3
    for each in caught:
        assert CANARY not in f"{each.message} {each.message!r} {each.message.args!r}"
        assert CANARY not in warnings.formatwarning(each.message, each.category, "f", 1)


# a provider that quotes what it was sent


@pytest.fixture
def echo():
    """A provider that fails, and whose answer quotes the whole request, keys and all."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            output = json.dumps({"error": {"message": f"no: {self.headers} {body} {self.path}"}})
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(output.encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def echoed(echo):
    return {
        "name": "echo",
        "model": "openai/m",
        "api_base": f"http://me:{CANARY}-userinfo@{echo}/v1",
        "api_key": f'{CANARY}-"quoted"\\key',
        "extra_headers": {"X-Key": f"{CANARY}-header", "X-Auth": f"Bearer {CANARY}-bearer"},
        "extra_body": {"password": f"{CANARY}-body"},
        "roles": ["chatcompletions", {"postcompletions": "review"}],
    }


@pytest.fixture
def logged():
    """All that LiteLLM logs, under debugging."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_echoing_provider(echo, logged, monkeypatch):
    """A provider that quotes the request is reported and logged without secrets."""
    monkeypatch.setenv("HELD", f"{CANARY}-env")
    model = echoed(echo) | {"client_secret": "os.environ/HELD"}
    dispatcher = ModelDispatcher([model])
    turns = converse(dispatcher, "hello")
    with pytest.raises(Exception, match="did not answer") as caught:
        next(turns)
    assert "no: " in logged.getvalue(), "nothing was logged, so this shows nothing"
    output = [*all_of(caught.value), logged.getvalue()]
    assert "Bearer" in output[0] or "***" in output[0]
    assert not [text for text in output if CANARY in text]


# every command


def commands():
    """Each command, with arguments that make it read the configuration, and that make it fail."""
    special = {
        "run": [["{config}", "hello"], ["{bad}", "hello"]],
        "export": [
            ["{config}", "--to", "litellm-proxy"],
            ["{bad}", "--to", "litellm-proxy"],
            ["{config}", "--to", "litellm-proxy", "--redis", f"redis://:{CANARY}@h"],
        ],
        "show": [["{config}"], ["{bad}"], ["{config}", "--json"]],
        "check": [["{config}"], ["{bad}"], ["{config}", "--json"], ["{bad}", "--format", "github"]],
    }
    for name in COMMANDS:
        for arguments in special.get(name, [["{config}"], ["{bad}"]]):
            yield name, arguments


@pytest.mark.parametrize(("command", "arguments"), list(commands()))
def test_commands(command, arguments, echo, models, tmp_path, monkeypatch):
    """No command prints a secret."""
    monkeypatch.chdir(tmp_path)
    config, bad = tmp_path / "config.json", tmp_path / "bad.json"
    config.write_text(json.dumps({"models": [echoed(echo), models[0]]}, indent=1))
    wrong = [
        models[0] | {"roles": ["nothing", {URL: "review"}]},
        secrets_by_key(),
        {"model": SETTINGS},
    ]
    bad.write_text(json.dumps({"models": wrong, "router_settings": SETTINGS}, indent=1))
    filled = [argument.format(config=config, bad=bad) for argument in arguments]
    done = program.run(command, *filled, COLUMNS="1000", OPENAI_API_KEY=SECRET)
    assert done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert CANARY not in done.stdout
    assert CANARY not in done.stderr


def test_turns(tmp_path):
    """No turn shows a secret in the name of a model or in its task."""
    mute = {"name": URL, "model": f"openai/{URL}", "mock_response": "litellm.RateLimitError"}
    mute["roles"] = {"chatcompletions": URL, "postcompletions": f"see {URL}"}
    spare = {
        "name": f"{URL}/2",
        "model": "gpt-4o",
        "mock_response": "hello",
        "roles": mute["roles"],
    }
    file = tmp_path / "c.json"
    for models, code in ([mute, spare], 0), ([mute], 1):
        file.write_text(json.dumps({"models": models}))
        done = program.run("run", file, "hello", COLUMNS="200")
        assert done.returncode == code, done.stderr
        assert CANARY not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("model", "called"),
    [
        ({"name": "fast", "model": "m"}, "fast"),
        ({"model": "m"}, "m"),
        ({"name": None, "model": "m"}, "m"),
        ({"name": " ", "model": "m"}, "m"),
        ({"name": ["a"], "model": "m"}, "m"),
        ({"name": "https://me:pw@h", "model": "m"}, "https://***@h"),
        ({"model": "https://me:pw@h"}, "https://***@h"),
        ({"model": ["sk-1"]}, ""),
    ],
)
def test_display_name(model, called):
    """The name that a model is shown by holds no secret."""
    assert display_name(model) == called


# the rule


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_secret_names(name):
    """A key that is named like a secret holds one."""
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN.split())
def test_harmless_names(name):
    """Other keys hold none."""
    assert not is_secret(name)


def test_mark_secret(monkeypatch):
    """A program extends the rule in one place."""
    monkeypatch.setattr(redaction, "_marked", set())
    model = {"model": "m", "Our-Badge": f"{CANARY}-badge"}
    assert CANARY in repr(ModelDispatcher([model]).groups)
    mark_secret("our_badge")
    assert CANARY not in repr(ModelDispatcher([model]).groups)
    assert list(literal_secrets(model)) == [("Our-Badge",)]
    is_secret.cache_clear()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@host/v1", "https://***@host/v1"),
        ("https://key@host", "https://***@host"),
        ("redis://:pw@host:6379/0", "redis://***@host:6379/0"),
        ("https://me:p/w?#d@host", "https://***@host"),
        ("https://me:p@w@host", "https://***@host"),
        ("https://host/v1?api_key=k&a=b", "https://host/v1?api_key=***&a=b"),
        ("https://host:8080/at/@me", "https://host:8080/at/@me"),
        ("https://host/a?mail=me@here", "https://host/a?mail=me@here"),
        ("mail me@here", "mail me@here"),
        ("see https://a:b@c and d@e", "see https://***@c and d@e"),
    ],
)
def test_urls(url, shown):
    """A URL is shown without its user information and its keys."""
    assert redact_text(url) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("api_key:sk-1", "api_key:***"),
        ("role 'api_key=sk-1' is", "role 'api_key=***' is"),
        ("see:x=models[0].api_key:sk,1]2", "see:x=models[0].api_key:***"),
        ('{"api_key":"sk-1"}', '{"api_key":"***"}'),
        ("authorization:Bearer sk-1", "authorization:***"),
        ("api_key: none", "api_key: none"),
        ("api_key:none", "api_key:none"),
        ("api_key:os.environ/KEY", "api_key:os.environ/KEY"),
        ("a.yaml:3:4: models[0].api_key: is empty", "a.yaml:3:4: models[0].api_key: is empty"),
        ("[api_key=***].x", "[api_key=***].x"),
        ("model:gpt-4o", "model:gpt-4o"),
    ],
)
def test_assignments(text, shown):
    """A missing space shows no secret."""
    assert redact_text(text) == shown


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("api_key: sk-1 and more", "api_key: ***"),
        ("x, 'token' : sk-1", "x, 'token' : ***"),
        ("headers: {X-Api-Key: sk-1}", "headers: {X-Api-Key: ***"),
        ("api_key: none", "api_key: none"),
        ("api_key: os.environ/KEY", "api_key: os.environ/KEY"),
        ("max_tokens: 5", "max_tokens: 5"),
        ("api_key:sk-1", "api_key:***"),
        ("https://me:pw@host", "https://***@host"),
    ],
)
def test_quoted_mapping(key, shown):
    """A mapping that quotes turned into a key shows no secret."""
    assert redact_key(key) == shown
    assert list(literal_secrets({"a": {key: None}})) == [("a", key)] * (shown != key)
    held = "'***'" if is_secret(key) else "1"
    assert repr(FrozenMap({key: 1})) == f"FrozenMap({{{shown!r}: {held}}})"
    assert Fault(("a",), "is wrong").under(key).where == f"{shown}.a"


def test_long_names():
    """An overlong name is taken for a secret."""
    assert is_secret("x" * 1_000_000)
    assert not is_secret("x" * 100)


def test_shown_values():
    """References, empty values and paths of files are shown."""
    held = {"api_key": "os.environ/KEY", "token": None, "password": False, "secret": "none"}
    held["vertex_credentials"] = "/etc/keys/service-account.json"
    held["azure_ad_token"], held["Authorization"] = "oidc/azure/me", "Bearer os.environ/KEY"
    assert redact(held) == held


def test_schemas():
    """What a JSON Schema calls a password holds none; a value of that name does."""
    schema = {"properties": {"password": {"type": "string"}, "key": {"enum": ["a"]}}}
    assert redact(schema) == schema
    assert not list(literal_secrets(schema))
    assert not secret_values(schema)
    held = {"properties": {"password": "hunter2", "key": {"enum": ["a"]}}}
    assert redact(held)["properties"] == {"password": "***", "key": {"enum": ["***"]}}
    assert next(literal_secrets(held)) == ("properties", "password")
    assert "hunter2" in secret_values(held)


@pytest.mark.parametrize("form", [repr, json.dumps, str, lambda text: f"%{text}%"])
def test_scrub(form):
    """A secret is scrubbed however it is quoted."""
    secret = 'a"b\\c\nd é'
    assert scrub(f"said {form(secret)}", {secret}).count("***") == 1


def test_scrub_parts():
    """All parts of a secret are scrubbed."""
    held = secrets_by_key()
    found = redaction.secret_values(held)
    for text in json.dumps(held).replace('"', " ").split():
        assert CANARY not in scrub(text, found)


def test_long_strings():
    """Long strings are redacted too."""
    assert redact_text("://a:" * 20_000)
    assert redact_text("://" + "a" * 200_000 + "@")
    assert redact_text("key:" * 50_000 + "]" * 50_000)


BROKEN = {  # each by an everyday mistake; the canary must not be shown
    "a list that is never closed.json": '{"models": [\n{"headers": {"a": "CANARY", "b": {',
    "a list that is never closed.toml": 'headers = { a = "CANARY", b = [{',
    "an open quote further up.yaml": 'models:\n- name: "a\n  model: m\n  api_key: "CANARY"\n',
    "an open quote, flow.yaml": 'models:\n- name: "a\n- {api_key: CANARY, model: "gpt-4o"}\n',
    "an open single quote.yaml": "models:\n- name: 'a\n- {password: 'CANARY', model: m}\n",
    "a missing brace.json": '{"models": [ "api_key": "CANARY" ]}',
    "a missing brace behind another.json": '{"models": [{"model": "x"}, "api_key": "CANARY"}]}',
    "two keys on a line.yaml": "defaults: api_key: CANARY\n",
    "two keys and an anchor.yaml": 'defaults: &d api_key: "CANARY"\n',
    "a block that is indented too little.yaml": (
        "models:\n  - model: m\n    api_key: |\n      abc\n   CANARY\n"
    ),
    "a missing colon.yaml": "models: [{model: m, headers: {Authorization 'Bearer CANARY'}}]\n",
    "a missing colon, quoted.yaml": 'models: [{model: m, api_key "CANARY", roles: chatx}]\n',
    "a missing colon, bare.yaml": "models: [{model: m, api_key CANARY, roles: z}]\n",
    "a key among the roles.yaml": "models: [{model: m, roles: [chatcompletions, api_key CANARY]}]",
    "a quoted key among the roles.yaml": 'models: [{model: m, roles: ["api_key: CANARY"]}]\n',
    "a quoted key among the roles.json": (
        '{"models": [{"model": "m", "roles": ["api_key: CANARY"]}]}'
    ),
    "a quoted key among the roles.toml": '[[models]]\nmodel = "m"\nroles = ["api_key: CANARY"]\n',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name, tmp_path):
    """What is wrong in a broken file is reported without its secrets."""
    file = tmp_path / f"c.{name.rpartition('.')[2]}"
    file.write_text(BROKEN[name])
    output = []
    try:
        config = ConfigMorpher(file)
        report = check(config)
        output += [fault.render() for fault in (*report.faults, *report.warnings)]
        output += [repr(each) for each in explain(config, target=lambda **kwargs: None)]
        ModelDispatcher(config.fetch("models"))
    except ConfigError as error:
        output.append(str(error))
    assert output
    assert "CANARY" not in "".join(output)


@pytest.mark.parametrize("name", ["code", "key", "sig", "Signature", "api-key", "access_token"])
@pytest.mark.parametrize("mark", ["?", "?a=b&", "#"])
def test_parts_of_a_url(mark, name):
    """What a part of a URL holds that is a key by its name there is hidden, and is a secret."""
    model = {"api_base": f"https://h/v1{mark}{name}={CANARY}"}
    assert CANARY not in str(redact(model))
    assert secret_values(model) == {CANARY}
    assert list(literal_secrets(model)) == [("api_base",)]


def test_plain_parts_of_a_url():
    """What a part of a URL holds that is no key stays, and so does a reference."""
    for part in ("api-version=2024-10-21", "model=gpt-4o", "code=os.environ/CODE"):
        assert redact_text(f"https://h/v1?{part}") == f"https://h/v1?{part}"
