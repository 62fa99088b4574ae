"""Role groups as deployments of LiteLLM's Router: what they hold, and who answers."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from werkzeug import Response

from dispatch import ModelDispatcher, dispatch
from dispatch.conversation import converse
from dispatch.errors import (
    CompletionError,
    ConfigError,
    ForeignKeyWarning,
    SuspiciousKeyWarning,
    UnsetVariableError,
    UnsetVariableWarning,
)
from dispatch.llm.deployments import model_list
from dispatch.llm.router import make_router, warn_of_keys

ASKED = [{"role": "user", "content": "hi"}]
BOTH = ["chatcompletions", {"postcompletions": "review"}]
FIRST = {"name": "first", "model": "openai/m-1", "temperature": 0, "system_prompt": "be brief"}


@pytest.fixture
def provider(httpserver):
    """Answers in the name of the model; one called `fail-CODE` fails with that code."""

    def answer(request):
        body = request.get_json()
        name = body["model"]
        if name.startswith("fail-"):
            told = {"error": {"message": f"no: {request.headers['Authorization']}"}}
            return Response(json.dumps(told), int(name[5:]), mimetype="application/json")
        if name == "cut":  # it fails once it has begun
            return Response('data: {"error": {"message": "cut", "code": 500}}\n\n')
        if body.get("stream"):
            delta = {"role": "assistant", "content": name}
            chunk = {"id": "1", "object": "chat.completion.chunk", "model": name, "created": 1}
            chunk["choices"] = [{"index": 0, "delta": delta, "finish_reason": None}]
            lines = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
            return Response(lines, mimetype="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": name}}
        told = {"id": "1", "object": "chat.completion", "model": name, "created": 1}
        told["choices"] = [{**choice, "finish_reason": "stop"}]
        return Response(json.dumps(told), mimetype="application/json")

    httpserver.expect_request("/v1/chat/completions").respond_with_handler(answer)
    return httpserver


@pytest.fixture
def model(provider):
    def make(name, called, roles=("chatcompletions",), **keys):
        endpoint = {"api_base": provider.url_for("/v1"), "api_key": f"sk-{name}"}
        return {"name": name, "model": f"openai/{called}", "roles": list(roles)} | endpoint | keys

    return make


def bodies(provider):
    return [request.get_json() for request, _ in provider.log]


def text_of(response):
    return response.choices[0].message.content


# model_list


def test_a_role_becomes_a_model_name_and_the_place_in_the_file_the_order():
    models = [
        FIRST | {"roles": BOTH, "rpm": 3},
        {"model": "o3", "model_info": {"base_model": "o3", "mode": "chat"}},
    ]
    assert model_list(dispatch(models)) == [
        {
            "model_name": "chatcompletions",
            "litellm_params": {
                "model": "openai/m-1",
                "temperature": 0,
                "rpm": 3,
                "litellm_system_prompt": "be brief",
                "order": 1,
            },
            "model_info": {"id": "first", "roles": ["chatcompletions"]},
        },
        {
            "model_name": "chatcompletions",
            "litellm_params": {"model": "o3", "order": 2},
            "model_info": {
                "base_model": "o3",
                "mode": "chat",
                "id": "chatcompletions:2",
                "roles": ["chatcompletions"],
            },
        },
        {
            "model_name": "postcompletions",
            "litellm_params": {
                "model": "openai/m-1",
                "temperature": 0,
                "rpm": 3,
                "litellm_system_prompt": "be brief",
                "order": 1,
            },
            "model_info": {
                "id": "first:postcompletions:1",
                "roles": ["postcompletions"],
                "task": "review",
            },
        },
    ]


def test_nobody_else_sees_a_change_of_what_was_given():
    groups = dispatch([{"model": "m", "extra_body": {"a": [1]}, "model_info": {"b": 2}}])
    first = model_list(groups)
    first[0]["litellm_params"]["extra_body"]["a"].append(2)
    first[0]["model_info"]["b"] = 3
    again = model_list(groups)[0]
    assert again["litellm_params"]["extra_body"] == {"a": [1]}
    assert again["model_info"]["b"] == 2


def test_every_assignment_has_an_id_of_its_own():
    tasks = [{"postcompletions": "a"}, {"postcompletions": "b"}, "chatcompletions"]
    models = [{"name": "one", "model": "m", "roles": tasks}, {"model": "m"}, {"model": "m"}]
    ids = [each["model_info"]["id"] for each in model_list(dispatch(models))]
    assert len(set(ids)) == len(ids) == 5
    assert ids[0] == "one"


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ([{"order": 5}], "models.[name=x].order: collides with what the Router needs"),
        ([{"messages": []}], "models.[name=x].messages: collides with what the Router needs"),
        ([{"model_info": "text"}], "models.[name=x].model_info: expected a mapping"),
        ([{"model_info": {"id": 1}}], "models.[name=x].model_info.id: collides"),
        ([{"model_info": {"task": 1}}], "models.[name=x].model_info.task: collides"),
        ([{}, {"temperature": 1}], "models.[name=x]: two models have this name"),
        ([{"roles": BOTH}, {"name": "x:postcompletions:1"}], "two models have this name"),
        ([{"name": "embed"}], "models.[name=embed]: a role has this name too"),
        ([{"headers": {"a": ["os.environ/KEY"]}}], "models.[name=x].headers.a[0]: the Router"),
    ],
)
def test_what_collides_is_an_error_with_its_place(models, told):
    written = [{"name": "x", "model": "m"} | model for model in models]
    embed = {"name": "e", "model": "m", "roles": ["embed"]}
    dispatcher = ModelDispatcher(
        [*written, embed], roles=("chatcompletions", "postcompletions", "embed")
    )
    with pytest.raises(ConfigError) as caught:
        model_list(dispatcher.groups)
    assert told in str(caught.value)


def test_a_reference_right_under_a_key_stays_for_the_router_to_resolve():
    (made,) = model_list(dispatch([{"model": "m", "api_key": "os.environ/KEY"}]))
    assert made["litellm_params"]["api_key"] == "os.environ/KEY"


# make_router


@pytest.mark.parametrize("code", [400, 401, 404, 429, 500])
@pytest.mark.parametrize("stream", [False, True])
def test_where_the_first_model_fails_the_second_answers(code, stream, model, provider):
    models = [model("a", f"fail-{code}"), model("b", "good"), model("c", "never")]
    router = make_router(ModelDispatcher(models), num_retries=0)
    response = router.completion("chatcompletions", messages=ASKED, stream=stream)
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in response) == "good"
    else:
        assert text_of(response) == "good"
    assert {body["model"] for body in bodies(provider)} == {f"fail-{code}", "good"}


def test_it_answers_asynchronously_too(model):
    models = [model("a", "fail-500"), model("b", "good")]
    router = make_router(ModelDispatcher(models), num_retries=0)
    response = asyncio.run(router.acompletion("chatcompletions", messages=ASKED))
    assert text_of(response) == "good"


def test_what_arrives_is_what_the_user_wrote_and_no_key_of_the_programs_own(
    model, provider, monkeypatch
):
    monkeypatch.setenv("TEAM", "blue")
    written = model(
        "a",
        "good",
        BOTH,
        system_prompt="be brief",
        temperature=0.5,
        top_k=3,
        weird="kept",
        extra_body={"deep": {"er": "os.environ/TEAM"}},
        extra_headers={"X-Team": "os.environ/TEAM"},
    )
    router = make_router(ModelDispatcher([written]), num_retries=0)
    router.completion("postcompletions", messages=ASKED)
    ((request, _),) = provider.log
    assert request.headers["Authorization"] == "Bearer sk-a"
    assert request.headers["X-Team"] == "blue"
    assert request.get_json() == {
        "model": "good",
        "messages": [{"role": "system", "content": "be brief"}, *ASKED],
        "temperature": 0.5,
        "top_k": 3,
        "weird": "kept",
        "deep": {"er": "blue"},
    }


def test_each_model_answers_with_its_own_system_prompt(model, provider):
    models = [
        model("a", "fail-500", system_prompt="I am a"),
        model("b", "good", system_prompt="I am b"),
    ]
    make_router(ModelDispatcher(models), num_retries=0).completion(
        "chatcompletions", messages=ASKED
    )
    systems = [body["messages"][0]["content"] for body in bodies(provider)]
    assert systems == ["I am a", "I am b"]


def test_an_unset_variable_leaves_one_model_out_and_blocks_no_other(model, monkeypatch):
    monkeypatch.delenv("ABSENT", raising=False)
    models = [model("a", "x", api_key="os.environ/ABSENT"), model("b", "good", BOTH)]
    with pytest.warns(UnsetVariableWarning) as caught:
        router = make_router(ModelDispatcher(models), num_retries=0)
    told = str(caught[0].message)
    assert all(word in told for word in ("ABSENT", "'a'", "'chatcompletions'", "left out"))
    assert text_of(router.completion("chatcompletions", messages=ASKED)) == "good"


def test_where_no_model_is_left_the_unset_variable_is_an_error(model, monkeypatch):
    monkeypatch.delenv("ABSENT", raising=False)
    dispatcher = ModelDispatcher([model("a", "x", api_key="os.environ/ABSENT")])
    with (
        pytest.warns(UnsetVariableWarning),
        pytest.raises(UnsetVariableError, match="ABSENT is unset or empty"),
    ):
        make_router(dispatcher)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"fallbacks": [{"chatcompletions": ["backup"]}]}, ".fallbacks[0].chatcompletions[0]: "),
        ({"fallbacks": [{"chat": ["first"]}]}, ".fallbacks[0].chat: nobody plays 'chat'"),
        ({"context_window_fallbacks": [{"chatcompletions": ["x"]}]}, "nobody plays 'x'"),
        ({"content_policy_fallbacks": [{"*": [{"model": "x"}]}]}, "nobody plays 'x'"),
        ({"default_fallbacks": ["postcompletions"]}, "nobody plays 'postcompletions'"),
        ({"fallbacks": [{"chatcompletions": "first"}]}, "[0].chatcompletions: is no list"),
        ({"fallbacks": {"chatcompletions": ["first"]}}, ".fallbacks: is no list of fallbacks"),
        ({"fallbacks": ["first", 7]}, ".fallbacks[1]: is no list of fallbacks"),
        ({"fallbacks": [{"chatcompletions": [{"api_key": "x"}]}]}, "is no list of fallbacks"),
    ],
)
def test_a_fallback_to_what_nobody_plays_is_an_error(settings, told):
    with pytest.raises(ConfigError) as caught:
        make_router(ModelDispatcher([FIRST]), **settings)
    assert told in str(caught.value)


def test_a_fallback_to_another_role_or_one_model_serves(model, provider):
    roles = ("chatcompletions", "backup")
    models = [model("a", "fail-500"), model("b", "good", ["backup"])]
    for target in ("backup", "b"):
        router = make_router(
            ModelDispatcher(models, roles=roles),
            fallbacks=[{"chatcompletions": [target]}],
            num_retries=0,
        )
        assert text_of(router.completion("chatcompletions", messages=ASKED)) == "good"


def test_what_litellm_refuses_is_told_without_a_secret():
    dispatcher = ModelDispatcher([{"model": "no-such-vendor", "api_key": "sk-canary"}])
    with pytest.raises(ConfigError, match="no-such-vendor") as caught:
        make_router(dispatcher)
    assert "sk-canary" not in str(caught.value)
    assert caught.value.__context__ is None
    with pytest.raises(ConfigError, match="fallback_list"):
        make_router(ModelDispatcher([FIRST]), fallback_list=[])


def test_two_models_without_a_name_are_both_warned_of_once():
    slips = [{"model": "m", slip: 1, "roles": BOTH} for slip in ("temprature", "max_tokns")]
    with pytest.warns(SuspiciousKeyWarning) as caught:
        warn_of_keys(dispatch(slips))
    told = [str(each.message) for each in caught]
    assert len(told) == 2
    assert "temprature" in told[0]
    assert "max_tokns" in told[1]


def test_keys_that_look_wrong_are_told_once_for_each_model(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    wrong = FIRST | {"temprature": 1, "api_base": "http://localhost:1", "roles": BOTH}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make_router(ModelDispatcher([wrong]))
    assert [each.category for each in caught] == [SuspiciousKeyWarning, ForeignKeyWarning]
    assert str(caught[0].message).startswith("models.[name=first].temprature: ")
    assert {each.filename for each in caught} == {__file__}


# a conversation


def talk(models, **settings):
    dispatcher = ModelDispatcher(models)
    chat, posts = dispatcher.for_chatcompletions, dispatcher.for_postcompletions
    return [
        (
            turn.role,
            turn.model["name"],
            turn.instead_of and turn.instead_of["name"],
            "".join(turn.text),
        )
        for turn in converse(chat, posts, "hi", **settings)
    ]


@pytest.mark.parametrize("broken", ["fail-429", "fail-500", "cut"])
def test_a_conversation_tells_who_answers_instead_of_whom(broken, model):
    post = [{"postcompletions": "review"}]
    models = [
        model("a", broken),
        model("b", "good"),
        model("p", "fine", post),
        model("q", broken, post),
    ]
    assert talk(models) == [
        ("chatcompletions", "b", "a", "good"),
        ("postcompletions", "p", None, "fine"),
        ("postcompletions", "p", "q", "fine"),
    ]


def test_each_task_is_done_by_the_model_that_it_was_given_to(model):
    models = [
        model("a", "good", ["chatcompletions", {"postcompletions": "one"}]),
        model("b", "other", [{"postcompletions": "two"}, {"postcompletions": "three"}]),
    ]
    assert [turn[1:] for turn in talk(models)] == [
        ("a", None, "good"),
        ("a", None, "good"),
        ("b", None, "other"),
        ("b", None, "other"),
    ]


def test_an_answer_that_is_not_to_stream_comes_whole(model, provider):
    assert talk([model("a", "good", stream=False)])[0][-1] == "good"
    assert "stream" not in bodies(provider)[0] or bodies(provider)[0]["stream"] is False


def test_where_nobody_answers_the_error_names_all_and_holds_no_secret(model):
    with pytest.raises(CompletionError) as caught:
        talk([model("a", "fail-500"), model("b", "fail-401")])
    assert str(caught.value).startswith("models 'a', 'b' in role 'chatcompletions' did not answer")
    assert "sk-a" not in str(caught.value)
    assert "sk-b" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_role_all_of_whose_models_were_left_out_tells_the_variable(model, monkeypatch):
    monkeypatch.delenv("ABSENT", raising=False)
    models = [model("a", "good"), model("b", "x", ["postcompletions"], api_key="os.environ/ABSENT")]
    with (
        pytest.warns(UnsetVariableWarning),
        pytest.raises(UnsetVariableError, match="'b' in role 'postcompletions'"),
    ):
        talk(models)


def test_the_command_line_says_who_answers_and_heeds_the_settings_of_the_file(
    model, provider, tmp_path
):
    config = {
        "models": [model("a", "fail-500"), model("b", "good")],
        "router_settings": {"num_retries": 0, "timeout": 20},
    }
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    command = [sys.executable, "-m", "dispatch", "run", str(file), "hi"]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "chatcompletions · b (instead of a, which did not answer)\ngood\n" in done.stdout
    assert "sk-" not in done.stdout + done.stderr
    config["router_settings"] = {"fallbacks": [{"chatcompletions": ["nobody"]}]}
    config_line = json.dumps(config)
    file.write_text(config_line)
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=120)
    assert done.returncode == 1
    at = config_line.index('"nobody"') + 1
    told = f"error: {file}:1:{at}: router_settings.fallbacks[0].chatcompletions[0]: "
    assert done.stderr.startswith(told)
