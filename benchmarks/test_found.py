"""What the README's table says of rethink-llmhub."""

from __future__ import annotations

import pytest

from tests.test_docs import MISTAKES, README


@pytest.mark.parametrize("mistake", [name for name in MISTAKES if "fallback" not in name])
def test_found_by_llmhub(mistake: str) -> None:
    """It finds what the table says, when it reads its file or resolves a role."""
    models = pytest.importorskip("llmhub_runtime.models")
    resolver = pytest.importorskip("llmhub_runtime.resolver")
    params = dict(MISTAKES[mistake])
    provider, _, model = params.pop("model", "openai/").rpartition("/")
    role = {"provider": provider or "openai", "mode": "chat", "params": params}
    roles = {"chat": role | ({"model": model} if model else {})}
    (row,) = [line for line in README.splitlines() if line.startswith("| ") and mistake in line]
    found = "–"
    try:
        config = models.RuntimeConfig(project="p", env="e", providers={"openai": {}}, roles=roles)
        resolver.resolve_role(config, "chat")
    except (ValueError, resolver.UnknownProviderError):  # the first is pydantic's
        found = "error"
    assert row.rpartition(" | ")[2].strip(" |") == found
