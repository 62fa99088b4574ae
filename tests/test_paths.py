"""Paths: every shape picks what it says, every malformed one shows where, none shows a secret."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import ConfigMorpher
from dispatch.config.paths import parse, pick, show
from dispatch.errors import (
    DispatchError,
    MissingIndexError,
    MissingKeyError,
    PathError,
    PathSyntaxError,
)
from dispatch.frozen import freeze, thaw

CONFIG: dict[str, Any] = {
    "models": [
        {
            "name": "fast",
            "model": "gemini/gemini-2.5-flash",
            "id": 1,
            "on": True,
            "api_key": "sk-canary",
            "roles": {"postcompletions": "sum up"},
            "stops": [{"text": "a"}, {"text": "b"}],
        },
        {"name": "smart", "model": "gpt-4o", "id": "2", "t": 0.5, "x": None, "on": False},
        {"name": "it's [odd]", "model": "a=b: c/d.e", "id": 3.0, "stops": [], "my key": "yes"},
        {"name": "this or that", "model": "modèle ☃", "id": True, "x": "null", "t": "0.5"},
        {"name": 'say "hi"', "model": "no", "on": "true", "1": "one", "2nd": "two", "empty": ""},
    ],
    "tools": {"roles": ["a", "b"], "v1.5": {"on/off": 1}, "": "no name", "it's": 2, "[0]": 3},
}
TREE = freeze(CONFIG)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("models", CONFIG["models"]),
        ("tools.roles", ["a", "b"]),
        ("tools.roles[1]", "b"),
        ("models[0]", CONFIG["models"][0]),
        ("models[0].roles.postcompletions", "sum up"),
        ("models[0].roles", {"postcompletions": "sum up"}),
        ("models[-1].name", 'say "hi"'),
        ("models[ 0 ].name", "fast"),
        ("models[ -5 ].name", "fast"),
        ("models.[0].name", "fast"),
        ("models[0].stops[text=b].text", "b"),
        ("models[name=smart].model", "gpt-4o"),
        ("models.[name=smart].model", "gpt-4o"),
        # quoted keys, as steps and as selectors
        ("tools.'v1.5'", {"on/off": 1}),
        ("tools['v1.5']['on/off']", 1),
        ('tools["v1.5"]."on/off"', 1),
        ("tools[ 'v1.5' ].on/off", 1),
        ("tools['']", "no name"),
        ("tools.''", "no name"),
        ('tools."it\'s"', 2),
        ("tools.it's", 2),
        ("tools['[0]']", 3),
        ("'models'[0].name", "fast"),
        ("['models'][0].name", "fast"),
        # all items
        ("models[*].name", [model["name"] for model in CONFIG["models"]]),
        ("models[*]", CONFIG["models"]),
        ("models[ * ][ 'name' ]", [model["name"] for model in CONFIG["models"]]),
        ("tools.roles[*]", ["a", "b"]),
        ("models[0].stops[*].text", ["a", "b"]),
        ("models[2].stops[*].text", []),
        # a list of its parts
        (["models", "[0]", "name"], "fast"),
        (["models", 0, "name"], "fast"),
        (("models", -1, "name"), 'say "hi"'),
        (["models[0]", "name"], "fast"),
        (["models", "[name=smart].model"], "gpt-4o"),
        (["tools", "v1.5", "on/off"], 1),
        (["tools", ""], "no name"),
        (["tools", "['[0]']"], 3),
        ([], CONFIG),
    ],
)
def test_a_path_picks_what_stands_there(path, expected):
    assert thaw(pick(TREE, path)) == expected
    assert ConfigMorpher(CONFIG).fetch(path) == expected


@pytest.mark.parametrize(
    ("selector", "index"),
    [
        ("[name=fast]", 0),
        ("[ name = fast ]", 0),
        ("['name'='fast']", 0),
        ('["name"=fast]', 0),
        ("[name=  'fast'  ]", 0),
        ("[model=gemini/gemini-2.5-flash]", 0),
        ("[model=a=b: c/d.e]", 2),
        ("[model='a=b: c/d.e']", 2),
        ('[name="it\'s [odd]"]', 2),
        ("[name='this or that']", 3),
        ("[name='say \"hi\"']", 4),
        ("[model=modèle ☃]", 3),
        ("['my key'=yes]", 2),
        ("[1=one]", 4),
        ("[2nd=two]", 4),
        ("[empty='']", 4),
        # typed values: a bare one is what YAML would read, or the text itself; a quoted one is text
        ("[id=1]", 0),
        ("[id=1.0]", 0),
        ("[id=2]", 1),
        ("[id='2']", 1),
        ("[id=3]", 2),
        ("[id=true]", 3),
        ("[id=yes]", 3),
        ("[on=true]", 0),
        ("[on=on]", 0),
        ("[on=True]", 0),
        ("[on=off]", 1),
        ("[on='true']", 4),
        ("[x=null]", 1),
        ("[x=~]", 1),
        ("[x='null']", 3),
        ("[t=0.5]", 1),
        ("[t=5e-1]", 1),
        ("[t='0.5']", 3),
        # either of several, the first item that meets one
        ("[name=nobody or model=gpt-4o]", 1),
        ("[name=smart or model=gpt-4o]", 1),
        ("[name=smart or name=fast]", 0),
        ("[name='x or y'  or  'name'=\"smart\" or id=3]", 1),
        ("[name=nobody or 'my key'=yes]", 2),
        ("[name=nobody or name=or or name='this or that']", 3),
    ],
)
def test_a_selector_picks_the_first_item_that_it_is_true_of(selector, index):
    assert pick(TREE, f"models{selector}") is TREE["models"][index]


def test_one_and_true_and_the_text_1_are_three_values():
    """A file that says `id: 1` does not say `id: true`, though Python holds them equal."""
    tree = freeze({"items": [{"id": True}, {"id": "1"}, {"id": 1}]})
    assert pick(tree, "items[id=true]") == {"id": True}
    assert pick(tree, "items['id'='1']") == {"id": "1"}
    only = freeze({"items": [{"id": True}, {"id": 1}]})
    assert pick(only, "items[id=1]")["id"] is not True


def test_lists_searched_one_after_the_other_are_not_mistaken_for_each_other():
    """Though each comes to stand where the last one stood, and an index of it was remembered."""
    for number in range(1000):
        tree = freeze({"items": [{"id": number, "key": "a"}, {"id": -1, "key": number}]})
        for _time in range(2):
            assert pick(tree, f"items[id={number}].key") == "a"
            assert pick(tree, f"items[key={number}].id") == -1
            with pytest.raises(MissingKeyError):
                pick(tree, f"items[id={number + 1}]")


def test_items_without_the_key_or_with_one_that_holds_a_container_never_match():
    items = [
        None,
        "id",
        ["id"],
        {},
        {"id": [1]},
        {"id": {"a": 1}},
        {"id": (1,)},
        {"id": 1, "at": 7},
    ]
    for kind in (list, tuple):
        tree = freeze({"items": kind(items)})
        assert pick(tree, "items[id=1].at") == 7
        assert pick(tree, "items[id=1 or at=7].at") == 7
        assert pick(tree, ["items", -1, "at"]) == 7
        with pytest.raises(MissingKeyError):
            pick(tree, "items[id=a]")


def test_what_a_stage_has_set_as_it_came_is_read_too():
    """`set` freezes nothing, and a stage of a user's own need not know of `freeze`."""
    model = freeze({"model": "m"}).set("tags", [{"id": 1, "at": "x"}]).set("more", {"deep": [1]})
    tree = freeze({"models": [model]})
    assert pick(tree, "models[0].tags[id=1].at") == "x"
    assert pick(tree, "models[0].more.deep[-1]") == 1
    assert ConfigMorpher(tree).fetch("models[*].tags[*].at") == [["x"]]
    with pytest.raises(MissingKeyError, match="no key 'dep'; did you mean 'deep'"):
        pick(tree, "models[0].more.dep")


