"""A configuration as one page of HTML: roles, models, prices and limits, and what `check` finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import Fault
from dispatch.litellm.catalog import Catalog, read_catalog
from dispatch.redaction import redact_text
from dispatch.tools.assignments import Assignment, assignments
from dispatch.tools.check import Report

__all__ = ["page"]

Groups = Mapping[str, list[Assignment]]

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
    """Return a self-contained page about a configuration: no script, no request, no secret.

    `report` is what `check` finds in it. Prices are in US dollars for a million tokens, limits in
    tokens, as LiteLLM's map has them.

    >>> models = ModelDispatcher([{"name": "fast", "model": "gpt-4o", "api_key": "sk-1"}])
    >>> html = page(models, Report((), (), 1))
    >>> "fast" in html, "sk-1" in html
    (True, False)
    """
    groups = dict(assignments(dispatcher))
    own = (each for found in groups.values() for each in found if not each.lender)
    models = {(each.name, each.model): each for each in own}
    filled = {
        "title": _text(title),
        "summary": _text(report.summary),
        "roles": "".join(_role(role, found) for role, found in groups.items()),
        "columns": "".join(f"<th>{_text(name)}</th>" for name in _COLUMNS),
        "models": "".join(_model(each, groups, read_catalog()) for each in models.values()),
        "off": _off(switched_off),
        "findings": "".join(_findings(report)) or "<p>Nothing to report.</p>",
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(filled)


def _text(value: object) -> str:
    return escape(redact_text(str(value)))


def _role(role: str, found: list[Assignment]) -> str:
    lenders = ", ".join(dict.fromkeys(each.lender for each in found if each.lender))
    note = f'<p class="note">borrows from {_text(lenders)}</p>' if lenders else ""
    items = "".join(_item(each) for each in found) or "<p>No model plays this role.</p>"
    return f"<section><h3>{_text(role)}</h3>{note}<ol>{items}</ol></section>"


def _item(each: Assignment) -> str:
    _, order, name, model, _ = each.cells
    task = f'<p class="task">{_text(each.task)}</p>' if each.task else ""
    step = f'<span class="step">{_text(order)}</span>'
    return f"<li>{step} <b>{_text(name)}</b> <code>{_text(model)}</code>{task}</li>"


def _model(each: Assignment, groups: Groups, catalog: Catalog | None) -> str:
    known = (catalog.find(each.model) if catalog else None) or {}
    info = {**known, **(each.data.get("model_info") or {})}
    roles = [r for r, found in groups.items() if any(a.name == each.name for a in found)]
    cells = (
        each.name,
        each.model,
        ", ".join(roles),
        _tokens(info.get("max_input_tokens")),
        _tokens(info.get("max_output_tokens")),
        _price(info.get("input_cost_per_token")),
        _price(info.get("output_cost_per_token")),
    )
    named = zip(_COLUMNS, cells, strict=True)
    shown = (f'<td data-name="{_text(name)}">{_text(cell)}</td>' for name, cell in named)
    return f"<tr>{''.join(shown)}</tr>"


def _tokens(count: Any) -> str:
    return f"{count:,}" if type(count) is int else "–"


def _price(per_token: Any) -> str:
    return f"{per_token * _MILLION:,.2f}" if isinstance(per_token, int | float) else "–"


def _off(names: Iterable[str]) -> str:
    listed = ", ".join(names)
    return f"<p>Switched off: {_text(listed)}</p>" if listed else ""


def _findings(report: Report) -> Iterator[str]:
    for fault in (*report.faults, *report.warnings, *report.notes):
        yield f'<li class="{fault.severity}">{_finding(fault)}</li>'


def _finding(fault: Fault) -> str:
    excerpt = fault.position.excerpt if fault.position else ""
    shown = f"<pre>{_text(excerpt)}</pre>" if excerpt else ""
    return f"<b>{fault.severity}</b> {_text(fault)}{shown}"
