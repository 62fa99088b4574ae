"""Paths into a configuration: what each form finds, and where errors point."""

from __future__ import annotations

import json
import pickle
from functools import partial
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dispatch import ConfigMorpher
from dispatch.config.paths import get, parse, show_path, trace
from dispatch.errors import (
    DispatchError,
    MissingIndexError,
    MissingKeyError,
    PathSyntaxError,
)
from dispatch.immutable import FrozenMap, freeze, thaw
from tests.helpers import raised

CONFIG: dict[str, Any] = yaml.safe_load("""
models:
- {name: fast, model: gemini/gemini-2.5-flash, id: 1, "on": true, api_key: sk-canary,
   roles: {postcompletions: sum up}, stops: [{text: a}, {text: b}]}
- {name: smart, model: gpt-4o, id: "2", t: 0.5, x: null, "on": false}
- {name: "it's [odd]", model: "a=b: c/d.e", id: 3.0, stops: [], my key: "yes"}
- {name: this or that, model: modèle ☃, id: true, x: "null", t: "0.5"}
- {name: say "hi", model: "no", "on": "true", "1": one, 2nd: two, empty: ""}
tools: {roles: [a, b], v1.5: {on/off: 1}, "": no name, "it's": 2, "[0]": 3}
""")
TREE = freeze(CONFIG)


NAMES = [model["name"] for model in CONFIG["models"]]

# fmt: off
PATHS = [
    ("models", CONFIG["models"]), ("tools.roles", ["a", "b"]), ("tools.roles[1]", "b"),
    ("models[0]", CONFIG["models"][0]), ("models[0].roles.postcompletions", "sum up"),
    ("models[0].roles", {"postcompletions": "sum up"}), ("models[-1].name", 'say "hi"'),
    ("models[ 0 ].name", "fast"), ("models[ -5 ].name", "fast"), ("models.[0].name", "fast"),
    ("models[0].stops[text=b].text", "b"), ("models[name=smart].model", "gpt-4o"),
    ("models.[name=smart].model", "gpt-4o"),
    # quoted keys, as steps and as selectors
    ("tools.'v1.5'", {"on/off": 1}), ("tools['v1.5']['on/off']", 1),
    ('tools["v1.5"]."on/off"', 1), ("tools[ 'v1.5' ].on/off", 1), ("tools['']", "no name"),
    ("tools.''", "no name"), ('tools."it\'s"', 2), ("tools.it's", 2), ("tools['[0]']", 3),
    ("'models'[0].name", "fast"), ("['models'][0].name", "fast"),
    # all items
    ("models[*].name", NAMES), ("models[*]", CONFIG["models"]), ("models[ * ][ 'name' ]", NAMES),
    ("tools.roles[*]", ["a", "b"]), ("models[0].stops[*].text", ["a", "b"]),
    ("models[2].stops[*].text", []),
    # a list of its parts
    (["models", "[0]", "name"], "fast"), (["models", 0, "name"], "fast"),
    (("models", -1, "name"), 'say "hi"'), (["models[0]", "name"], "fast"),
    (["models", "[name=smart].model"], "gpt-4o"), (["tools", "v1.5", "on/off"], 1),
    (["tools", ""], "no name"), (["tools", "['[0]']"], 3), ([], CONFIG),
]
# fmt: on


@pytest.mark.parametrize(("path", "expected"), PATHS)
def test_get(path, expected):
    """A path finds the value that it leads to."""
    assert thaw(get(TREE, path)) == expected
    assert ConfigMorpher(CONFIG).fetch(path) == expected


# fmt: off
SELECTORS = [  # a selector, and the index of the item
    ("[name=fast]", 0), ("[ name = fast ]", 0), ("['name'='fast']", 0), ('["name"=fast]', 0),
    ("[name=  'fast'  ]", 0), ("[model=gemini/gemini-2.5-flash]", 0), ("[model=a=b: c/d.e]", 2),
    ("[model='a=b: c/d.e']", 2), ('[name="it\'s [odd]"]', 2), ("[name='this or that']", 3),
    ("[name='say \"hi\"']", 4), ("[model=modèle ☃]", 3), ("['my key'=yes]", 2), ("[1=one]", 4),
    ("[2nd=two]", 4), ("[empty='']", 4),
    # typed values: a bare one is what YAML would read, or the string itself
    ("[id=1]", 0), ("[id=1.0]", 0), ("[id=2]", 1), ("[id='2']", 1), ("[id=3]", 2),
    ("[id=true]", 3), ("[id=yes]", 3), ("[on=true]", 0), ("[on=on]", 0), ("[on=True]", 0),
    ("[on=off]", 1), ("[on='true']", 4), ("[x=null]", 1), ("[x=~]", 1), ("[x='null']", 3),
    ("[t=0.5]", 1), ("[t=5e-1]", 1), ("[t='0.5']", 3),
    # conditions: the first item that meets one
    ("[name=none or model=gpt-4o]", 1), ("[name=smart or model=gpt-4o]", 1),
    ("[name=smart or name=fast]", 0), ("[name='x or y'  or  'name'=\"smart\" or id=3]", 1),
    ("[name=none or 'my key'=yes]", 2), ("[name=none or name=or or name='this or that']", 3),
]
# fmt: on


