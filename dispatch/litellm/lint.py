"""Everything in one model that most likely fails, or does something else than it says."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any

from dispatch.errors import Fault
from dispatch.litellm.capabilities import find_end_of_life, find_refused, find_wrong_tokens
from dispatch.litellm.catalog import Catalog
from dispatch.litellm.endpoints import find_foreign_key
from dispatch.litellm.misplaced import find_misplaced
from dispatch.litellm.policy import find_value_faults
from dispatch.litellm.providers import find_endpoint_faults, find_provider_faults
from dispatch.litellm.values import find_reference_faults, find_wrong_values
from dispatch.redaction import scrub, secret_values

__all__ = ["find_suspicious"]


def find_suspicious(
    model: Mapping[str, Any],
    catalog: Catalog | None,
    *,
    ahead: int = 30,
    today: datetime.date | None = None,
    own_keys: Collection[str] = (),
    providers: Collection[str] = (),
    drop_params: bool = False,
    secrets: Collection[str] = (),
) -> Iterator[Fault]:
    """Yield a warning for each thing in a model that looks wrong; paths start at the model.

    `ahead` is how many days before its end a model is reported. `providers` are those of a
    program's own, as `custom_provider_map` lists them, and `drop_params` is that of
    `litellm_settings`. `secrets` are those of the whole configuration, to be hidden.

    >>> for fault in find_suspicious({"model": "gpt-4o", "maxTokens": 10}, None):
    ...     print(fault)
    maxTokens: unknown key; did you mean 'max_tokens'?
    """
    sent = {k: v for k, v in model.items() if isinstance(k, str) and k not in own_keys}
    found = [
        find_misplaced(sent),
        find_wrong_values(sent),
        find_reference_faults(sent),
        find_endpoint_faults(sent),
        filter(None, [find_foreign_key(sent)]),
        find_wrong_tokens(sent, catalog),
    ]
    if catalog is not None:
        found += [
            find_provider_faults(sent, catalog, providers),
            find_refused(sent, catalog, drop_params=drop_params),
            find_end_of_life(sent, catalog, today or datetime.date.today(), ahead),
        ]
    seen = {fault.path for fault in find_value_faults(sent)}  # what is refused anyway
    for fault in chain.from_iterable(found):
        if fault.path not in seen:
            seen.add(fault.path)
            yield _hide(fault, secrets or secret_values(sent))


def _hide(fault: Fault, secrets: Collection[str]) -> Fault:
    """Hide a secret that was written as the name of a model."""
    if fault.code != "unknown-model" or not any(each in fault.message for each in secrets):
        return fault
    return fault._replace(message=scrub(fault.message, secrets), hint="")
