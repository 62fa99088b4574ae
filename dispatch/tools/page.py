"""A configuration as an HTML page: roles, models, prices, limits, and findings of `check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from dispatch.dispatcher import ModelDispatcher
from dispatch.litellm.catalog import read_catalog
from dispatch.redaction import redact_text
from dispatch.tools.assignments import Assignment, assignments
from dispatch.tools.check import Report

__all__ = ["page"]

_TEMPLATE = Path(__file__).with_name("page.html")
_COLUMNS = ("name", "model", "roles", "input limit", "output limit", "$ per M in", "$ per M out")
_MILLION = 1_000_000


def page(
    dispatcher: ModelDispatcher[Any],
    report: Report,
    *,
    title: str = "dispatch",
    switched_off: Iterable[str] = (),
) -> str:
    """Return a self-contained page about a configuration, without scripts, requests or secrets.

    `report` is the result of `check`. Prices are in US dollars per million tokens and limits in
    tokens, from LiteLLM's map.

    >>> models = ModelDispatcher([{"name": "fast", "model": "gpt-4o", "api_key": "sk-1"}])
    >>> html = page(models, Report((), (), 1))
    >>> "fast" in html, "sk-1" in html
    (True, False)
    """
    groups = dict(assignments(dispatcher))
    own = (each for found in groups.values() for each in found if not each.lender)
    models = {(each.name, each.model): each for each in own}.values()
    off = ", ".join(switched_off)
    filled = {
        "title": _text(title),
        "summary": _text(report.summary),
        "roles": "".join(_role(role, found) for role, found in groups.items()),
        "columns": "".join(f"<th>{_text(name)}</th>" for name in _COLUMNS),
        "models": "".join(f"<tr>{''.join(_cells(each, groups))}</tr>" for each in models),
        "off": f"<p>Switched off: {_text(off)}</p>" if off else "",
        "findings": "".join(_findings(report)) or "<p>Nothing to report.</p>",
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(filled)


def _text(value: object) -> str:
    return escape(redact_text(str(value)))


def _role(role: str, found: list[Assignment]) -> str:
    lenders = ", ".join(dict.fromkeys(each.lender for each in found if each.lender))
    note = f'<p class="note">borrows from {_text(lenders)}</p>' if lenders else ""
    items = ""
    for each in found:
        _, order, name, model, _ = map(_text, each.cells)
        task = f'<p class="task">{_text(each.task)}</p>' if each.task else ""
        step = f'<span class="step">{order}</span>'
        items += f"<li>{step} <b>{name}</b> <code>{model}</code>{task}</li>"
    listed = f"<ol>{items or '<p>No model plays this role.</p>'}</ol>"
    return f"<section><h3>{_text(role)}</h3>{note}{listed}</section>"


def _cells(each: Assignment, groups: Mapping[str, list[Assignment]]) -> Iterator[str]:
    catalog, own = read_catalog(), each.data.get("model_info")
    known = (catalog.find(each.model) if catalog else None) or {}
    info = {**known, **(own if isinstance(own, Mapping) else {})}
    roles = [r for r, found in groups.items() if any(a.name == each.name for a in found)]
    limits = [info.get(f"max_{which}_tokens") for which in ("input", "output")]
    prices = [info.get(f"{which}_cost_per_token") for which in ("input", "output")]
    cells = (
        *(each.name, each.model, ", ".join(roles)),
        *(f"{count:,}" if type(count) is int else "–" for count in limits),
        *(f"{p * _MILLION:,.2f}" if isinstance(p, int | float) else "–" for p in prices),
    )
    for column, cell in zip(_COLUMNS, cells, strict=True):
        yield f'<td data-name="{_text(column)}">{_text(cell)}</td>'


def _findings(report: Report) -> Iterator[str]:
    for fault in (*report.faults, *report.warnings, *report.notes):
        excerpt = fault.position.excerpt if fault.position else ""
        shown = f"<pre>{_text(excerpt)}</pre>" if excerpt else ""
        severity = fault.severity
        yield f'<li class="{severity}"><b>{severity}</b> {_text(fault)}{shown}</li>'