def test_all_items_nest_one_list_in_another():
    tree = freeze({"a": [{"b": [{"c": 1}, {"c": 2}]}, {"b": []}, {"b": [{"c": 3}]}]})
    assert thaw(pick(tree, "a[*].b[*].c")) == [[1, 2], [], [3]]


MALFORMED = [  # the path, and the column of its caret
    ("", 1),
    (".", 1),
    (".models", 1),
    ("models.", 8),
    ("models..name", 8),
    ("models]", 7),
    ("models[", 8),
    ("models[]", 8),
    ("models[ ]", 9),
    ("models[0", 9),
    ("models[0 ", 10),
    ("models[*", 9),
    ("models[**]", 9),
    ("models['name'", 14),
    ("models[0]name", 10),
    ("models[0]'name'", 10),
    ("models[name=fast]name", 18),
    ("models[abc]", 8),
    ("models[abc def=1]", 8),
    ("models[ abc ]", 9),
    ("models[0:1]", 8),
    ("models[1.5]", 8),
    ("models[9999999999999999999]", 8),
    ("models[+1]", 8),
    ("models[-]", 8),
    ("models[0, 1]", 8),
    ("models[0][abc]", 11),
    ("models[name=]", 13),
    ("models[name= ]", 14),
    ("models[=fast]", 8),
    ("models[name==fast]", 13),
    ("models[name!=fast]", 8),
    ("models[id>=1]", 8),
    ("models[name=fast", 17),
    ("models[name=[fast]]", 13),
    ("models[name='fast]", 13),
    ("models['name]", 8),
    ("models[name='fast'x]", 19),
    ("models[name=fast or]", 20),
    ("models[name=fast or ]", 21),
    ("models[name=fast or smart]", 21),
    ("models[name=fast or 'smart']", 21),
    ("models[name=fast or model=]", 27),
    ("tools.'roles", 7),
    ("tools.'roles'x", 14),
    ("modèle☃[abc]", 9),
]


