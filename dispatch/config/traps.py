"""What YAML 1.1 reads otherwise than it looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set

from dispatch.config.outline import Node
from dispatch.config.places import File
from dispatch.errors import Fault, Step
from dispatch.secrets import is_secret

__all__ = ["find_traps"]

_EXPONENT = re.compile(r"[-+]?\d+(?:\.\d*)?[eE][-+]?\d+")
_OCTAL = re.compile(r"[-+]?0[0-7_]+")
_SEXAGESIMAL = re.compile(r"[-+]?[1-9][\d_]*(?::[0-5]?\d)+(?:\.\d*)?")


def find_traps(files: Iterable[File], known: Set[tuple[Step, ...]]) -> Iterator[Fault]:
    """Yield what reads otherwise than it looks in the models of files, each with its place.

    `known` are paths that are known to be faulty; nothing is said of these.

    >>> text = "models: [{model: gpt-4o, seed: 0100}]"
    >>> for fault in find_traps([File("c.yaml", "yaml", text)], set()):
    ...     print(fault)
    c.yaml:1:32: models[0].seed: YAML 1.1 reads 0100 as an octal number; quote it, or drop the zero
    """
    seen: set[int] = set()
    for file in files:
        for path, node in _walk(file.outline.root, ()) if file.format == "yaml" else ():
            if node.plain is None or id(node) in seen or path[0] != "models" or path in known:
                continue
            seen.add(id(node))
            fault = _trap(path, node.plain)
            if fault is not None:
                yield fault.at(file.position(node.start))


def _walk(node: Node | None, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], Node]]:
    if node is not None:
        if path:
            yield path, node
        for step, child in node.children.items():
            yield from _walk(child.node, (*path, step))


def _trap(path: tuple[Step, ...], written: str) -> Fault | None:
    if _EXPONENT.fullmatch(written) and not re.fullmatch(r".*\..*[eE][-+].*", written):
        read = "as a text, YAML 1.2 as a number"
        hint = "quote it, or write it with a point and a sign: 1.0e-3"
    elif _OCTAL.fullmatch(written) and written.strip("+-0"):
        read, hint = "as an octal number", "quote it, or drop the zero"
    elif _SEXAGESIMAL.fullmatch(written):
        read, hint = "as a number to the base of 60", "quote it"
    else:
        return None
    shown = "this" if any(is_secret(str(step)) for step in path) else written
    return Fault(path, f"YAML 1.1 reads {shown} {read}", hint, "yaml-trap", "warning")
