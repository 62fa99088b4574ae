"""One conversation: the chat answer, then every post-completion with its task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from dispatch.errors import CompletionError
from dispatch.group import RoleGroup
from dispatch.llm.router import make_router
from dispatch.secrets import label, scrub, secret_values
from dispatch.stages import Model

if TYPE_CHECKING:
    from litellm.router import Router

__all__ = ["Turn", "converse"]

Message = dict[str, Any]
Groups = Mapping[str, RoleGroup]
Assignment = tuple[str, int]
"""A role, and the place in its group."""


@dataclass(frozen=True)
class Turn:
    """One answer: its role and task, the model that gives it, and the text as it streams.

    `instead_of` is the model that was asked and failed, where another one answers.
    """

    role: str
    model: Model
    task: str | None
    text: Iterator[str]
    instead_of: Model | None = None


def converse(
    chat: RoleGroup, posts: RoleGroup, prompt: str, /, **router_settings: Any
) -> Iterator[Turn]:
    """Ask the chat models, then each post-completion about that conversation.

    All goes through a `litellm.Router` with these settings: where a model fails, the next of its
    role answers. A turn's text streams as it is read; what is left unread when the next turn is
    asked for is read then.

    Raises `CompletionError` where no chat model is configured, or all of a role fail; its message
    holds no secret of the configuration. Also what `make_router` raises.
    """
    if not chat:
        raise CompletionError(f"no model plays role {chat.role!r}, so nobody can answer")
    groups = {group.role: group for group in (chat, posts)}
    router = make_router(groups, **{"num_retries": 0, **router_settings})
    conversation: list[Message] = [{"role": "user", "content": prompt}]
    answer: list[str] = []
    yield from _turn(router, groups, (chat.role, 0), conversation, answer)
    conversation.append({"role": "assistant", "content": "".join(answer)})
    for index, task in enumerate(posts.tasks):
        asked = [{"role": "user", "content": task}] if task else []
        yield from _turn(router, groups, (posts.role, index), conversation + asked, [])


def _turn(
    router: Router,
    groups: Groups,
    assignment: Assignment,
    messages: list[Message],
    heard: list[str],
) -> Iterator[Turn]:
    """Ask for the work of one assignment: its own model first, then all others of the role."""
    role, index = assignment
    model = groups[role].models[index]
    pieces = _ask(router, groups[role], _calling(router, assignment), messages)
    name, first = next(pieces, ("", ""))  # with its first piece it is known who answers
    answering = _models(router, groups).get(name, model)
    text = _hear(chain([first], (piece for _, piece in pieces)), heard)
    yield Turn(role, answering, model["roles"][role], text, _differs(model, answering))
    for _ in text:
        pass


def _calling(router: Router, assignment: Assignment) -> dict[str, Any]:
    """Return whom to call: the role, whose first model answers; for a later one that very model.

    Either falls back to the others of the role. A model that was left out is one that failed.
    """
    role, index = assignment
    for each in router.model_list if index else ():
        if (each["model_name"], each["litellm_params"]["order"]) == (role, index + 1):
            name = each["model_info"]["id"]
            return {"model": name, "fallbacks": [*(router.fallbacks or ()), {name: [role]}]}
    return {"model": role}


def _models(router: Router, groups: Groups) -> dict[str, Model]:
    return {
        each["model_info"]["id"]: groups[each["model_name"]].models[
            each["litellm_params"]["order"] - 1
        ]
        for each in router.model_list
    }


def _differs(asked: Model, answering: Model) -> Model | None:
    same = asked.set("roles", None) == answering.set("roles", None)
    return None if same else asked


def _hear(pieces: Iterable[str], heard: list[str]) -> Iterator[str]:
    for piece in pieces:
        heard.append(piece)
        yield piece


def _ask(
    router: Router, group: RoleGroup, calling: dict[str, Any], messages: list[Message]
) -> Iterator[tuple[str, str]]:
    """Stream an answer: with each piece the id of who gives it. A failure is a CompletionError."""
    if group.role not in router.model_names:  # all were left out: this raises what tells why
        group.morph(router.completion, start_from="models[0]")
    stream = all(model.get("stream", True) for model in group)
    try:
        response = router.completion(messages=messages, stream=stream, **calling)
        for piece in _pieces(response):
            yield str(response._hidden_params.get("model_id")), piece
        return
    except Exception as error:  # whatever the provider's client raises
        failure = scrub(f"{type(error).__name__}: {error}", secret_values(router.model_list))
    # Not in the handler: the original error, which may hold the key, must not become the context.
    names = ", ".join(repr(label(model)) for model in group)
    models = "model" if len(group) == 1 else "models"
    raise CompletionError(f"{models} {names} in role {group.role!r} did not answer: {failure}")


def _pieces(response: Any) -> Iterator[str]:
    """Yield the text of a response, streamed or whole."""
    if hasattr(response, "choices"):  # `stream: false` in the configuration
        yield response.choices[0].message.content or ""
        return
    for chunk in response:
        if chunk.choices:  # others tell of the usage, or a content filter
            yield chunk.choices[0].delta.content or ""