@pytest.mark.parametrize(("selector", "index"), SELECTORS)
def test_selector(selector, index):
    """A selector finds the first item that meets one of its conditions."""
    assert get(TREE, f"models{selector}") is TREE["models"][index]
    assert trace(TREE, f"models{selector}") == ("models", index)


def test_types():
    """The number 1, true and the string "1" are three values, though Python holds two equal."""
    tree = freeze({"items": [{"id": True}, {"id": "1"}, {"id": 1}]})
    assert get(tree, "items[id=true]") == {"id": True}
    assert get(tree, "items['id'='1']") == {"id": "1"}
    only = freeze({"items": [{"id": True}, {"id": 1}]})
    assert get(only, "items[id=1]")["id"] is not True


@pytest.mark.parametrize("kind", [list, tuple])
def test_items_that_never_match(kind):
    """An item without the key, or with a container under it, meets no condition."""
    never = [None, "id", ["id"], {}, {"id": [1]}, {"id": {"a": 1}}, {"id": (1,)}]
    tree = freeze({"items": kind([*never, {"id": 1, "at": 7}])})
    for path in ("items[id=1].at", "items[id=1 or at=7].at", ["items", -1, "at"]):
        assert get(tree, path) == 7
    raised(MissingKeyError, get, tree, "items[id=a]")


def test_plain_containers():
    """A plain dict or list in a tree, which `FrozenMap.of` lets in, is followed too."""
    model = FrozenMap.of({"tags": [{"id": 1, "at": "x"}], "more": {"deep": [1]}})
    tree = FrozenMap.of({"models": [model]})
    assert get(tree, "models[0].tags[id=1].at") == "x"
    assert get(tree, "models[0].more.deep[-1]") == 1
    assert ConfigMorpher(tree).fetch("models[*].tags[*].at") == [["x"]]
    with pytest.raises(MissingKeyError, match="no key 'dep'; did you mean 'deep'"):
        get(tree, "models[0].more.dep")


def test_nested_all():
    """One [*] below another gives a list of lists."""
    tree = freeze({"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": []}, {"b": [{"c": 3}]}]})
    assert thaw(get(tree, "a[*].b[*].c")) == [[1, 2], [], [3]]


# fmt: off
MALFORMED = [  # the path, and the column of its caret
    ("", 1), (".", 1), (".models", 1), ("models.", 8), ("models..name", 8), ("models]", 7),
    ("models[", 8), ("models[]", 8), ("models[ ]", 9), ("models[0", 9), ("models[0 ", 10),
    ("models[*", 9), ("models[**]", 9), ("models['name'", 14), ("models[0]name", 10),
    ("models[0]'name'", 10), ("models[name=fast]name", 18), ("models[abc]", 8),
    ("models[abc def=1]", 8), ("models[ abc ]", 9), ("models[0:1]", 9), ("models[1.5]", 9),
    (f"models[{'9' * 100}]", 107), ("models[+1]", 8), ("models[-]", 8), ("models[0, 1]", 9),
    ("models[0][abc]", 11), ("models[name=]", 13), ("models[name= ]", 14), ("models[=fast]", 8),
    ("models[name==fast]", 13), ("models[name!=fast]", 8), ("models[id>=1]", 8),
    ("models[name=fast", 17), ("models[name=[fast]]", 13), ("models[name='fast]", 13),
    ("models['name]", 8), ("models[name='fast'x]", 19), ("models[name=fast or]", 20),
    ("models[name=fast or ]", 21), ("models[name=fast or smart]", 21),
    ("models[name=fast or 'smart']", 21), ("models[name=fast or model=]", 27),
    ("tools.'roles", 7), ("tools.'roles'x", 14), ("modèle☃[abc]", 9),
]
# fmt: on


