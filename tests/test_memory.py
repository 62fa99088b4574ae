"""What is kept in memory: nothing that grows with use, and no garbage for the collector.

MORPHS=1000000 python -m pytest -m slow tests/test_memory.py     # the long way; ten minutes
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import litellm
import pytest

import dispatch as dispatch_package
from dispatch import ConfigMorpher, ModelDispatcher, dispatch
from dispatch.errors import PathError

pytestmark = pytest.mark.slow

MORPHS = int(os.environ.get("MORPHS", "1000"))
DEPTH = 4  # how many frames away from this package memory may be taken
NOISE = 10_000  # bytes; one more object a call would be more, in the fewest calls below
MODEL = {
    "name": "fast",
    "model": "gpt-4o",
    "temperature": 0,
    "metadata": {"team": "blue", "tags": ["a", "b"]},
    "roles": ["chatcompletions", {"postcompletions": "review"}],
}


@pytest.fixture
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def growth(work: Callable[[int], Any], times: int) -> int:
    """Return by how many bytes memory grew over a quarter of so many calls: the least that it did.

    What leaks grows in each; what Python keeps for later use, freed tuples say, only now and then.
    """
    quarter = times // 4
    held = []
    tracemalloc.start(DEPTH)
    try:
        for start in range(0, times, quarter):
            for number in range(start, start + quarter):
                work(number)
            held.append(_held())
        return min(after - before for before, after in pairwise(held))
    finally:
        tracemalloc.stop()


def _held() -> int:
    """Return what this package holds, itself or in what it calls; other threads come and go."""
    gc.collect()
    ours = tracemalloc.Filter(
        True, str(Path(dispatch_package.__file__).parent / "*"), all_frames=True
    )
    snapshot = tracemalloc.take_snapshot().filter_traces([ours])
    return sum(trace.size for trace in snapshot.traces)


def use(dispatcher: ModelDispatcher) -> None:
    chat = dispatcher.for_chatcompletions
    chat.morph(litellm.completion, start_from="models[0]")
    chat.morph(litellm.completion, "models[0]", return_config_keys_only=False)
    chat.morph(litellm.completion, "models[0]", return_type="dataclass")
    dispatcher.for_postcompletions.fetch("models[name=fast].metadata.tags")


def test_memory_is_flat_over_many_morphs() -> None:
    """The same questions, asked again and again, leave nothing behind."""
    dispatcher = ModelDispatcher([MODEL])
    assert growth(lambda _: use(dispatcher), MORPHS) < NOISE


def test_memory_is_flat_over_many_dispatchers() -> None:
    """A dispatcher that is dropped is freed."""
    assert growth(lambda _: use(ModelDispatcher([MODEL])), 200) < NOISE


@pytest.mark.usefixtures("_no_collector")
def test_nothing_makes_cyclic_garbage() -> None:
    """Counting references frees all of it; the collector finds nothing to do."""
    for _ in range(10):
        dispatcher = ModelDispatcher([MODEL])
        use(dispatcher)
        dispatcher.dispatch(morph=False)
        assert dispatcher.for_chatcompletions["models"][0]["name"] == "fast"
        assert repr(dispatcher)
    del dispatcher
    gc.collect()  # the first use of a dataclass, of a regular expression: made once
    for _ in range(50):
        use(ModelDispatcher([MODEL]))
        dispatch([MODEL])
        with pytest.raises(PathError):
            ConfigMorpher({"models": [MODEL]}).fetch("models[3].name")
    assert gc.collect() == 0


WORK: dict[str, tuple[Callable[[Any, int], Any], int]] = {
    "paths": (lambda group, n: group.fetch(f"models[name=absent-{n:09} or name=fast].name"), 3_000),
    "absent": (lambda group, n: group.fetch(f"models[name=absent-{n:09}].name", None), 3_000),
    "callables": (lambda group, n: group.morph(lambda model, **kwargs: n, "models[0]"), 2_000),
    "tasks": (lambda _, n: dispatch([MODEL | {"roles": {"postcompletions": f"do {n:09}"}}]), 2_000),
    "roles": (lambda _, n: ModelDispatcher([], roles=[f"role-{n:09}"]), 1_000),
    "keys": (lambda _, n: repr(ConfigMorpher({f"key-{n:09}": None})), 10_000),
}


@pytest.mark.parametrize("kind", WORK)
def test_caches_are_bounded(kind: str) -> None:
    """Entries that are not used again are dropped once the caches are full."""
    work, times = WORK[kind]
    group = ModelDispatcher([MODEL]).for_chatcompletions
    assert growth(partial(work, group), times) < 10 * times
