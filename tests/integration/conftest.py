"""Real servers on loopback: a provider that logs, a Redis, and proxies that share it.

All are started and stopped here, and every wait is bounded.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from tests import fake_provider
from tests.helpers import python

MASTER_KEY = "sk-master-of-the-test"
ECHOED = itertools.count()
READY_WITHIN = 120  # seconds; a proxy takes about 7 on a quiet machine

needs_proxy = pytest.mark.skipif(
    importlib.util.find_spec("fastapi") is None or importlib.util.find_spec("backoff") is None,
    reason="litellm's proxy is absent: python -m pip install '.[proxy]'",
)
needs_redis = pytest.mark.skipif(
    shutil.which("redis-server") is None,
    reason="redis-server is absent: apt-get install redis-server",
)


@pytest.hookimpl(tryfirst=True)  # before `-m integration` selects
def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            for mark in (pytest.mark.integration, needs_proxy, needs_redis):
                item.add_marker(mark)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command, log, **options):
    """Run a server, its output in a file; end it, and only it, in any case."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(15)


def wait_until(ready, process, log):
    """Wait until `ready()` holds; give up when the process ends, or the time is over."""
    give_up = time.monotonic() + READY_WITHIN
    while not ready():
        if process.poll() is not None or time.monotonic() > give_up:
            pytest.fail(f"{process.args[0]} is not ready:\n{log.read_text()[-3000:]}")
        time.sleep(0.2)


def answer(request):
    """Answer with the model's name; `fail-CODE` fails with that code, `echo` repeats what it hears.

    `flaky` does so too, but for every other call.
    """
    body = request.get_json()
    name = body["model"]
    if name in ("echo", "flaky"):
        number = next(ECHOED)
        if name == "echo" or number % 2:
            return fake_provider.answer(body, body["messages"][-1]["content"])
        name = "fail-500"
    if name.startswith("fail-"):
        error = {"error": {"message": "not now"}}
        return Response(json.dumps(error), int(name[5:]), mimetype="application/json")
    return fake_provider.answer(body, name)


@pytest.fixture(scope="package")
def provider():
    with HTTPServer("127.0.0.1", threaded=True) as server:
        server.expect_request("/v1/chat/completions").respond_with_handler(answer)
        yield server


@pytest.fixture(scope="package")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("integration")


class Redis:
    """A redis-server that can be killed, and started again at the same place."""

    def __init__(self, directory):
        self.port, self.directory = free_port(), directory
        self.stack = contextlib.ExitStack()

    def start(self):
        log = self.directory / "redis.log"
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no", "--daemonize", "no"]
        self.process = self.stack.enter_context(running(command, log, cwd=self.directory))
        wait_until(self.answers, self.process, log)

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as link:
                link.sendall(b"PING\r\n")
                return link.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    def kill(self):
        self.process.kill()
        self.process.wait(15)


@pytest.fixture(scope="package")
def redis(directory):
    server = Redis(directory)
    with server.stack:
        server.start()
        yield server


@pytest.fixture(scope="package")
def exported(directory, provider, redis):
    """The configuration of the proxies, written by the command line."""
    endpoint = {"api_base": provider.url_for("/v1"), "api_key": "os.environ/PROVIDER_KEY"}

    def model(name, model, *roles, **keys):
        return {"name": name, "model": f"openai/{model}", "roles": roles} | endpoint | keys

    good = {
        "temperature": 0.25,
        "system_prompt": "You are terse.",
        "extra_headers": {"X-Team": "os.environ/TEAM"},
        "extra_body": {"custom": {"kept": True}},
    }
    models = [
        model("busy", "fail-429", "chatcompletions"),
        model("steady", "good", "chatcompletions", {"postcompletions": "review"}, **good),
        model("broken", "fail-500", "second"),
        model("whole", "whole", "second"),
        model("scarce", "scarce", "limited", rpm=3),
        model("flaky", "flaky", "walk"),
        model("echo", "echo", "walk"),
        model("often", "often", "shared", order=1, weight=9),
        model("seldom", "seldom", "shared", order=1),
    ]
    tree = {
        "models": models,
        "roles": ["second", "limited", "shared", "walk"],
        "router_settings": {"num_retries": 0},
        "litellm_settings": {"fallbacks": [{"limited": ["postcompletions"]}]},
    }
    config, target = directory / "config.json", directory / "proxy.yaml"
    config.write_text(json.dumps(tree))
    command = ["-m", "dispatch", "export", config, "--to", "litellm-proxy", "-o", target]
    command += ["--redis", f"127.0.0.1:{redis.port}", "--enforce-limits", "--cooldown", "1"]
    python(*command, timeout=60)
    return target


class Proxy:
    """A proxy that can be killed, and started again at the same place."""

    def __init__(self, directory, exported, environment):
        self.port, self.environment = free_port(), environment
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log, self.stack = directory / f"proxy-{self.port}.log", contextlib.ExitStack()
        self.command = [str(Path(sys.executable).parent / "litellm"), "--config", str(exported)]
        self.command += ["--host", "127.0.0.1", "--port", str(self.port), "--telemetry", "False"]

    def start(self):
        self.process = self.stack.enter_context(
            running(self.command, self.log, env=self.environment)
        )

    def wait(self):
        wait_until(lambda: is_live(self.port), self.process, self.log)

    def kill(self):
        self.process.kill()
        self.process.wait(15)


@pytest.fixture(scope="package")
def machines(directory, exported):
    """Two proxies that run from one file."""
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}
    environment |= {
        "REDIS_CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "5",  # seconds without Redis after its failures
        "LITELLM_MASTER_KEY": MASTER_KEY,
        "PROVIDER_KEY": "sk-of-the-provider",
        "TEAM": "blue",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    made = [Proxy(directory, exported, environment) for _ in range(2)]
    with made[0].stack, made[1].stack:
        for proxy in made:
            proxy.start()
        for proxy in made:
            proxy.wait()
        yield made


@pytest.fixture(scope="package")
def proxies(machines):
    """The endpoints of the two."""
    return [proxy.endpoint for proxy in machines]


def is_live(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2):
            return True
    except OSError:
        return False
