"""Two LiteLLM proxies from one exported file, on one Redis, called with the `openai` client."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import openai
import pytest

from tests.helpers import ROOT
from tests.integration.conftest import MASTER_KEY
from tests.test_docs import FILE

GUIDE = ROOT / "dispatch" / "docs" / "router.md"
MESSAGES = [{"role": "user", "content": "hello"}]
OWN = {"name", "roles", "system_prompt", "task"}
LITELLMS = {"order", "litellm_system_prompt", "model_info", "rpm"}


@pytest.fixture(params=[0, 1], ids=["first proxy", "second proxy"])
def client(proxies, request):
    return client_of(proxies[request.param])


def client_of(endpoint):
    return openai.OpenAI(base_url=endpoint, api_key=MASTER_KEY, timeout=60, max_retries=0)


def ask(client, role, **options):
    response = client.chat.completions.create(model=role, messages=MESSAGES, **options)
    return response.choices[0].message.content


def test_models(client):
    """Each role is a model that the proxy offers."""
    roles = {"chatcompletions", "postcompletions", "second", "limited", "shared", "walk"}
    assert {model.id for model in client.models.list()} == roles


@pytest.mark.parametrize(
    ("role", "first", "answers"),
    [("chatcompletions", "fail-429", "good"), ("second", "fail-500", "whole")],
)
def test_failover(client, role, first, answers, provider):
    """Where the first model fails, the second answers."""
    time.sleep(1.1)  # the failing model is out of its cooldown again
    provider.clear_log()
    assert ask(client, role) == answers
    assert [request.get_json()["model"] for request, _ in provider.log] == [first, answers]


def test_request(client, provider):
    """What arrives is what the user wrote, without reserved keys."""
    provider.clear_log()
    assert ask(client, "postcompletions") == "good"
    ((request, _),) = provider.log
    body = request.get_json()
    assert request.headers["Authorization"] == "Bearer sk-of-the-provider"
    assert request.headers["X-Team"] == "blue"
    assert (body["temperature"], body["custom"]) == (0.25, {"kept": True})
    assert body["messages"] == [{"role": "system", "content": "You are terse."}, *MESSAGES]
    assert not (OWN | LITELLMS) & set(body)


def test_shared_load(client):
    """Models of one order share the load by their weights, and one without a weight has 1."""
    answers = [ask(client, "shared") for _ in range(60)]
    assert set(answers) == {"often", "seldom"}
    assert answers.count("often") > 2 * answers.count("seldom")


def check_shared_limit(proxies, provider):
    """A limit that is reached on one proxy holds on the other."""
    left = 60 - time.time() % 60
    if left < 20:  # limits are counted by the minute of the clock
        time.sleep(left + 1)
    one, other = map(client_of, proxies)
    no_fallback = {"extra_body": {"disable_fallbacks": True}}
    provider.clear_log()
    assert [ask(one, "limited", **no_fallback) for _ in range(3)] == ["scarce"] * 3
    for client in (other, one):
        with pytest.raises(openai.RateLimitError):
            ask(client, "limited", **no_fallback)
    assert len(provider.log) == 3


def test_shared_limit(proxies, provider):
    """A limit that is reached on one proxy holds on the other."""
    check_shared_limit(proxies, provider)


def test_fallback_of_litellm_settings(proxies):
    """A fallback in `litellm_settings` serves where a limit is reached."""
    one, other = map(client_of, proxies)
    answers = [ask(client, "limited") for client in (one, other) for _ in range(4)]
    assert set(answers) <= {"scarce", "good"}
    assert "good" in answers


def test_stranger(proxies):
    """A client without the master key is refused."""
    stranger = openai.OpenAI(base_url=proxies[0], api_key="sk-stranger", timeout=60, max_retries=0)
    with pytest.raises((openai.AuthenticationError, openai.BadRequestError)):
        ask(stranger, "chatcompletions")


def test_redis_killed(proxies, redis):
    """No call is lost when Redis is killed in between."""
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


def test_walk(machines, proxies, provider, redis, tmp_path):
    """The guide's walk: a thousand calls while a proxy, the provider and Redis fail in turn."""
    files = dict(FILE.findall(GUIDE.read_text(encoding="utf-8")))
    (tmp_path / "thousand.py").write_text(files["thousand.py"], encoding="utf-8")
    command = [sys.executable, "thousand.py", *(f"{each}/v1" for each in proxies)]
    environment = os.environ | {"LITELLM_MASTER_KEY": MASTER_KEY, "ROLE": "walk"}
    provider.clear_log()

    def wait_for(calls):
        while len(provider.log) < calls and walking.poll() is None:
            time.sleep(0.05)

    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as walking:
        wait_for(200)
        machines[1].kill()
        wait_for(500)
        redis.kill()
        time.sleep(1)
        redis.start()
        machines[1].start()
        printed, _ = walking.communicate(timeout=300)
    assert printed.startswith("1000 answers, 1000 right, 0 lost"), printed
    print(printed)
    machines[1].wait()
    left = 60 - time.time() % 60
    time.sleep(left + 1)  # another minute than that of the limits before
    check_shared_limit(proxies, provider)
