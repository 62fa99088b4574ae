"""What all tests share: the process that they run in, and how many examples Hypothesis draws."""

from __future__ import annotations

import asyncio
import json
import os
import signal

# Set before LiteLLM is imported: its map of prices comes from the wheel, not from a network.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pytest_httpserver import HTTPServer

from dispatch.tools.chat import aconverse, converse
from tests import agents

# A shell starts what is in its background with interrupts ignored, and so is what that starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=300, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, object], Path]:
    """What writes text, or a value as JSON, into a file of a fresh working directory."""
    monkeypatch.chdir(tmp_path)

    def write(name: str, content: object) -> Path:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return Path(name)

    return write


@pytest.fixture
def own_map(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small map of models in place of LiteLLM's, whose entries and dates change."""
    from dispatch.litellm import catalog

    monkeypatch.setattr(catalog, "_MAP", Path(__file__).with_name("model_map.json"))
    catalog.read_catalog.cache_clear()
    yield
    catalog.read_catalog.cache_clear()


@pytest.fixture
def provider(httpserver: HTTPServer) -> HTTPServer:
    """A provider for agents; modules with a provider of another kind define their own."""
    return agents.serve(httpserver)


@pytest.fixture
def model(provider: HTTPServer) -> Callable[..., dict[str, Any]]:
    """What makes a model that this provider serves."""
    return agents.maker(provider)


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether answers are streamed."""
    return bool(request.param)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """`complete` or `acomplete`: what a stream yields ends in the text of its answer."""
    return agents.asker(request.param, lambda pieces, answer: "".join(pieces).endswith(answer.text))


@pytest.fixture(params=["sync", "async"])
def talk(request: pytest.FixtureRequest) -> Callable[..., list[Any]]:
    """`converse`, or `aconverse` in an event loop of its own: a list of what it yields."""

    async def in_loop(*arguments: Any, **keys: Any) -> list[Any]:
        return [turn async for turn in aconverse(*arguments, **keys)]

    if request.param == "sync":
        return lambda *arguments, **keys: list(converse(*arguments, **keys))
    return lambda *arguments, **keys: asyncio.run(in_loop(*arguments, **keys))
