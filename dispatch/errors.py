"""Every error and warning of this package.

All errors are a `DispatchError`, and each is also the builtin that Python users expect; warnings
are a `ConfigWarning`. `help(dispatch.errors)` shows the tree.

Whatever reaches a message passes through `dispatch.redaction` here, so no error holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple, Self

from dispatch.redaction import printable, redact_path, redact_text

__all__ = [
    "BudgetError", "CompletionError", "ConfigError", "ConfigWarning", "CredentialLeakWarning",
    "DispatchError", "ExtraKeysError", "Fault", "FileError", "MissingIndexError",
    "MissingKeyError", "PathError", "PathSyntaxError", "Position", "RoleError", "SecretError",
    "SignatureError", "StageError", "Step", "UnknownKeyWarning", "UnsetVariableError",
    "UnsetVariableWarning", "format_path", "raise_or_collect",
]  # fmt: skip

Step = str | int
"""One step of a path: a key, or the index of an item."""

Severity = Literal["error", "warning", "note"]

_LONGEST = 1000  # characters of a message: a name in a file may be megabytes
_RENDERED = 100  # faults in the text of one error


def format_path(path: Iterable[Step]) -> str:
    """Write a path of keys and indices the way `ConfigMorpher.fetch` reads it.

    >>> format_path(("models", 2, "roles", 1))
    'models[2].roles[1]'
    """
    written = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return _clean(written.removeprefix("."))


def _clean(text: str) -> str:
    """Redact a message, and cut out the middle of a long one."""
    text = printable(redact_text(text))
    half = _LONGEST // 2 - 1
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"


class Position(NamedTuple):
    """A place in a file: `line` and `column` count from 1, or are 0 for the file as a whole.

    `text` is that line, or empty if it mentions a secret; `caret` is an offset in it.
    """

    file: str
    line: int = 0
    column: int = 0
    text: str = ""
    caret: int = 0

    @property
    def excerpt(self) -> str:
        """The line with a caret under the place; empty if the line is not shown.

        >>> print(Position("c.yaml", 2, 3, "- model: 3.10", 9).excerpt)
        - model: 3.10
                 ^
        """
        if not self.text:
            return ""
        return f"{self.text}\n{''.join(map(_blank, self.text[: self.caret]))}^"

    def __str__(self) -> str:
        parts = (self.file, self.line, self.column) if self.line else (self.file,)
        return ":".join(str(part) for part in parts if part)


def _blank(character: str) -> str:
    """Return whitespace as wide as a character is in a terminal."""
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
    severity: Severity = "error"
    position: Position | None = None


class Fault(_Fault):
    """One thing to fix: where it is, what was found, how to fix it.

    `path` leads to it in the user's configuration; `code` names the kind of fault, for programs.

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
        severity: Severity = "error",
        position: Position | None = None,
    ) -> Self:
        # A role, a name or a key may be a URL with a password that was put in the wrong place.
        cleaned = _clean(message), _clean(hint)
        return super().__new__(cls, redact_path(path), *cleaned, code, severity, position)

    @property
    def where(self) -> str:
        """The path as text, such as `models[2].roles[1]`."""
        return format_path(self.path)

    def under(self, *prefix: Step) -> Self:
        """Return the same fault with its path below a prefix."""
        return self._replace(path=(*redact_path(prefix), *self.path))

    def as_warning(self) -> Self:
        """Return the same fault as a warning."""
        return self._replace(severity="warning")

    def __str__(self) -> str:
        parts = (str(self.position or ""), self.where, self.message)
        line = ": ".join(part for part in parts if part)
        return f"{line}; {self.hint}" if self.hint else line

    def render(self) -> str:
        """Return the fault as text, followed by the line of the file if that is known."""
        excerpt = self.position.excerpt if self.position else ""
        return f"{self}\n{_indent(excerpt, '    ')}" if excerpt else str(self)


