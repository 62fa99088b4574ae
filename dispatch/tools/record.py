"""Record answers to a file, and replay them without a network or a key."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from dispatch.errors import CompletionError, Fault, FileError
from dispatch.immutable import freeze, thaw
from dispatch.tools.hooks import After, Before, Secrets
from dispatch.tools.request import Answer, read, tokens_of

__all__ = ["recorded"]

_KEPT = ("role", "model", "task", "instead_of", "cost", "latency")


def recorded(path: str | os.PathLike[str]) -> tuple[Before, After]:
    """Return the hooks `before` and `after`, which record answers or replay recorded ones.

    If the file does not exist, each answer is added to a new one, as a line of JSON without
    secrets. If it does, no model is asked: the same request to the same role gets the recorded
    answers in order, then the last one again and again. To record again, delete the file.

    >>> import dispatch, tempfile
    >>> file = Path(tempfile.mkdtemp(), "answers.jsonl")
    >>> for answer in ("one", "two"):
    ...     models = dispatch.ModelDispatcher([{"model": "gpt-4o", "mock_response": answer}])
    ...     before, after = recorded(file)
    ...     print(dispatch.complete(models, "hi", before=before, after=after).text)
    one
    one

    `before` raises `CompletionError` for a request that is not in the file, and `recorded` raises
    `FileError` for a file that is not a recording or cannot be written.
    """
    file, lock = Path(path), Lock()
    is_playing = file.exists()
    answers = _read(file) if is_playing else {}
    if not is_playing and not os.access(file.parent, os.W_OK):  # before any call costs money
        hint = "create its directory first"
        raise FileError([Fault((), f"{file} cannot be written", hint, "unwritable")])

    def before(role: str, kwargs: dict[str, Any]) -> dict[str, Any] | Answer:
        if not is_playing:
            return kwargs
        with lock:
            found = answers.get(_key(role, Secrets().hide(kwargs)))
            if not found:
                where = f"{file.name} has no answer to what role {role!r} is asked"
                raise CompletionError(f"{where}; delete it to record again")
            data = found.pop(0) if len(found) > 1 else found[0]
        return _answer(data)

    def after(answer: Answer) -> None:
        if not is_playing:
            names = (*_KEPT, "asked", "response")
            data = answer.hide({name: getattr(answer, name) for name in names})
            with lock, file.open("a", encoding="utf-8") as opened:
                opened.write(json.dumps(data, default=_name) + "\n")

    return before, after


def _read(file: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the answers of a recording, by request."""
    answers: dict[str, list[dict[str, Any]]] = {}
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            data = json.loads(line)
            answers.setdefault(_key(data["role"], data["asked"]), []).append(data)
        return answers
    except (OSError, ValueError, LookupError, TypeError) as error:
        problem = type(error).__name__
    message = f"{file} is not a recording of answers: {problem}"
    raise FileError([Fault((), message, "delete it to record again", "no-recording")])


def _key(role: str, asked: Mapping[str, Any]) -> str:
    return json.dumps([role, thaw(asked)], sort_keys=True, default=_name)


def _name(value: Any) -> str:
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _answer(data: Mapping[str, Any]) -> Answer:
    from litellm import ModelResponse

    response = ModelResponse(**data["response"])
    kept = {name: data[name] for name in _KEPT}
    kept["instead_of"] = tuple(map(tuple, data["instead_of"]))
    kept |= {"usage": tokens_of(response), "asked": freeze(data["asked"])}
    return Answer(*read(response), response=response, **kept)
