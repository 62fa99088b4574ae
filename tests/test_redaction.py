"""A canary in every secret key never appears in what is printed, raised or logged.

Each key has its own secret, so that a failure shows which one leaked.
"""

from __future__ import annotations

import collections
import copy
import datetime
import io
import json
import logging
import pickle
import pprint
import traceback
import types
import typing
import warnings

import litellm
import pytest
import rich.console
import rich.pretty
from werkzeug import Response

from dispatch import ConfigMorpher, FrozenMap, ModelDispatcher, dispatch, redaction
from dispatch.cli import COMMANDS
from dispatch.errors import CompletionError, ConfigError, ConfigWarning, Fault
from dispatch.immutable import freeze
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
from tests.helpers import raised

NAMES = """
    api_key token access_token auth_token secret client_secret password passwd azure_password
    credentials vertex_credentials authorization azure_ad_token aws_access_key_id
    aws_secret_access_key aws_session_token aws_bedrock_key private_key subscription_key
    langfuse_secret_key signoz_ingestion_key apiKey API-KEY x-api-key openaiApiKey apikey api_kye
    pasword accesskey connection_string webhook_url cookie jwt dsn auth_value otp
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
    return {name: f"{CANARY}-{name}" for name in SECRET_NAMES} | {
        "headers": {"X-Session-Key": f"{CANARY}-header", "Authorization": f"Bearer {CANARY}-b"},
        "extra_headers": [{"token": [f"{CANARY}-deep"]}],
        "vertex_credentials": json.dumps({"private_key": f"{CANARY}-in-json"}),
        "extra_body": {"nested": [{"api_key": f"{CANARY}-nested"}]},
        "api_base": f"https://me:{CANARY}-userinfo@localhost/v1?key={CANARY}-query&a=b",
        "proxies": [f"socks5://{CANARY}-user@localhost", f"redis://:{CANARY}-p/w#?d@localhost"],
    }


@pytest.fixture
def models():
    roles = ["chatcompletions", {"postcompletions": "x"}]
    return [
        {"name": "one", "model": "openai/m", "roles": roles} | secrets_by_key(),
        {"name": f"https://me:{CANARY}-name@h", "model": f"https://me:{CANARY}-model@h"},
    ]


@pytest.fixture
def dispatcher(models):
    return ModelDispatcher(models)


def things(dispatcher):
    """All objects of the package other than plain containers."""
    group = dispatcher.for_chatcompletions
    model = group.models[0]
    yield from (dispatcher, dispatcher.groups, dispatcher.contract, group, group.models)
    yield from group.models
    yield (model.values(), model.items(), model.keys())
    yield model.set("password", f"{CANARY}-set")
    yield model.evolver().set("token", f"{CANARY}-evolved").persistent()
    yield ConfigMorpher(group.config)
    yield dispatch(dispatcher.models)
    yield {"in a dict": model, "in a list": [group, (dispatcher,)]}
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
    """No way to print these objects shows a secret."""
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
    """Every text in an error: its message, its parts, and its causes."""
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


URL = f"https://me:{CANARY}-pw@h/x?token={CANARY}"
SECRET = f"{CANARY}-secret"
SETTINGS = {"fallbacks": [{"chatcompletions": [URL]}], "redis_password": SECRET}

PATHS = {
    "a condition": lambda chat: chat.fetch(f"models[api_key={SECRET}]"),
    "a list of parts": lambda chat: chat.fetch(["models", f"[token={SECRET}]"]),
    "a malformed path": lambda chat: chat.fetch(f"models[password={SECRET}"),
    "a missing key": lambda chat: chat.fetch("models[0].api_keys"),
    "a step into a secret": lambda chat: chat.fetch("models[0].api_key.x"),
    "an index": lambda chat: chat.fetch("models[9]"),
    "extra keys": lambda chat: chat.morph(take, "models[0]", False),
    "no mapping": lambda chat: chat.morph(take, "models[0].api_key"),
    "wrong fields": lambda chat: chat.morph(
        litellm.completion, "models[0]", return_type="dataclass"
    ),
    "an undeclared role": lambda _: ModelDispatcher([]).for_role(URL),
    "no list": lambda _: ModelDispatcher(secrets_by_key()),
    "a text": lambda _: ModelDispatcher(URL),
    "no model": lambda _: ModelDispatcher([secrets_by_key(), URL, 7]),
    "a wrong role": lambda _: ModelDispatcher([{"model": "m", "roles": [URL]}]),
    "a wrong task": lambda _: ModelDispatcher([{"model": "m", "roles": {URL: {"a": SECRET}}}]),
    "a model that is no text": lambda _: ModelDispatcher([{"model": {"api_key": SECRET}}]),
    "a contract twice": lambda _: ModelDispatcher([], roles=[URL, URL]),
    "a wrong key": lambda _: ConfigMorpher({1: SECRET}).morph(lambda **_: None),
    "a pasted key": lambda _: chat_of(api_key=f"os.environ/sk-{SECRET}").kwargs(),
    "half a reference": lambda _: chat_of(token=f"os.environ/A {SECRET}").kwargs(),
    "an unset variable": lambda _: chat_of(
        name=URL, headers={"a": "os.environ/UNSET_HERE", "token": SECRET}
    ).morph(litellm.completion, "models[0]"),
    "router keys": lambda _: model_list(
        dispatch([{"model": "m", "order": SECRET, "token": SECRET}])
    ),
    "one name twice": lambda _: model_list(
        dispatch([{"name": URL, "model": "m", "api_key": f"{SECRET}{n}"} for n in "ab"])
    ),
    "a dead fallback": lambda _: make_router(ModelDispatcher([{"model": "gpt-4o"}]), **SETTINGS),
    "a refused model": lambda _: make_router(
        ModelDispatcher([{"model": f"nonsense-{SECRET}", "api_key": f"nonsense-{SECRET}"}])
    ),
    "a refused setting": lambda _: make_router(
        ModelDispatcher([{"model": "gpt-4o"}]), retry_policy=SECRET, password=SECRET
    ),
    "a literal secret": lambda chat: proxy_config({"chatcompletions": chat.models}),
    "literal secrets in a section": lambda _: proxy_config(
        dispatch([{"model": "m"}]), {"router_settings": {"redis_password": SECRET}}
    ),
    "no model to answer": lambda _: next(converse(ModelDispatcher([]), SECRET)),
}
FILES = {
    "broken.yaml": f"models:\n- api_key: '{SECRET}\n b",
    "kind.yaml": f"- api_key: {SECRET}",
    "tab.yaml": f"a:\n\tapi_key: {SECRET}",
    "tag.yaml": f"api_key: !!{SECRET} x",
    "twice.yaml": f"api_key: {SECRET}\napi_key: a",
    "broken.json": f'{{"api_key": "{SECRET}" x}}',
    "broken.toml": f'api_key = "{SECRET}',
    "unknown.txt": SECRET,
}


def chat_of(**keys):
    return ModelDispatcher([{"model": "m", **keys}]).for_chatcompletions


@pytest.mark.parametrize("way", [*PATHS, *FILES])
@pytest.mark.filterwarnings("ignore::dispatch.errors.ConfigWarning")
def test_errors(way, dispatcher, write, caplog, capfd):
    """No error holds a secret, nor does what it was raised from."""
    call = PATHS.get(way) or (lambda _: read_tree([write(way, FILES[way])]))
    for text in all_of(raised(Exception, call, dispatcher.for_chatcompletions)):
        assert CANARY not in text
    out, err = capfd.readouterr()
    assert CANARY not in out + err + caplog.text


def test_warnings(dispatcher, monkeypatch, recwarn):
    """No warning holds a secret."""
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    monkeypatch.delenv("UNSET_HERE", raising=False)
    keyless = {"model": "openai/x", "api_base": f"https://{SECRET}@h", "temprature": SECRET}
    unset = {"name": "u", "model": "openai/x", "api_key": "os.environ/UNSET_HERE", "token": SECRET}
    warnings.simplefilter("always")
    dispatcher.for_chatcompletions.morph(litellm.completion, "models[0]")
    ModelDispatcher([keyless]).for_chatcompletions.morph(litellm.completion, "models[0]")
    make_router(ModelDispatcher([keyless, unset]))
    assert len({each.category for each in recwarn if issubclass(each.category, ConfigWarning)}) == 3
    for each in recwarn:
        assert CANARY not in f"{each.message} {each.message!r} {each.message.args!r}"
        assert CANARY not in warnings.formatwarning(each.message, each.category, "f", 1)


# a provider that quotes what it was sent


@pytest.fixture
def echo(httpserver):
    """A provider that fails with a response that quotes the request, including keys."""

    def quote(request):
        message = f"no: {request.headers} {request.get_data(as_text=True)} {request.url}"
        body = json.dumps({"error": {"message": message}})
        return Response(body, 401, mimetype="application/json")

    httpserver.respond_nohandler = lambda request, *_: quote(request)
    return f"127.0.0.1:{httpserver.port}"


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
    levels = {logger: logger.level for logger in map(logging.getLogger, LOGGERS)}
    for logger in levels:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield stream
    for logger, level in levels.items():
        logger.removeHandler(handler)
        logger.setLevel(level)


def test_echoing_provider(echo, logged, monkeypatch):
    """A provider that quotes the request is reported and logged without secrets."""
    monkeypatch.setenv("HELD", f"{CANARY}-env")
    dispatcher = ModelDispatcher([echoed(echo) | {"client_secret": "os.environ/HELD"}])
    error = raised(CompletionError, next, converse(dispatcher, "hello"))
    assert "no: " in logged.getvalue(), "nothing was logged, so this shows nothing"
    output = [*all_of(error), logged.getvalue()]
    assert "did not answer" in output[0]
    assert "Bearer" in output[0] or "***" in output[0]
    assert not [text for text in output if CANARY in text]


# every command


COMMAND_LINES = [
    "run {config} hello",
    "run {bad} hello",
    "export {config} --to litellm-proxy",
    "export {bad} --to litellm-proxy",
    f"export {{config}} --to litellm-proxy --redis redis://:{CANARY}@h",
    "show {config} --json",
    "check {config} --json",
    "check {bad} --format github",
    *(f"{name} {file}" for name in COMMANDS if name not in ("run", "export")
      for file in ("{config}", "{bad}")),
]  # fmt: skip


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_commands(line, echo, models, write):
    """No command prints a secret."""
    config = {"models": [echoed(echo), models[0]]}
    wrong = [models[0] | {"roles": ["nothing", {URL: "review"}]}]
    wrong += [secrets_by_key(), {"model": SETTINGS}]
    bad = {"models": wrong, "router_settings": SETTINGS}
    for name, content in (("config.json", config), ("bad.json", bad)):
        write(name, json.dumps(content, indent=1))
    arguments = line.format(config="config.json", bad="bad.json").split()
    done = program.run(*arguments, COLUMNS="1000", OPENAI_API_KEY=SECRET)
    assert done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert CANARY not in done.stdout
    assert CANARY not in done.stderr


@pytest.mark.parametrize("code", [0, 1])
def test_turns(code, write):
    """No turn shows a secret in the name of a model or in its task."""
    keys = {"roles": {"chatcompletions": URL, "postcompletions": f"see {URL}"}}
    mute = {"name": URL, "model": f"openai/{URL}", "mock_response": "litellm.RateLimitError"}
    spare = {"name": f"{URL}/2", "model": "gpt-4o", "mock_response": "hello"}
    models = [mute | keys] if code else [mute | keys, spare | keys]
    done = program.run("run", write("c.json", {"models": models}), "hello", COLUMNS="200")
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
    """The display name of a model contains no secret."""
    assert display_name(model) == called


# the rule


@pytest.mark.parametrize("name", [*SECRET_NAMES, *PLAIN.split()])
def test_names(name):
    """Keys named like a secret are secret, and others are not."""
    assert is_secret(name) == (name in SECRET_NAMES)


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
    ("text", "shown"),
    [
        # a URL is shown without its user information and its keys
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
        # what a part of it holds that is no key stays, and so does a reference
        ("https://h/v1?api-version=2024-10-21", "https://h/v1?api-version=2024-10-21"),
        ("https://h/v1?model=gpt-4o", "https://h/v1?model=gpt-4o"),
        ("https://h/v1?code=os.environ/CODE", "https://h/v1?code=os.environ/CODE"),
        # a missing space shows no secret
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
        # shapes of keys, under any name
        ("note: fw_3ZabcdefABCDEF0123456789 here", "note: *** here"),
        ("csk-abcdef0123456789abcdef0123", "***"),
        ("tgp_v1_abcdef0123456789ABC", "***"),
        ("dapi0123456789abcdef0123456789abcdef", "***"),
        ("tvly-dev-abcdef0123456789", "***"),
        ("fw_a_name_that_is_longer_than_a_key", "fw_a_name_that_is_longer_than_a_key"),
    ],
)
def test_texts(text, shown):
    """Secrets in the URLs and assignments of a text are hidden."""
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


def test_long_texts():
    """A very long name counts as a secret, and long strings are redacted too."""
    assert is_secret("x" * 1_000_000)
    assert not is_secret("x" * 100)
    for text in ("://a:" * 20_000, f"://{'a' * 200_000}@", "key:" * 50_000 + "]" * 50_000):
        assert redact_text(text)


def test_shown_values():
    """References, empty values and paths of files are shown; a set is shown sorted."""
    held = {"api_key": "os.environ/KEY", "token": None, "password": False, "secret": "none"}
    held["vertex_credentials"] = "/etc/keys/service-account.json"
    held["azure_ad_token"], held["Authorization"] = "oidc/azure/me", "Bearer os.environ/KEY"
    assert redact(held) == held
    assert redact({"tags": {"b", "a"}, "token": {"x"}}) == {"tags": ["a", "b"], "token": ["***"]}


def test_schemas():
    """A JSON Schema's property `password` is not secret; a value of that name is."""
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
    for text in json.dumps(held).replace('"', " ").split():
        assert CANARY not in scrub(text, secret_values(held))