@pytest.mark.parametrize(("path", "column"), MALFORMED)
def test_malformed(path, column):
    """A malformed path is rejected with a caret under the character, default or not."""
    for default in ((), (None,)):  # a default is no excuse for a typo
        error = raised(PathSyntaxError, ConfigMorpher(CONFIG).fetch, path, *default)
        assert (error.column, "malformed path: " in str(error)) == (column, True)
        drawn = [f"  {path}", "  " + " " * (column - 1) + "^"] if path else []
        assert str(error).splitlines()[1:] == drawn


@pytest.mark.parametrize("wrong", [None, True, 1.5, b"models", {"models"}])
def test_no_path(wrong):
    """A path must be a string or a list of strings and numbers."""
    for path in (wrong, ["models", wrong]):
        with pytest.raises(PathSyntaxError, match=f"not a {type(wrong).__name__}$"):
            ConfigMorpher(CONFIG).fetch(path, None)


# fmt: off
KEY, INDEX = MissingKeyError, MissingIndexError
MISSING = [
    ("model", KEY, "model: no key 'model'; did you mean 'models'?"),
    ("zzz", KEY, "zzz: no key 'zzz'; known: models, tools"),
    ("tools.role", KEY, "tools.role: no key 'role'; did you mean 'roles'?"),
    ("tools.rolls.x", KEY, "no key 'rolls'; did you mean 'roles'?"),
    ("models.name", KEY, "no key 'name' in a list; pick an item first"),
    ("models[0].name.x", KEY, "no key 'x' in a string"),
    ("models[0].id.x", KEY, "no key 'x' in a number"),
    ("models[9]", INDEX, "models[9]: no item [9] in a list of 5 items"),
    ("models[9999999999999999999]", INDEX, "in a list of 5 items"),
    ("models[-6]", INDEX, "no item [-6] in a list of 5 items"),
    ("tools[0]", KEY, "[0] picks from a list, but this is a mapping"),
    ("tools[*]", KEY, "[*] picks from a list, but this is a mapping"),
    ("tools[a=b]", KEY, "[a='b'] picks from a list, but this is a mapping"),
    ("models[name=fats]", KEY, "no item with name='fats'; did you mean 'fast'?"),
    ("models[id='1']", KEY, "no item with id='1'; known: 2"),
    ("models[id=7]", KEY, "no item with id=7"),
    ("models[name=a or id=7]", KEY, "no item with name='a' or id=7"),
    ("models[nokey=a]", KEY, "models[nokey=a]: no item with nokey='a'"),
    ("models[*].t", KEY, "models[*].t: in models[0]: no key 't'; known: name"),
    (["models", 9], INDEX, "models[9]: no item [9]"),
    (["tools", "v1.6"], KEY, "no key 'v1.6'; did you mean 'v1.5'?"),
]
# fmt: on


@pytest.mark.parametrize(("path", "error", "message"), MISSING)
def test_missing(path, error, message):
    """A step that does not exist is named with similar ones, unless there is a default."""
    config = ConfigMorpher(CONFIG)
    with pytest.raises(error) as caught:
        config.fetch(path)
    assert message in str(caught.value)
    assert caught.value.path == show_path(path)
    assert config.fetch(path, "spare") == "spare"
    assert config.fetch(path, None) is None


@pytest.mark.parametrize(
    ("path", "builtin"),
    [
        ("zzz", ValueError),
        ("zzz", LookupError),
        ("models[name=zzz]", ValueError),
        ("models[9]", IndexError),
        ("models[", ValueError),
    ],
)
def test_builtin_errors(path, builtin):
    """A path that does not exist raises the builtin error that users catch; it can be pickled."""
    error = raised(builtin, ConfigMorpher(CONFIG).fetch, path)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))


SECRET = "sk-canary-1"


# fmt: off
SECRETS = [
    f"models[api_key={SECRET}]", f"models[ api_key = {SECRET} ].name",
    f"models['api_key'={SECRET}]", f"models[api_key='{SECRET} or ]{SECRET}']",
    f'models["api_key" = "{SECRET}"][0]', f"models[name=x or api_key={SECRET}]",
    f"models[api_key={SECRET} or api_key={SECRET}]", f"models[name=x and api_key={SECRET}]",
    f"models[x-api-key={SECRET}]", f"models[api_base=https://me:{SECRET}@host/v1]",
    f"models[name='api_key={SECRET}']", f"models.api_key={SECRET}",
    f"models[0].'api_key: {SECRET}'", ["models", f"[api_key={SECRET}]"],
    ["models", f"api_key={SECRET}"],
    # malformed
    f"models[api_key={SECRET}", f"models[api_key={SECRET}]name", f"models[api_key=={SECRET}]",
    f"models[api_key!={SECRET}]", f"models[api_key:{SECRET}]", f"models[api_key {SECRET}]",
    f"models[api_key='{SECRET}]", f"models[api_key='{SECRET}'x]",
    f"models[api_key={SECRET} or name]", f"models[abc or api_key={SECRET}]",
    f"models[api_base=https://me:{SECRET}@host/v1",
]
# fmt: on


