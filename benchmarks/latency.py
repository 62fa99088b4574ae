"""`python -m benchmarks.latency [CALLS]`: what the Router, and a proxy, add to a direct call.

A provider on loopback answers at once, from a process of its own. One round asks it in each way, in
turn, and every other round goes backwards; what is added is the difference within a round. The
proxy is measured where it is installed: `python -m pip install '.[proxy]'`.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

import litellm
import openai

from dispatch import ModelDispatcher, complete, make_router, proxy_config
from dispatch.litellm.proxy import to_yaml

MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]
KEY = "sk-of-the-benchmark"
DIRECT = "litellm.completion"
SERVER = """
from tests.loopback import serve
with serve() as server:
    print(server.endpoint, flush=True)
    input()
"""


def main() -> None:
    """Measure, and print one table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with _provider() as endpoint, contextlib.ExitStack() as stack:
        kwargs = {"model": "openai/good", "api_base": endpoint, "api_key": "sk-1"}
        models = ModelDispatcher([{"name": "a", **kwargs}])
        router: Any = make_router(models, num_retries=0)
        ways: dict[str, Callable[[], Any]] = {
            DIRECT: lambda: litellm.completion(messages=MESSAGES, **kwargs),
            "Router": lambda: router.completion("chatcompletions", messages=MESSAGES),
            "dispatch.complete": lambda: complete(models, "hi"),
        }
        if importlib.util.find_spec("fastapi") and importlib.util.find_spec("backoff"):
            client = openai.OpenAI(
                base_url=stack.enter_context(_proxy(models)), api_key=KEY, max_retries=0
            )
            chat = client.chat.completions
            ways["proxy"] = lambda: chat.create(model="chatcompletions", messages=MESSAGES)
        _print(_measure(ways, rounds))


def _measure(ways: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-20, rounds):  # the first ones are warming up
        for name in sorted(ways, reverse=number % 2 == 1):
            start = time.perf_counter()
            ways[name]()
            if number >= 0:
                found[name].append(time.perf_counter() - start)
    return found


def _print(found: dict[str, list[float]]) -> None:
    print("| way | calls a second | p50 | p99 | added, p50 | added, p99 |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, took in found.items():
        added = [one - other for one, other in zip(took, found[DIRECT], strict=True)]
        ms = [median(took), _p99(took), median(added), _p99(added)]
        cells = [f"{1 / (sum(took) / len(took)):.0f}", *(f"{1000 * each:.1f} ms" for each in ms)]
        print(f"| {name} | {' | '.join(cells)} |")


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100)[98]


@contextlib.contextmanager
def _provider() -> Iterator[str]:
    command = [sys.executable, "-c", SERVER]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.communicate("\n")


@contextlib.contextmanager
def _proxy(models: ModelDispatcher[Any]) -> Iterator[str]:
    with TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        file = Path(folder, "proxy.yaml")
        file.write_text(to_yaml(proxy_config(models, allow_literal_secrets=True)))
        command = [str(Path(sys.executable).parent / "litellm"), "--config", str(file)]
        command += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False"]
        environment = os.environ | {"LITELLM_MASTER_KEY": KEY}
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, env=environment, **quiet)
        try:
            while not _is_live(port):
                assert process.poll() is None, "the proxy has ended"
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait()


def _is_live(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2):
            return True
    except OSError:
        return False


if __name__ == "__main__":
    main()
