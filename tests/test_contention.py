"""One dispatcher asked by many threads at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Event
from typing import Any

import litellm
import pytest

from dispatch import ConfigError, ModelDispatcher

THREADS = 8
ROUNDS = 40
MODELS = [
    {
        "name": f"m{index}",
        "model": f"openai/m{index}",
        "temperature": index / 10,
        "extra_body": {"index": [index]},
        "roles": ["chatcompletions", {"postcompletions": f"task {index}"}],
    }
    for index in range(12)
]


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def in_threads(work: Callable[[int], None]) -> None:
    """Run `work` in all threads at once; an error in one is an error of the test."""
    start = Barrier(THREADS)

    def run(number: int) -> None:
        start.wait()
        work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        for done in [pool.submit(run, number) for number in range(THREADS)]:
            done.result()


def expected(index: int) -> dict[str, Any]:
    return {
        "model": f"openai/m{index}",
        "temperature": index / 10,
        "extra_body": {"index": [index]},
    }


def test_morph_and_fetch() -> None:
    """Threads that ask one dispatcher get right answers, while others change what they got."""
    dispatcher = ModelDispatcher(MODELS)

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            index = (turn + number) % len(MODELS)
            chat, post = dispatcher.for_chatcompletions, dispatcher.for_postcompletions
            given = chat.morph(litellm.completion, start_from=f"models[{index}]")
            assert given == expected(index)
            given["extra_body"]["index"].append(number)
            assert post.fetch(f"models[{index}].roles.postcompletions") == f"task {index}"
            assert post.fetch(f"models[name=m{index}].extra_body.index") == [index]
            for other in range(10):  # more paths, from all threads, than a group remembers
                name = f"absent {number} {turn} {other}"
                assert chat.fetch(f"models[{index}].'{name}'", name) == name
                spaces = " " * (number * ROUNDS + turn)
                assert chat.fetch(f"models[{spaces}{index}].name") == f"m{index}"

    in_threads(work)


def test_callables() -> None:
    """Threads with their own callables get the keys of each, though identities are reused."""
    group = ModelDispatcher(MODELS).for_chatcompletions

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            wanted = "temperature" if (turn + number) % 2 else "model"
            target = eval(f"lambda {wanted}: None")
            index = turn % len(MODELS)
            assert group.morph(target, f"models[{index}]") == {wanted: expected(index)[wanted]}

    in_threads(work)


def test_one_list() -> None:
    """Threads may make dispatchers from one list, which is never changed."""

    def work(number: int) -> None:
        for _ in range(20):
            dispatcher = ModelDispatcher(MODELS, morph=False)
            names = [model["name"] for model in dispatcher.for_postcompletions["models"]]
            assert names == [model["name"] for model in MODELS]

    in_threads(work)


def test_faulty_dispatch() -> None:
    """Threads that raise faults of other models disturb none that fetch."""

    def work(number: int) -> None:
        dispatcher = ModelDispatcher(MODELS)
        for turn in range(ROUNDS):
            with pytest.raises(ConfigError, match=rf"models\[{number}\]\.roles"):
                ModelDispatcher([{"model": "m"}] * number + [{"model": "m", "roles": "chat"}])
            index = turn % len(MODELS)
            name = dispatcher.for_chatcompletions.fetch(f"models[{index}].name")
            assert name == f"m{index}"

    in_threads(work)


def test_no_lock() -> None:
    """While a default factory waits in one thread, another morphs on the same group."""
    entered, leave = Event(), Event()

    def wait() -> str:
        entered.set()
        assert leave.wait(timeout=30)
        return "late"

    @dataclass
    class Slow:
        model: str
        late: str = field(default_factory=wait)

    group = ModelDispatcher(MODELS).for_chatcompletions
    with ThreadPoolExecutor(1) as pool:
        held_up = pool.submit(group.morph, Slow, "models[0]", return_config_keys_only=False)
        try:
            assert entered.wait(timeout=30)
            assert group.morph(litellm.completion, "models[1]") == expected(1)
            assert group.fetch("models[2].name") == "m2"
            assert not held_up.done()
        finally:
            leave.set()
        assert held_up.result() == {"model": "openai/m0", "late": "late"}