@pytest.mark.parametrize("path", SECRETS)
def test_no_secret(path):
    """No error shows a secret of a path: no message, no argument, and no error before it."""
    config = ConfigMorpher(CONFIG)
    for ask in (config.fetch, partial(config.morph, print)):
        error: BaseException | None = raised(DispatchError, ask, path)
        while error is not None:
            assert SECRET not in f"{error} {error!r} {error.args} {vars(error)}"
            error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"m[api_key={SECRET}", "m[api_key=***…"),
        (f"m[api_key!='{SECRET}'x].name", "m[api_key=***…"),
        (f"m[name=a or api_key {SECRET}]x", "m[name=a or api_key=***…"),
        (f"m[api_base=http://a:{SECRET}@h]x", "m[api_base=http://***@h]x"),
        (["models", 0, f"[api_key={SECRET}]", "name"], "models[0][api_key=***…"),
        (["models", 0, "name"], "models[0].name"),
        ("x" * 9000, f"{'x' * 200}…"),
    ],
)
def test_show_path(path, shown):
    """A path is shown up to its first secret, and never at length."""
    assert show_path(path) == shown


def test_caret_after_a_hidden_password():
    """A caret is under its character where a URL in front of it lost its password."""
    error = raised(PathSyntaxError, parse, f"m[api_base=http://a:{SECRET}@h]x")
    assert (error.path, error.column) == ("m[api_base=http://***@h]x", 25)


def test_steps_are_a_path():
    """What `parse` returns is a path itself, whole or in part; it shows no secret."""
    *above, last = parse("models[name=smart].model")
    assert get(get(TREE, above), (last,)) == "gpt-4o"
    assert trace(TREE, parse("models[-1].name")) == ("models", 4, "name")
    assert show_path(parse("models[0].name")) == "models[0].name"
    steps = parse(f"models[api_key={SECRET} or name=a]")
    assert repr(steps).endswith("conditions=(api_key=***, name='a')))")


def test_no_secret_is_suggested():
    """The nearest spelling is never a secret."""
    config = ConfigMorpher({"models": [{"api_key": SECRET, "url": f"redis://a:{SECRET}@host"}]})
    for path in ("models[api_key=sk-canary]", "models[url=redis://host]"):
        assert SECRET not in str(raised(MissingKeyError, config.fetch, path))


any_keys = st.text().filter(lambda key: not ("'" in key and '"' in key))


def quote(text):
    return f'"{text}"' if "'" in text else f"'{text}'"


@given(st.lists(st.one_of(any_keys, st.integers(-2, 1)), min_size=1, max_size=6), st.data())
def test_quoted_and_indexed(steps, data):
    """A path with quotes, with brackets or in parts leads to what was put there."""
    value: Any = "here"
    for step in reversed(steps):
        if isinstance(step, str):
            value = {step: value, step + "'\"": 0}
        else:
            value = [value, 0] if step in (0, -2) else [0, value]
    tree = freeze({"root": value})
    forms = st.sampled_from([".{}", "[{}]", "[ {} ]"])
    written = "root" + "".join(
        f"[{step}]" if isinstance(step, int) else data.draw(forms).format(quote(step))
        for step in steps
    )
    assert get(tree, written) == "here"
    parts = [f"[{quote(each)}]" if "[" in str(each) else each for each in steps]
    assert get(tree, ["root", *parts]) == "here"


@given(st.lists(st.text() | st.integers() | st.booleans() | st.none(), min_size=1))
def test_bare_values(values):
    """A bare value matches what YAML reads it as, or an earlier string with that spelling."""
    tree = freeze({"items": [{"id": value} for value in values]})
    for value in values:
        if not isinstance(value, str):
            written = json.dumps(value)
            found = get(tree, f"items[id={written}]")["id"]
            assert (type(found), found) in [(type(value), value), (str, written)]


@given(st.text(".[]'\"=*- or0ax☃") | st.text())
def test_any_string(path):
    """Any string is a path, or is rejected with a caret in it or right after it."""
    refused = None
    try:
        parse(path)
    except PathSyntaxError as error:
        refused = error
    assert refused is None or 1 <= refused.column <= len(refused.path) + 1