def test_scrub_credentials():
    """A secret in a string of JSON is scrubbed, whatever key holds the string."""
    secrets = secret_values({"notes": json.dumps({"client_secret": CANARY})})
    assert scrub(f"no such client: {CANARY}", secrets) == "no such client: ***"


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
def test_broken_files(name, write):
    """What is wrong in a broken file is reported without its secrets."""
    file = write(f"c.{name.rpartition('.')[2]}", BROKEN[name])
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


class Holder(typing.NamedTuple):
    api_key: str
    number: int = 1


class Opaque:
    def __init__(self, text):
        self.api_key = text

    def __repr__(self):
        return self.api_key


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Holder("canary"), {"api_key": "***", "number": 1}),
        (collections.deque([Holder("canary", 2)]), [{"api_key": "***", "number": 2}]),
        (Opaque("canary"), "<Opaque>"),
        (types.SimpleNamespace(api_key="canary"), "<SimpleNamespace>"),
        (ValueError("canary"), "<ValueError>"),
        (collections.UserString("canary"), "<UserString>"),
        (collections.UserDict(api_key="canary"), {"api_key": "***"}),
        ([("X-Api-Key", "canary"), ("X-Title", "a")], [["X-Api-Key", "***"], ["X-Title", "a"]]),
        (b"sk-proj-canary123", "***"),
        (print, "<print>"),
        (datetime.date(2026, 1, 2), datetime.date(2026, 1, 2)),
        ({"api_key": {"can4ry": None}}, {"api_key": {"***": None}}),
        ({"extra_headers": ["Authorization: Bearer canary"]},
         {"extra_headers": ["Authorization: ***"]}),
        ('{"client_id": "x", "client_secret": "can-ary"}', "***"),
        ('write {"token": "string"}', 'write {"token": "string"}'),
        ('see {"x.api_key":"canary"}', 'see {"x.api_key":"***"}'),
        ({"stop": ("token", "end")}, {"stop": ["token", "end"]}),
        ({"api_keys": {"team1": "os.environ/A"}}, {"api_keys": {"team1": "os.environ/A"}}),
        ({"_asdict": 1, "t": Holder}, {"_asdict": 1, "t": "<Holder>"}),
    ],
)  # fmt: skip
def test_odd_holders(value, shown):
    """A secret is hidden in any container; other objects show their type."""
    assert redact(value) == shown
    assert "canary" not in repr(freeze({"value": value}))


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        ({"extra_headers": ["Authorization: Bearer canary"]}, [("extra_headers", 0)]),
        ({"api_key": {"can4ry": None}}, [("api_key", "can4ry")]),
        ({"creds": '{"client_secret": "canary"}'}, [("creds",)]),
        ({"notes": '{"client_secret": "canary"}'}, [("notes",)]),
        ({"password": datetime.date(2026, 1, 2)}, [("password",)]),
        ({"tags": ["secret santa", "token usage"], "api_keys": {"team1": "os.environ/A"}}, []),
        ({"prompt": 'answer with {"token": "…"}', "m": {1: "password: x"}}, []),
        ({"x": float("nan"), "f": print, "o": Opaque("canary"), "eot_token": 3}, []),
        ({"a": "xai-grok-code-fast-1", "b": "hf_llama_3_8b_chat", "key": "NotRequired"}, []),
        ({"steps": [{"on_pass": "allow"}], "hosted_keys": ["litellm_master_key"]}, []),
        ({"hide_secrets_guard": {"callbacks": ["hide_secrets"]}, "access_token_url": "a"}, []),
        ({"aws_web_identity_token": "/var/run/secrets/eks.amazonaws.com/token"}, []),
        ({"a": "xai-3fA9bC2dE8gH1k", "b": "hf_AbCdEfGhIjKlMn"}, [("a",), ("b",)]),
    ],
)
def test_literals(value, paths):
    """Exactly the literal secrets are hidden."""
    assert list(literal_secrets(value)) == paths