@pytest.mark.parametrize(("path", "column"), MALFORMED)
def test_a_malformed_path_is_refused_with_a_caret_under_the_character(path, column):
    for default in ((), (None,)):  # a default is no excuse for a typo
        with pytest.raises(PathSyntaxError, match="malformed path: ") as caught:
            ConfigMorpher(CONFIG).fetch(path, *default)
        assert caught.value.column == column
        drawn = [f"  {path}", "  " + " " * (column - 1) + "^"] if path else []
        assert str(caught.value).splitlines()[1:] == drawn


@pytest.mark.parametrize("path", [None, 0, 1.5, True, b"models", {"models"}, {"models": 0}])
def test_what_is_neither_text_nor_list_of_parts_is_no_path(path):
    """`fetch(None)` above all, which must not hand out the whole configuration."""
    with pytest.raises(PathSyntaxError, match=f"not a {type(path).__name__}$"):
        ConfigMorpher(CONFIG).fetch(path, None)


@pytest.mark.parametrize("part", [None, True, 1.5, ["x"], b"models"])
def test_a_part_that_is_neither_text_nor_number_is_refused(part):
    with pytest.raises(PathSyntaxError, match=f"not a {type(part).__name__}"):
        ConfigMorpher(CONFIG).fetch(["models", part], None)


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        ("model", MissingKeyError, "model: no key 'model'; did you mean 'models'?"),
        ("zzz", MissingKeyError, "zzz: no key 'zzz'; known: models, tools"),
        ("tools.role", MissingKeyError, "tools.role: no key 'role'; did you mean 'roles'?"),
        ("tools.rolls.x", MissingKeyError, "no key 'rolls'; did you mean 'roles'?"),
        ("models.name", MissingKeyError, "no key 'name' in a list; pick an item first"),
        ("models[0].name.x", MissingKeyError, "no key 'x' in a text"),
        ("models[0].id.x", MissingKeyError, "no key 'x' in a value"),
        ("models[9]", MissingIndexError, "models[9]: no item [9] in a list of 5 items"),
        ("models[-6]", MissingIndexError, "no item [-6] in a list of 5 items"),
        ("tools[0]", MissingKeyError, "[0] picks from a list, but this is a mapping"),
        ("tools[*]", MissingKeyError, "[*] picks from a list, but this is a mapping"),
        ("tools[a=b]", MissingKeyError, "[a='b'] picks from a list, but this is a mapping"),
        ("models[name=fats]", MissingKeyError, "no item with name='fats'; did you mean 'fast'?"),
        ("models[id='1']", MissingKeyError, "no item with id='1'; known: 2"),
        ("models[id=7]", MissingKeyError, "no item with id=7"),
        ("models[name=a or id=7]", MissingKeyError, "no item with name='a' or id=7"),
        ("models[nokey=a]", MissingKeyError, "models[nokey=a]: no item with nokey='a'"),
        ("models[*].t", MissingKeyError, "models[*].t: in item [0]: no key 't'; known: name"),
        (["models", 9], MissingIndexError, "models[9]: no item [9]"),
        (["tools", "v1.6"], MissingKeyError, "no key 'v1.6'; did you mean 'v1.5'?"),
    ],
)
def test_a_missing_step_is_named_with_what_is_near_and_a_default_absorbs_it(path, error, message):
    config = ConfigMorpher(CONFIG)
    with pytest.raises(error) as caught:
        config.fetch(path)
    assert message in str(caught.value)
    assert caught.value.path == show(path)
    assert config.fetch(path, "spare") == "spare"
    assert config.fetch(path, None) is None


