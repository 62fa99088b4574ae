"""One conversation: the chat answer, then every post-completion with its task."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import CompletionError
from dispatch.immutable import origin_of
from dispatch.litellm.router import Built, build, fallbacks_of, model_id_of
from dispatch.models import RoleGroup
from dispatch.redaction import display_name, quote_name, scrub
from dispatch.roles import CHATCOMPLETIONS, POSTCOMPLETIONS
from dispatch.stages import Model

__all__ = ["Turn", "converse"]

Message = dict[str, Any]

_SECTIONS = ("router_settings", "litellm_settings")


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


def converse(dispatcher: ModelDispatcher[Any], prompt: str, /, **settings: Any) -> Iterator[Turn]:
    """Ask the chat models, then each post-completion about that conversation.

    All goes through one `make_router(dispatcher, **settings)`, by default without retries: where a
    model fails, the next of its role answers. A turn's text streams as it is read; what is left
    unread when the next turn is asked for is read then.

    Raises `CompletionError` where no model plays the chat role, or all of a role fail; its message
    holds no secret of the configuration. Also what `make_router` raises.
    """
    groups = {role: tuple(models) for role, models in dispatcher.groups.items()}
    if not groups.get(CHATCOMPLETIONS):
        raise CompletionError(f"no model plays role {CHATCOMPLETIONS!r}, so there is no answer")
    sections = [dispatcher.sections.get(name) or () for name in _SECTIONS]
    if not any("num_retries" in section for section in sections):
        settings = {"num_retries": 0, **settings}
    built = build(dispatcher, settings)
    conversation: list[Message] = [{"role": "user", "content": prompt}]
    answer: list[str] = []
    yield from _turn(built, CHATCOMPLETIONS, groups[CHATCOMPLETIONS], 0, conversation, answer)
    conversation.append({"role": "assistant", "content": "".join(answer)})
    posts = groups.get(POSTCOMPLETIONS, ())
    for index, model in enumerate(posts):
        (task,) = model["roles"].values()
        messages = [*conversation, {"role": "user", "content": task}] if task else conversation
        yield from _turn(built, POSTCOMPLETIONS, posts, index, messages, [])


def _turn(
    built: Built,
    role: str,
    models: Sequence[Model],
    index: int,
    messages: list[Message],
    read: list[str],
) -> Iterator[Turn]:
    """Ask for the work of one assignment: its own model first, then all others of the role."""
    model = models[index]
    (task,) = model["roles"].values()
    pieces = _ask(built, role, models, index, messages)
    answering, first = next(pieces, (model, ""))  # with its first piece it is known who answers
    order = built.order_of(model)
    sharing = [each for each in models if order is not None and built.order_of(each) == order]
    same = origin_of(model) == origin_of(answering) or (
        role == CHATCOMPLETIONS and any(each is answering for each in sharing)
    )
    text = _read(chain([first], (piece for _, piece in pieces)), read)
    yield Turn(role, answering, task, text, None if same else model)
    for _ in text:
        pass


def _read(pieces: Iterable[str], read: list[str]) -> Iterator[str]:
    for piece in pieces:
        read.append(piece)
        yield piece


def _ask(
    built: Built, role: str, models: Sequence[Model], index: int, messages: list[Message]
) -> Iterator[tuple[Model, str]]:
    """Stream an answer: with each piece the model that gives it. A failure is a CompletionError."""
    of_role = [each for each in built.deployed if each.deployment["model_name"] == role]
    if not of_role:  # all were left out: this raises what says why
        RoleGroup(role, models).kwargs()
    calling: dict[str, Any] = {"model": role}
    own = next((each for each in of_role if each.model is models[index]), None)
    others = (each for each in of_role if each is not own)
    if role != CHATCOMPLETIONS and own and any(each.order <= own.order for each in others):
        name = own.deployment["model_info"]["id"]
        fallbacks = [*fallbacks_of(built.router), {name: [role]}]
        calling = {"model": name, "fallbacks": fallbacks}
    known = {each.deployment["model_info"]["id"]: each.model for each in built.deployed}
    stream = all(model.get("stream", True) for model in models)
    try:
        response = built.router.completion(messages=messages, stream=stream, **calling)
        for piece in _pieces(response):
            yield known.get(model_id_of(response) or "", models[index]), piece
        return
    except Exception as error:  # whatever the provider's client raises
        failure = scrub(f"{type(error).__name__}: {error}", built.secrets)
    # Not in the handler: the original error, which may hold the key, must not become the context.
    names = ", ".join(quote_name(display_name(model)) for model in models)
    plural = "s" * (len(models) > 1)
    raise CompletionError(f"model{plural} {names} in role {role!r} did not answer: {failure}")


def _pieces(response: Any) -> Iterator[str]:
    """Yield the text of a response, streamed or whole."""
    if hasattr(response, "choices"):  # `stream: false` in the configuration
        yield response.choices[0].message.content or ""
        return
    for chunk in response:
        if chunk.choices:  # others hold the usage, or the result of a content filter
            yield chunk.choices[0].delta.content or ""
