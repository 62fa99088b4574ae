"""Role groups as deployments of LiteLLM's Router: their content, and which model answers."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections import Counter

import pytest
import yaml

from dispatch import ModelDispatcher, Role, dispatch, make_router, model_list
from dispatch.errors import (
    ConfigError,
    ConfigWarning,
    CredentialLeakWarning,
    UnknownKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.litellm.deployments import find_idle_weights
from dispatch.litellm.router import warn_of_keys
from tests.agents import bodies
from tests.helpers import USER, places, raised

CHAT = "chatcompletions"
BOTH = [CHAT, {"postcompletions": "review"}]
FIRST = {"name": "first", "model": "openai/m-1", "temperature": 0, "system_prompt": "be brief"}
MOCK = {"model": "gpt-4o", "mock_response": "hi"}


def ask(router, role="chatcompletions", **arguments):
    response = router.completion(role, messages=[USER], **arguments)
    return response.choices[0].message.content


def single(*models, **settings):
    """Make a Router that tries once."""
    return make_router(ModelDispatcher(list(models)), num_retries=0, **settings)


# model_list


def test_deployments():
    """A role becomes a model name, and the position in the file the order."""
    first = FIRST | {"roles": BOTH, "rpm": 3}
    found = model_list(dispatch([first, {"model": "o3", "model_info": {"base_model": "o3"}}]))
    assert found == yaml.safe_load("""
    - model_name: chatcompletions
      litellm_params: &first
        {model: openai/m-1, temperature: 0, rpm: 3, order: 1, litellm_system_prompt: be brief}
      model_info: {id: first, roles: [chatcompletions]}
    - model_name: chatcompletions
      litellm_params: {model: o3, order: 2}
      model_info: {base_model: o3, id: "chatcompletions:2", roles: [chatcompletions]}
    - model_name: postcompletions
      litellm_params: *first
      model_info: {id: "first:postcompletions:1", roles: [postcompletions], task: review}
    """)


def test_deployments_are_fresh():
    """Changing the result affects no other caller."""
    groups = dispatch([{"model": "m", "extra_body": {"a": [1]}, "model_info": {"b": 2}}])
    before = json.dumps(model_list(groups))
    (first,) = model_list(groups)
    first["litellm_params"]["extra_body"]["a"].append(2)
    first["model_info"]["b"] = 3
    assert json.dumps(model_list(groups)) == before


def test_ids_are_unique():
    """Every assignment has an id, the first one that of its model's name."""
    tasks = [{"postcompletions": "a"}, {"postcompletions": "b"}, "chatcompletions"]
    models = [{"name": "one", "model": "m", "roles": tasks}, {"model": "m"}, {"model": "m"}]
    ids = [each["model_info"]["id"] for each in model_list(dispatch(models))]
    assert len(set(ids)) == len(ids) == 5
    assert ids[0] == "one"


def test_two_sets_of_parameters():
    """One model with parameters of a role is two deployments of one name."""
    roles = ["chatcompletions", {"postcompletions": {"task": "sum up", "temperature": 0}}]
    model = {"name": "a", "model": "m", "temperature": 1, "roles": roles}
    chat, post = model_list(dispatch([model]))
    assert chat["litellm_params"] == {"model": "m", "temperature": 1, "order": 1}
    assert post["litellm_params"] == {"model": "m", "temperature": 0, "order": 1}
    assert (post["model_info"]["id"], post["model_info"]["task"]) == (
        "a:postcompletions:1",
        "sum up",
    )


def test_borrowed_models():
    """A role that borrows models has deployments of its own, without their tasks being lost."""
    roles = ["chatcompletions", Role("title", otherwise="chatcompletions")]
    deployments = model_list(ModelDispatcher([FIRST], roles=roles).groups)
    names = [(each["model_name"], each["model_info"]["id"]) for each in deployments]
    assert names == [("chatcompletions", "first"), ("title", "first:title:1")]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ([{}, {}], [(1, None), (2, None)]),
        ([{"order": 1}, {"order": 1}, {"order": 2}], [(1, None), (1, None), (2, None)]),
        ([{}, {"order": 3}, {}], [(1, None), (3, None), (3, None)]),
        ([{"order": 1, "weight": 9}, {"order": 1}, {}], [(1, 9), (1, 1), (3, None)]),
        ([{}, {"order": 2, "weight": 3}], [(1, None), (2, 3)]),
        ([{"weight": 2}], [(1, 2)]),
        ([{"roles": {CHAT: {"order": 2}}}, {"order": 1, "weight": 0.5}], [(2, None), (1, 0.5)]),
    ],
)
def test_order_and_weight(models, expected):
    """Orders are the user's, or else follow the file; a weight beside others defaults to 1."""
    made = model_list(dispatch([{"model": "m"} | model for model in models]))
    params = [each["litellm_params"] for each in made]
    assert [(each.get("order"), each.get("weight")) for each in params] == expected