def test_a_missing_step_is_the_builtin_error_that_users_catch():
    config = ConfigMorpher(CONFIG)
    for path, builtin in [
        ("zzz", ValueError),
        ("zzz", LookupError),
        ("models[name=zzz]", ValueError),
        ("models[9]", IndexError),
        ("models[", ValueError),
    ]:
        with pytest.raises(builtin):
            config.fetch(path)


SECRET = "sk-canary-1"


@pytest.mark.parametrize(
    "path",
    [
        f"models[api_key={SECRET}]",
        f"models[ api_key = {SECRET} ].name",
        f"models['api_key'={SECRET}]",
        f"models[api_key='{SECRET} or ]{SECRET}']",
        f'models["api_key" = "{SECRET}"][0]',
        f"models[name=x or api_key={SECRET}]",
        f"models[api_key={SECRET} or api_key={SECRET}]",
        f"models[name=x and api_key={SECRET}]",
        f"models[x-api-key={SECRET}]",
        f"models[api_base=https://me:{SECRET}@host/v1]",
        f"models[name='api_key={SECRET}']",
        f"models.api_key={SECRET}",
        f"models[0].'api_key: {SECRET}'",
        ["models", f"[api_key={SECRET}]"],
        ["models", f"api_key={SECRET}"],
        # malformed
        f"models[api_key={SECRET}",
        f"models[api_key={SECRET}]name",
        f"models[api_key=={SECRET}]",
        f"models[api_key!={SECRET}]",
        f"models[api_key:{SECRET}]",
        f"models[api_key {SECRET}]",
        f"models[api_key='{SECRET}]",
        f"models[api_key='{SECRET}'x]",
        f"models[api_key={SECRET} or name]",
        f"models[abc or api_key={SECRET}]",
        f"models[api_base=https://me:{SECRET}@host/v1",
    ],
)
def test_no_error_shows_a_secret_that_a_path_looks_for(path):
    """Neither the message, nor an argument, nor an error that it came from."""
    for ask in (
        lambda: ConfigMorpher(CONFIG).fetch(path),
        lambda: ConfigMorpher(CONFIG).morph(print, path),
    ):
        with pytest.raises(DispatchError) as caught:
            ask()
        error: BaseException | None = caught.value
        while error is not None:
            told = f"{error} {error!r} {error.args} {vars(error)}"
            assert SECRET not in told
            error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    ("path", "shown", "column"),
    [
        (f"m[api_key={SECRET}", "m[api_key=***", 14),
        (f"m[api_key={SECRET}]x", "m[api_key=***]x", 15),
        (f"m[api_key='{SECRET}'x]", "m[api_key=***x]", 14),
        (f"m[api_key={SECRET} or x]", "m[api_key=*** or x]", 18),
        (f"m[api_key={SECRET} token={SECRET}]x", "m[api_key=***]x", 15),
        (f"m[api_key={SECRET}][abc]", "m[api_key=***][abc]", 16),
        (f"m[api_base=http://a:{SECRET}@h]x", "m[api_base=http://***@h]x", 25),
    ],
)
def test_the_caret_stays_under_its_character_when_a_secret_is_hidden(path, shown, column):
    with pytest.raises(PathSyntaxError) as caught:
        parse(path)
    assert (caught.value.path, caught.value.column) == (shown, column)


