"""What several tests share: models that Hypothesis draws, and the plain loop to compare with."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

ROLES = ("chatcompletions", "postcompletions")

tasks = st.none() | st.text(max_size=12)
entries = (
    st.sampled_from(ROLES)
    | st.dictionaries(st.sampled_from(ROLES), tasks, min_size=1)
    | st.builds(dict, postcompletions=st.just("review the git diff"))
)
roles = st.none() | st.lists(entries, max_size=4) | entries

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
keys = st.text(min_size=1, max_size=6).filter(lambda key: key not in ("model", "roles"))


@st.composite
def models(draw: st.DrawFn) -> dict[str, Any]:
    """One valid model, its keys in any order, `roles` written in any way or left out."""
    settings = draw(st.dictionaries(keys, values, max_size=5))
    settings["model"] = draw(
        st.sampled_from(("gpt-4o", "gemini/gemini-2.5-flash", "ollama/llama3"))
    )
    if draw(st.booleans()):
        settings["roles"] = draw(roles)
    order = draw(st.permutations(list(settings)))
    return {key: settings[key] for key in order}


def plain_dispatch(models: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Dispatch as the specification says, with dicts and loops: the reference."""
    groups: dict[str, list[dict[str, Any]]] = {role: [] for role in ROLES}
    for model in models:
        written = model.get("roles") or ["chatcompletions"]
        for entry in written if isinstance(written, list) else [written]:
            for role, task in entry.items() if isinstance(entry, dict) else [(entry, None)]:
                groups[role].append(copy.deepcopy(model) | {"roles": {role: task}})
    return groups
