"""One conversation: the chat answer, then every post-completion with its task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dispatch.errors import CompletionError
from dispatch.group import RoleGroup
from dispatch.secrets import scrub, secret_values
from dispatch.stages import Model

__all__ = ["Turn", "converse"]

Message = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """One answer: the role and the model that give it, the task, and the text as it streams."""

    role: str
    model: Model
    task: str | None
    text: Iterator[str]


def converse(chat: RoleGroup, posts: RoleGroup, prompt: str) -> Iterator[Turn]:
    """Ask the first chat model, then each post-completion about that conversation.

    A turn's text streams as it is read; what is left unread when the next turn is asked for is
    read then. Raises `CompletionError` where no chat model is configured, or a call fails; its
    message holds no secret of the configuration.
    """
    if not chat:
        raise CompletionError(f"no model plays role {chat.role!r}, so nobody can answer")
    conversation: list[Message] = [{"role": "user", "content": prompt}]
    answer: list[str] = []
    yield from _turn(chat, 0, conversation, answer)
    conversation.append({"role": "assistant", "content": "".join(answer)})
    for order, task in enumerate(posts.tasks):
        asked = [{"role": "user", "content": task}] if task else []
        yield from _turn(posts, order, conversation + asked, [])


def _turn(
    group: RoleGroup, order: int, messages: list[Message], heard: list[str]
) -> Iterator[Turn]:
    text = _hear(_ask(group, order, messages), heard)
    yield Turn(group.role, group.models[order], group.tasks[order], text)
    for _ in text:
        pass


def _hear(pieces: Iterable[str], heard: list[str]) -> Iterator[str]:
    for piece in pieces:
        heard.append(piece)
        yield piece


def _ask(group: RoleGroup, order: int, messages: list[Message]) -> Iterator[str]:
    """Stream one model's answer, any failure as a `CompletionError`."""
    import litellm

    kwargs = group.morph(litellm.completion, start_from=f"models[{order}]")
    system = group.fetch(f"models[{order}].system_prompt", None)
    opening = [{"role": "system", "content": system}] if system else []
    kwargs["messages"] = [*opening, *kwargs.pop("messages", ()), *messages]
    try:
        yield from _pieces(litellm.completion(**{"stream": True, **kwargs}))
        return
    except Exception as error:  # whatever the provider's client raises
        failure = scrub(f"{type(error).__name__}: {error}", secret_values(kwargs))
    # Not in the handler: the original error, which may hold the key, must not become the context.
    name = group.fetch(f"models[{order}].name", group.models[order]["model"])
    raise CompletionError(f"model {name!r} in role {group.role!r} did not answer: {failure}")


def _pieces(response: Any) -> Iterator[str]:
    """Yield the text of a response, streamed or whole."""
    if hasattr(response, "choices"):  # `stream: false` in the configuration
        yield response.choices[0].message.content or ""
        return
    for chunk in response:
        yield chunk.choices[0].delta.content or ""
