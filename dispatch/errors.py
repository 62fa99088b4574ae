"""Every error and warning of this package.

The tree, each leaf also the builtin that Python users expect::

    DispatchError
    ├── ConfigError (ValueError)            what a user wrote is wrong: every fault, with its place
    │   ├── FileError                       a file cannot be read, parsed or merged
    │   └── SecretError                     a literal secret where only a reference may stand
    ├── PathError (ValueError)              a path picks nothing
    │   ├── PathSyntaxError                 the path itself is malformed: a caret shows where
    │   ├── MissingKeyError (LookupError)   a key, or a selector, that nothing matches
    │   └── MissingIndexError (IndexError)  an index out of range
    ├── RoleError (LookupError)             a program asks for a role that it never declared
    ├── StageError (TypeError)              stages composed in an order that cannot work
    ├── SignatureError (TypeError)          a callable whose parameters cannot be read
    ├── ExtraKeysError (ValueError)         keys that no callable takes, where that was forbidden
    ├── UnsetVariableError (LookupError)    an environment variable that a value refers to is unset
    └── CompletionError (RuntimeError)      no model of a role answered

    ConfigWarning (UserWarning)
    ├── SuspiciousKeyWarning                a key that looks like a misspelt known one
    ├── ForeignKeyWarning                   one vendor's key would go to another's endpoint
    └── UnsetVariableWarning                a model is left out, since its variable is unset

No message, argument or attribute of these holds a secret: whoever builds one passes what was
found through `dispatch.secrets` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, Self

from dispatch.secrets import redact_key, redact_text

__all__ = [
    "MOST_FAULTS",
    "CompletionError",
    "ConfigError",
    "ConfigWarning",
    "DispatchError",
    "ExtraKeysError",
    "Fault",
    "FileError",
    "ForeignKeyWarning",
    "MissingIndexError",
    "MissingKeyError",
    "PathError",
    "PathSyntaxError",
    "Position",
    "RoleError",
    "SecretError",
    "SignatureError",
    "StageError",
    "SuspiciousKeyWarning",
    "UnsetVariableError",
    "UnsetVariableWarning",
    "place",
]

Step = str | int

MOST_FAULTS = 1000
"""How many faults are looked for: nobody mends more by hand."""


def place(path: Iterable[Step]) -> str:
    """Write a path of keys and indices the way that `ConfigMorpher.fetch` reads it.

    >>> place(("models", 2, "roles", 1))
    'models[2].roles[1]'
    """
    steps = _redacted_keys(path)
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return _shortened(redact_text(written.removeprefix(".")))


_LONGEST = 1000  # of what is told: a name in a file may be megabytes


def _shortened(text: str) -> str:
    """Leave the middle out of a long text: what was found stands there, what is right at the end.

    Redact it first: half a URL looks like none.
    """
    half = _LONGEST // 2 - 1
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


class Position(NamedTuple):
    """A place in a file: `line` and `column` count from 1, or are 0 for the file as a whole.

    `text` is that line, redacted, and `caret` the offset in it that is meant.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""
    caret: int = 0

    @property
    def excerpt(self) -> str:
        """The line, and under it a caret at the place; empty for the file as a whole.

        >>> print(Position("c.yaml", 2, 3, "- model: 3.10", 9).excerpt)
        - model: 3.10
                 ^
        """
        if not self.text:
            return ""
        under = "".join(map(_blank, self.text[: self.caret]))
        return f"{self.text}\n{under}^"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


def _blank(character: str) -> str:
    """Return what takes as much room in a terminal as a character, and shows nothing."""
    from unicodedata import combining, east_asian_width

    if character == "\t":
        return character
    return "  " if east_asian_width(character) in "WF" else " " * (not combining(character))


def _indent(text: str, by: str) -> str:
    return "\n".join(by + line for line in text.split("\n"))


class _Fault(NamedTuple):
    path: tuple[Step, ...]
    message: str
    hint: str = ""
    code: str = "invalid"
    severity: Literal["error", "warning"] = "error"
    position: Position | None = None


class Fault(_Fault):
    """One thing that a person can mend: where it is, what was found, what would be right.

    >>> print(Fault(("models", 0, "model"), "is missing", "name the model that LiteLLM calls"))
    models[0].model: is missing; name the model that LiteLLM calls
    """

    __slots__ = ()

    def __new__(
        cls,
        path: tuple[Step, ...],
        message: str,
        hint: str = "",
        code: str = "invalid",
        severity: Literal["error", "warning"] = "error",
        position: Position | None = None,
    ) -> Fault:
        # What is told of may be a URL: a role, a name or a key that somebody took for another.
        told = _shortened(redact_text(message)), _shortened(redact_text(hint))
        return super().__new__(cls, _redacted_keys(path), *told, code, severity, position)

    @property
    def place(self) -> str:
        """The path as text, such as `models[2].roles[1]`."""
        return place(self.path)

    def under(self, *prefix: Step) -> Fault:
        """The same fault, seen from further out."""
        return self._replace(path=(*_redacted_keys(prefix), *self.path))

    def at(self, position: Position | None) -> Fault:
        """The same fault, with its place in a file."""
        return self._replace(position=position)

    def __str__(self) -> str:
        parts = [str(self.position) if self.position else "", self.place, self.message]
        told = ": ".join(part for part in parts if part)
        return f"{told}; {self.hint}" if self.hint else told

    def told(self) -> str:
        """The fault, and below it the line that it is about, where that is known."""
        excerpt = self.position.excerpt if self.position else ""
        return f"{self}\n{_indent(excerpt, '    ')}" if excerpt else str(self)


