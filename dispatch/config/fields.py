"""Arguments as the fields of an object, which shows no secret: `return_type="dataclass"`."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from dispatch.secrets import redact

__all__ = ["fields_class", "find_wrong_names"]


class _Fields:
    def __repr__(self) -> str:
        return f"Arguments({redact(vars(self))!r})"

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if isinstance(other, _Fields) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as of any dataclass that can change

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_fields, (vars(self),)


def _from_fields(values: dict[str, Any]) -> Any:
    return fields_class(tuple(values))(**values)


@lru_cache(maxsize=256)  # a class costs a hundred times more than what it holds
def fields_class(names: tuple[str, ...]) -> Any:
    """Return the dataclass that has these fields.

    >>> fields_class(("model", "api_key"))("gpt-4o", api_key="sk-1")
    Arguments({'model': 'gpt-4o', 'api_key': '***'})
    """
    from dataclasses import make_dataclass

    fields = [(name, Any) for name in names]
    return make_dataclass("Arguments", fields, bases=(_Fields,), repr=False, eq=False)


def find_wrong_names(names: Sequence[str]) -> list[str]:
    """Return the names that no field can have.

    >>> find_wrong_names(["model", "class", "x-key"])
    ['class', 'x-key']
    """
    return [name for name in names if not name.isidentifier() or keyword.iskeyword(name)]