def test_idle_weight():
    """A weight has an effect if models of a role share an order, and is a warning otherwise."""
    alone = [{"model": "m", "weight": 2, "roles": BOTH}, {"model": "m"}]
    (fault,) = find_idle_weights(dispatch(alone))
    assert str(fault).startswith("models[0].weight: has no effect")
    shared = [{"model": "m", "weight": 2, "order": 1, "roles": BOTH}, {"model": "m", "order": 1}]
    assert not list(find_idle_weights(dispatch(shared)))
    assert not list(find_idle_weights(dispatch(shared[:1])))
    with pytest.warns(ConfigWarning, match=r"models\[0\]\.weight: has no effect"):
        make_router(ModelDispatcher([MOCK | {"weight": 2}, MOCK]))


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([{"order": "1"}], "models[0].order: expected a whole number, found a string"),
        ([{"order": True}], "models[0].order: expected a whole number, found the boolean True"),
        ([{"weight": "much"}], "models[0].weight: expected a number, found a string"),
        ([{"messages": []}], "models[0].messages: conflicts with a key that the Router needs"),
        ([{"model_info": "text"}], "models[0].model_info: expected a mapping, found a string"),
        ([{"model_info": {"id": 1}}], "models[0].model_info.id: conflicts"),
        ([{"model_info": {"task": 1}}], "models[0].model_info.task: conflicts"),
        ([{}, {"temperature": 1}], "models[1].name: duplicate name 'x' (also models[0])"),
        ([{"roles": BOTH}, {"name": "x:postcompletions:1"}], "duplicate name 'x"),
        ([{"name": "embed"}], "models[0].name: 'embed' is also the name of a role; leave it out"),
        ([{"headers": {"a": ["os.environ/KEY"]}}], "models[0].headers.a[0]: the Router"),
        ([{"api_key": ""}], "models[0].api_key: is empty"),
        (
            [{"roles": [CHAT, {"embed": {"order": "1"}}]}],
            "models[0].roles[1].embed.order: expected",
        ),
    ],
)
def test_collisions(models, message):
    """Keys that the Router does not support are an error, with their path."""
    written = [{"name": "x", "model": "m"} | model for model in models]
    embed = {"name": "e", "model": "m", "roles": ["embed"]}
    roles = ("chatcompletions", "postcompletions", "embed")
    dispatcher = ModelDispatcher([*written, embed], roles=roles)
    assert message in str(raised(ConfigError, model_list, dispatcher.groups))


def test_reference_stays():
    """A reference right under a key is left for the Router to resolve."""
    (made,) = model_list(dispatch([{"model": "m", "api_key": "os.environ/KEY"}]))
    assert made["litellm_params"]["api_key"] == "os.environ/KEY"


def test_own_keys_stay_out(model, provider):
    """Neither the reserved keys of a model nor the program's own reach the provider."""
    written = model("a", "good", tags=["fast"], price=3, enabled=True, model_info={"mode": "chat"})
    dispatcher = ModelDispatcher([written], own_keys=["tags", "price"])
    assert ask(make_router(dispatcher, num_retries=0)) == "good"
    assert bodies(provider)[0].keys() == {"model", "messages"}


# make_router


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
def test_failover(code, stream, model, provider):
    """If the first model fails, the second answers."""
    router = single(model("a", f"fail-{code}"), model("b", "good"), model("c", "never"))
    if stream:
        response = router.completion(CHAT, messages=[USER], stream=True)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in response) == "good"
    else:
        assert ask(router) == "good"
    assert {body["model"] for body in bodies(provider)} == {f"fail-{code}", "good"}


def test_failover_async(model):
    """An asynchronous call moves on to the second model too."""
    router = single(model("a", "fail-500"), model("b", "good"))
    response = asyncio.run(router.acompletion(CHAT, messages=[USER]))
    assert response.choices[0].message.content == "good"


def test_shared_load():
    """Models of one order share the load by their weights, 9 to 1 within chance."""
    shares = {"a": {"order": 1, "weight": 9}, "b": {"order": 1, "weight": 1}, "c": {"order": 2}}
    made = [MOCK | {"name": name, "mock_response": name, **share} for name, share in shares.items()]
    router = single(*made)
    answers = Counter(ask(router) for _ in range(200))
    assert answers.keys() == {"a", "b"}
    assert 3 <= answers["b"] <= 50