def _redacted(parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(redact_text(part) if isinstance(part, str) else part for part in parts)


def _redacted_keys(parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(redact_key(part) if isinstance(part, str) else part for part in parts)


class DispatchError(Exception):
    """The root of all errors of this package. It hides what URLs in its arguments hold."""

    def __init__(self, *args: Any) -> None:
        redacted = _redacted(args)
        super().__init__(*(_shortened(arg) if isinstance(arg, str) else arg for arg in redacted))


_TOLD = 100  # faults that the text of an error tells


class ConfigError(DispatchError, ValueError):
    """A configuration is wrong; `faults` holds everything that is, in the order of the file.

    Its text tells the first hundred.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        told = [fault.told() for fault in self.faults[:_TOLD]]
        if len(self.faults) == 1:
            return told[0]
        if len(self.faults) > _TOLD:
            told.append(f"and {len(self.faults) - _TOLD} more")
        lines = "".join(f"\n{_indent(each, '  ')}" for each in told)
        return f"{len(self.faults)} faults in the configuration:{lines}"

    def under(self, *prefix: Step) -> Self:
        """The same error, seen from further out."""
        return type(self)([fault.under(*prefix) for fault in self.faults])


class FileError(ConfigError):
    """A file cannot be read, parsed or merged."""


class PathError(DispatchError, ValueError):
    """A path picks nothing. `path` is the path as it was asked for, redacted."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.path = self.args[1]

    def __str__(self) -> str:
        return str(self.args[0])


class PathSyntaxError(PathError):
    """A path that the grammar does not hold; `column` counts from 1."""

    def __init__(self, message: str, path: str = "", column: int = 1) -> None:
        super().__init__(message, path)
        self.column = column
        self.args = (*self.args, column)

    def __str__(self) -> str:
        if not self.path or "…" in self.path:  # no caret fits under one that is shortened
            return str(self.args[0])
        return f"{self.args[0]}\n  {self.path}\n  {' ' * (self.column - 1)}^"


class MissingKeyError(PathError, LookupError):
    """A key that is not there, or a selector that no item matches."""


class MissingIndexError(PathError, IndexError):
    """An index past either end of a list."""


class RoleError(DispatchError, LookupError):
    """A program asks for a role that it never declared."""


class StageError(DispatchError, TypeError):
    """A stage was handed what an earlier stage should have prepared."""


class SignatureError(DispatchError, TypeError):
    """A callable whose parameters cannot be read."""


class ExtraKeysError(DispatchError, ValueError):
    """Keys that no callable takes, where extra keys were forbidden."""

    def __init__(self, keys: Sequence[str], where: str) -> None:
        super().__init__(_redacted_keys(keys), where)
        self.keys, self.where = self.args

    def __str__(self) -> str:
        return f"{self.where or 'the configuration'}: no callable takes {', '.join(self.keys)}"


class UnsetVariableError(DispatchError, LookupError):
    """An environment variable that a value refers to is unset or empty."""

    def __init__(
        self,
        variable: str,
        where: str,
        model: str = "",
        role: str = "",
        position: Position | None = None,
    ) -> None:
        super().__init__(variable, where, model, role, position)
        self.variable, self.where, self.model, self.role, self.position = self.args

    def within(self, role: str) -> UnsetVariableError:
        """The same error, of a model in a role."""
        return type(self)(self.variable, self.where, self.model, role, self.position)

    def under(self, *prefix: Step) -> UnsetVariableError:
        """The same error, seen from further out."""
        where = place((*prefix, self.where))
        return type(self)(self.variable, where, self.model, self.role, self.position)

    def at(self, position: Position | None) -> UnsetVariableError:
        """The same error, with its place in a file."""
        return type(self)(self.variable, self.where, self.model, self.role, position)

    @property
    def fault(self) -> Fault:
        """What a person can mend."""
        model = f" of model {self.model!r}" if self.model else ""
        role = f" in role {self.role!r}" if self.role else ""
        message = (
            f"{self.where}{model}{role}: environment variable {self.variable} is unset or empty"
        )
        hint = f"set it: export {self.variable}=…"
        return Fault((), message, hint, "unset-variable", position=self.position)

    def __str__(self) -> str:
        return self.fault.told()


class SecretError(ConfigError):
    """A literal secret where only a reference to the environment may stand."""


class CompletionError(DispatchError, RuntimeError):
    """No model of a role answered."""


class ConfigWarning(UserWarning):
    """The root of all warnings of this package."""


class SuspiciousKeyWarning(ConfigWarning):
    """A key that nobody knows, and that is near to one that LiteLLM does."""


class ForeignKeyWarning(ConfigWarning):
    """A custom endpoint without a key of its own, where LiteLLM would send the vendor's."""


class UnsetVariableWarning(ConfigWarning):
    """A model is left out, since an environment variable that it refers to is unset or empty."""