def test_parsed_steps_show_no_secret():
    steps = parse(f"models[api_key={SECRET} or name=a]")
    assert repr(steps).endswith("conditions=(api_key=***, name='a')))")


def test_the_nearest_spelling_is_no_secret():
    config = ConfigMorpher({"models": [{"api_key": SECRET, "url": f"redis://a:{SECRET}@host"}]})
    for path in ("models[api_key=sk-canary]", "models[url=redis://host]"):
        with pytest.raises(MissingKeyError) as caught:
            config.fetch(path)
        assert SECRET not in str(caught.value)


def test_errors_survive_pickling():
    for path in ("models[", "models[9]", "zzz"):
        with pytest.raises(PathError) as caught:
            pick(TREE, path)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (type(again), str(again)) == (type(caught.value), str(caught.value))


any_keys = st.text().filter(lambda key: not ("'" in key and '"' in key))


def quote(text):
    return f'"{text}"' if "'" in text else f"'{text}'"


@given(st.lists(st.one_of(any_keys, st.integers(-2, 1)), min_size=1, max_size=6), st.data())
def test_whatever_is_quoted_or_indexed_is_found(steps, data):
    """Law: a path written with quotes, with brackets or in parts leads to what was put there."""
    value: Any = "here"
    for step in reversed(steps):
        if isinstance(step, str):
            value = {step: value, step + "'\"": 0}
        else:
            value = [value, 0] if step in (0, -2) else [0, value]
    tree = freeze({"root": value})
    written = "root" + "".join(
        f"[{step}]"
        if isinstance(step, int)
        else data.draw(
            st.sampled_from([f".{quote(step)}", f"[{quote(step)}]", f"[ {quote(step)} ]"])
        )
        for step in steps
    )
    assert pick(tree, written) == "here"
    parts = [
        f"[{quote(step)}]" if isinstance(step, str) and "[" in step else step for step in steps
    ]
    assert pick(tree, ["root", *parts]) == "here"


@given(st.lists(st.text() | st.integers() | st.booleans() | st.none(), min_size=1))
def test_a_bare_value_finds_its_own_type_or_the_text_that_it_is(values):
    """Law: what is found is the value itself, or an earlier text that is spelt the same."""
    tree = freeze({"items": [{"id": value} for value in values]})
    for value in values:
        if not isinstance(value, str):
            written = json.dumps(value)
            found = pick(tree, f"items[id={written}]")["id"]
            assert (type(found), found) in [(type(value), value), (str, written)]


@given(st.text(".[]'\"=*- or0ax☃") | st.text())
def test_every_text_is_a_path_or_refused_with_a_caret_inside_it(path):
    """Law: no other error comes out, and the caret stands in the path or right behind it."""
    refused = None
    try:
        parse(path)
    except PathSyntaxError as error:
        refused = error
    assert refused is None or 1 <= refused.column <= len(refused.path) + 1