def test_request(model, provider, monkeypatch):
    """What arrives is what the user wrote, each reference resolved at any depth."""
    monkeypatch.setenv("TEAM", "blue")
    sent = {"temperature": 0.5, "top_k": 3, "weird": "kept"}
    deep = {"extra_body": {"deep": {"er": "os.environ/TEAM"}}}
    deep["extra_headers"] = {"X-Team": "os.environ/TEAM"}
    router = single(model("a", "good", BOTH, system_prompt="be brief", **sent, **deep))
    ask(router, "postcompletions")
    ((request, _),) = provider.log
    assert request.headers["Authorization"] == "Bearer canary-a"
    assert request.headers["X-Team"] == "blue"
    messages = [{"role": "system", "content": "be brief"}, USER]
    expected = {"model": "good", "messages": messages, "deep": {"er": "blue"}, **sent}
    assert request.get_json() == expected


def test_parameters_of_a_role(model, provider):
    """Each role of one model has the body that the parameters of the role ask for."""
    post = {"postcompletions": {"task": "sum up", "temperature": 0, "system_prompt": "Be terse."}}
    router = single(model("a", "good", [CHAT, post], temperature=0.7))
    ask(router)
    ask(router, "postcompletions")
    chat, post = bodies(provider)
    assert (chat["temperature"], chat["messages"]) == (0.7, [USER])
    assert post["temperature"] == 0
    assert post["messages"][0] == {"role": "system", "content": "Be terse."}


def test_system_prompts(model, provider):
    """Each model answers with its own system prompt."""
    ask(single(*(model(n, m, system_prompt=n) for n, m in [("a", "fail-500"), ("b", "good")])))
    assert [body["messages"][0]["content"] for body in bodies(provider)] == ["a", "b"]


def test_numbers_from_the_environment(monkeypatch):
    """A reference under a key that takes a number becomes one, in models and in settings."""
    monkeypatch.setenv("WEIGHT", "100")
    monkeypatch.setenv("RETRIES", "0")
    models = [MOCK | {"order": 1, "weight": "os.environ/WEIGHT"}, MOCK | {"order": 1}]
    router = make_router(ModelDispatcher(models), num_retries="os.environ/RETRIES")
    assert ask(router) == "hi"
    monkeypatch.setenv("RETRIES", "few")
    with pytest.raises(ConfigError, match=r"router_settings\.num_retries: .*RETRIES"):
        make_router(ModelDispatcher(models), num_retries="os.environ/RETRIES")


def test_unset_variable(model, monkeypatch):
    """A model that refers to an unset variable is left out, and blocks no other."""
    monkeypatch.delenv("ABSENT", raising=False)
    models = [model("a", "x", BOTH, api_key="os.environ/ABSENT"), model("b", "good", BOTH)]
    with pytest.warns(UnsetVariableWarning) as caught:
        router = single(*models)
    (message,) = [str(each.message) for each in caught]
    assert message.startswith("models[0].api_key: ABSENT is not set")
    assert "left out" in message
    assert ask(router) == "good"


def test_every_variable_unset(model, monkeypatch):
    """If no model is left, the unset variables are one error with all locations."""
    monkeypatch.delenv("ABSENT", raising=False)
    models = [model(name, "x", api_key="os.environ/ABSENT") for name in "ab"]
    error = raised(UnsetVariableError, single, *models)
    assert error.variable == "ABSENT"
    assert places(error.faults) == ["models[0].api_key", "models[1].api_key"]


def test_unknown_provider():
    """A model that LiteLLM cannot call is left out with its location, and the others work."""
    models = [
        MOCK | {"name": "a"},
        MOCK | {"name": "b", "model": "zhipu/glm", "roles": BOTH},
        MOCK | {"name": "c", "rpm": "ten"},
    ]
    with pytest.warns(ConfigWarning) as caught:
        router = make_router(ModelDispatcher(models))
    provider, value = (str(each.message) for each in caught)
    assert provider.startswith("models[1].model: LiteLLM does not know the provider of 'zhipu/glm'")
    assert value.startswith("models[2].rpm: LiteLLM rejects this: ")
    assert ask(router) == "hi"