class DispatchError(Exception):
    """The root of all errors of this package."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*(_clean(arg) if isinstance(arg, str) else arg for arg in args))


class ConfigError(DispatchError, ValueError):
    """A configuration is invalid; `faults` holds everything that is wrong with it, in file order.

    >>> error = ConfigError([Fault(("models", 0), "has no key 'model'")])
    >>> error.faults[0].path
    ('models', 0)
    """

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults)

    def __str__(self) -> str:
        rendered = [fault.render() for fault in self.faults[:_RENDERED]]
        if len(self.faults) == 1:
            return rendered[0]
        if len(self.faults) > _RENDERED:
            rendered.append(f"and {len(self.faults) - _RENDERED} more")
        lines = "".join(f"\n{_indent(each, '  ')}" for each in rendered)
        return f"{len(self.faults)} faults in the configuration:{lines}"


def raise_or_collect(found: Sequence[Fault], faults: list[Fault] | None) -> None:
    """Add faults to a list. Raises `ConfigError` with them if there is no list.

    >>> faults = []
    >>> raise_or_collect([Fault(("models",), "is empty")], faults)
    >>> print(*faults)
    models: is empty
    """
    if faults is not None:
        faults += found
    elif found:
        raise ConfigError(found)


class FileError(ConfigError):
    """A file cannot be read, parsed or merged."""


class SecretError(ConfigError):
    """A literal secret where only a reference to the environment is allowed."""


class UnsetVariableError(ConfigError, LookupError):
    """An environment variable that a value refers to is unset or empty; `variable` is its name."""

    def __init__(self, faults: Iterable[Fault], variable: str = "") -> None:
        super().__init__(faults)
        self.variable = variable
        self.args = (self.faults, variable)


class PathError(DispatchError, ValueError):
    """A path leads nowhere. `path` is the path that was asked for, redacted."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message, path)
        self.path: str = self.args[1]

    def __str__(self) -> str:
        return str(self.args[0])


class PathSyntaxError(PathError):
    """A malformed path; `column` counts from 1."""

    def __init__(self, message: str, path: str = "", column: int = 1) -> None:
        super().__init__(message, path)
        self.column = column
        self.args = (*self.args, column)

    def __str__(self) -> str:
        if not self.path or "…" in self.path:  # a caret under a shortened path would be wrong
            return str(self.args[0])
        return f"{self.args[0]}\n  {self.path}\n  {' ' * (self.column - 1)}^"


class MissingKeyError(PathError, LookupError):
    """A missing key, or a selector that no item matches."""


class MissingIndexError(PathError, IndexError):
    """An index past either end of a list."""


class RoleError(DispatchError, LookupError):
    """The program asks for a role that it did not declare."""


class StageError(DispatchError, TypeError):
    """A stage received what an earlier stage should have prepared, or returned the wrong type."""


class SignatureError(DispatchError, TypeError):
    """A callable whose parameters cannot be read."""


class ExtraKeysError(DispatchError, ValueError):
    """Keys that no callable accepts, where `allow_extra_keys` is False."""

    def __init__(self, keys: Sequence[str], where: str = "") -> None:
        super().__init__(redact_path(keys), where)
        self.keys, self.where = self.args

    def __str__(self) -> str:
        return f"{self.where or 'the configuration'}: no callable accepts {', '.join(self.keys)}"


class BudgetError(DispatchError, RuntimeError):
    """A role has used up its `max_cost`."""


class CompletionError(DispatchError, RuntimeError):
    """No model of a role answered; if a stream broke off, `text` is what had arrived."""

    text: str = ""


class ConfigWarning(UserWarning):
    """The root of all warnings of this package; its one argument is a `Fault`."""


class UnknownKeyWarning(ConfigWarning):
    """A key that is unknown, and close to one that LiteLLM knows."""


class CredentialLeakWarning(ConfigWarning):
    """A custom endpoint without a key, to which LiteLLM would send the vendor's key."""


class UnsetVariableWarning(ConfigWarning):
    """A model is left out because a variable that it refers to is unset or empty."""
