"""Two LiteLLM proxies from one exported file, on one Redis, called with the `openai` client."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.integration.conftest import MASTER_KEY

ASKED = [{"role": "user", "content": "hello"}]
OWN = {"name", "roles", "system_prompt", "task"}
LITELLMS = {"order", "litellm_system_prompt", "model_info", "rpm"}


@pytest.fixture(params=[0, 1], ids=["first proxy", "second proxy"])
def client(proxies, request):
    return client_of(proxies[request.param])


def client_of(endpoint):
    return openai.OpenAI(base_url=endpoint, api_key=MASTER_KEY, timeout=60, max_retries=0)


def ask(client, role):
    return client.chat.completions.create(model=role, messages=ASKED).choices[0].message.content


def test_each_role_is_a_model_that_the_proxy_offers(client):
    roles = {"chatcompletions", "postcompletions", "second", "limited"}
    assert {model.id for model in client.models.list()} == roles


@pytest.mark.parametrize(
    ("role", "first", "answers"),
    [("chatcompletions", "fail-429", "good"), ("second", "fail-500", "sound")],
)
def test_where_the_first_model_fails_the_second_answers(client, role, first, answers, provider):
    time.sleep(1.1)  # the failing model is out of its cooldown again
    provider.clear_log()
    assert ask(client, role) == answers
    assert [request.get_json()["model"] for request, _ in provider.log] == [first, answers]


def test_what_arrives_is_what_the_user_wrote_and_no_key_of_the_programs_own(client, provider):
    provider.clear_log()
    assert ask(client, "postcompletions") == "good"
    ((request, _),) = provider.log
    body = request.get_json()
    assert request.headers["Authorization"] == "Bearer sk-of-the-provider"
    assert request.headers["X-Team"] == "blue"
    assert (body["temperature"], body["custom"]) == (0.25, {"kept": True})
    assert body["messages"] == [{"role": "system", "content": "You are terse."}, *ASKED]
    assert not (OWN | LITELLMS) & set(body)


def test_a_limit_that_is_reached_on_one_proxy_holds_on_the_other(proxies, provider):
    left = 60 - time.time() % 60
    if left < 20:  # limits are counted by the minute of the clock
        time.sleep(left + 1)
    one, other = map(client_of, proxies)
    provider.clear_log()
    assert [ask(one, "limited") for _ in range(3)] == ["scarce"] * 3
    for client in (other, one):
        with pytest.raises(openai.RateLimitError):
            ask(client, "limited")
    assert len(provider.log) == 3


def test_who_shows_no_master_key_is_refused(proxies):
    stranger = openai.OpenAI(base_url=proxies[0], api_key="sk-stranger", timeout=60, max_retries=0)
    with pytest.raises((openai.AuthenticationError, openai.BadRequestError)):
        ask(stranger, "chatcompletions")


def test_no_call_is_lost_when_redis_is_killed_in_between(proxies, redis):
    clients = list(map(client_of, proxies))
    assert redis.answers()

    def call(number):
        if number == 6:
            redis.kill()
        return ask(clients[number % 2], "chatcompletions")

    try:
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(call, range(24)))
        assert not redis.answers()
        assert answers == ["good"] * 24
    finally:
        redis.start()