def test_every_model_unusable(capsys):
    """If LiteLLM can call no model, all locations are in one error, without secrets."""
    models = [
        {"model": "no-such-vendor", "api_key": "sk-canary"},
        {"model": "zhipu/glm", "api_key": "os.environ/ABSENT"},
    ]
    error = raised(ConfigError, single, *models)
    assert places(error.faults) == ["models[0].model", "models[1].api_key"]
    assert "sk-canary" not in str(error)
    assert error.__context__ is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_retrys": 2}, "unknown setting 'num_retrys'; did you mean 'num_retries'?"),
        ({"routing_strategy": "least-buzy"}, "'least-buzy'; did you mean 'least-busy'?"),
        ({"timeout": "30s"}, "router_settings.timeout: expected a number, found a string; write"),
        ({"num_retries": True}, "expected a whole number, found the boolean True"),
        ({"model_group_alias": 3}, "router_settings.model_group_alias: expected a mapping"),
        ({"model_list": []}, "unknown setting 'model_list'"),
        ({"fallbacks": [{CHAT: ["backup"]}]}, "fallbacks[0].chatcompletions[0]: no"),
        ({"fallbacks": [{"chat": ["first"]}]}, "[0].chat: no role or model is named 'chat'"),
        ({"context_window_fallbacks": [{CHAT: ["x"]}]}, "is named 'x'"),
        ({"content_policy_fallbacks": [{"*": [{"model": "x"}]}]}, "is named 'x'"),
        ({"default_fallbacks": ["postcompletions"]}, "no model plays role 'postcompletions'"),
        ({"fallbacks": [{CHAT: "first"}]}, "[0].chatcompletions: is not a list"),
        ({"fallbacks": {CHAT: ["first"]}}, "fallbacks: expected a list"),
        ({"fallbacks": ["first", 7]}, "fallbacks[1]: is not a list of fallbacks"),
        ({"fallbacks": [{CHAT: [{"api_key": "x"}]}]}, "is not a list of fallbacks"),
    ],
)
def test_wrong_settings(settings, message):
    """Settings that LiteLLM would reject, or fail with later, are an error first."""
    dispatcher = ModelDispatcher([FIRST])
    assert message in str(raised(ConfigError, make_router, dispatcher, **settings))
    dispatcher = ModelDispatcher({"models": [FIRST], "router_settings": settings})
    assert message in str(raised(ConfigError, make_router, dispatcher))


def test_refused_router():
    """A rejection by LiteLLM itself is an error without secrets."""
    dispatcher = ModelDispatcher([FIRST | {"api_key": "sk-canary"}])
    with pytest.raises(ConfigError, match="LiteLLM rejects this Router: ") as caught:
        make_router(dispatcher, fallbacks=[{"first": ["first"]}], routing_groups=[3])
    assert caught.value.__context__ is None


@pytest.mark.parametrize("target", ["backup", "b", "alias"])
def test_fallback(target, model):
    """A fallback to another role, to one model or to an alias works."""
    models = [model("a", "fail-500"), model("b", "good", ["backup"])]
    tree = {"models": models, "router_settings": {"model_group_alias": {"alias": "backup"}}}
    dispatcher = ModelDispatcher(tree, roles=(CHAT, "backup"))
    router = make_router(dispatcher, fallbacks=[{CHAT: [target]}], num_retries=0)
    assert ask(router) == "good"


def test_sections(model, provider):
    """The settings of a configuration apply as in the proxy; given ones override them."""
    models = [model("a", "fail-500"), model("b", "good", ["postcompletions"])]
    fallbacks = [{CHAT: ["postcompletions"]}]
    tree = {"models": models, "litellm_settings": {"fallbacks": fallbacks, "num_retries": 0}}
    assert ask(make_router(ModelDispatcher(tree))) == "good"
    assert len(provider.log) == 2
    tree["router_settings"] = {"fallbacks": [{"postcompletions": [CHAT]}]}
    with pytest.raises(Exception, match=r"fail-500|no: "):
        ask(make_router(ModelDispatcher(tree)))
    assert ask(make_router(ModelDispatcher(tree), fallbacks=fallbacks)) == "good"


def test_warned_once():
    """Two models without a name are each warned of, once for all of their roles."""
    typos = [{"model": "m", typo: 1, "roles": BOTH} for typo in ("temprature", "max_tokns")]
    with pytest.warns(UnknownKeyWarning) as caught:
        warn_of_keys(dispatch(typos))
    found = [each.message.args[0].where for each in caught]
    assert found == ["models[0].temprature", "models[1].max_tokns"]


def test_keys_that_look_wrong(monkeypatch, recwarn):
    """Warnings name the place in the models and point at the caller."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    wrong = FIRST | {"max_tokns": 1, "api_base": "http://localhost:1", "roles": BOTH}
    warnings.simplefilter("always")
    make_router(ModelDispatcher([wrong]))
    assert [each.category for each in recwarn] == [UnknownKeyWarning, CredentialLeakWarning]
    assert str(recwarn[0].message).startswith("models[0].max_tokns: ")
    assert {each.filename for each in recwarn} == {__file__}


def test_provider_beside_the_name():
    """A model whose provider LiteLLM does not know is left out too."""
    models = [MOCK | {"custom_llm_provider": "opneai"}, MOCK]
    with pytest.warns(ConfigWarning, match="has no provider 'opneai', so this model is left out"):
        assert ask(make_router(ModelDispatcher(models))) == "hi"


def test_budget():
    """A model with a budget needs no event loop, and does not touch the program's."""
    router = make_router(ModelDispatcher([MOCK | {"max_budget": 5, "budget_duration": "1d"}]))
    answer = asyncio.run(router.acompletion(CHAT, messages=[USER]))
    assert answer.choices[0].message.content == ask(router) == "hi"
