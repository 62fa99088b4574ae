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

from dispatch import ModelDispatcher

THREADS = 8
ROUNDS = 150
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
    """Run `work` in all threads, from one moment on; an error in one is an error of the test."""
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


def test_threads_that_morph_and_fetch_on_one_dispatcher_get_right_answers() -> None:
    """Also while caches overflow and are cleared, and while others change what they were given."""
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


def test_threads_with_callables_of_their_own_get_each_its_own_keys() -> None:
    """Plans are remembered by the identity of a callable, which another may take over."""
    group = ModelDispatcher(MODELS).for_chatcompletions

    def work(number: int) -> None:
        for turn in range(ROUNDS):
            wanted = "temperature" if (turn + number) % 2 else "model"
            target = eval(f"lambda {wanted}: None")
            index = turn % len(MODELS)
            assert group.morph(target, f"models[{index}]") == {wanted: expected(index)[wanted]}

    in_threads(work)


def test_threads_may_build_dispatchers_from_one_list() -> None:
    """The list is read, never changed."""

    def work(number: int) -> None:
        for _ in range(20):
            dispatcher = ModelDispatcher(MODELS, morph=False)
            names = [model["name"] for model in dispatcher.for_postcompletions["models"]]
            assert names == [model["name"] for model in MODELS]

    in_threads(work)


def test_a_thread_that_is_held_up_inside_morph_holds_up_no_other() -> None:
    """No lock: while a default factory waits in one thread, another morphs on the same group."""
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
