"""LiteLLM's own loggers, kept from writing the secrets that it was given.

They write what a provider answers, and under debugging what it is sent; either may quote a key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from dispatch.secrets import scrub

__all__ = ["LOGGERS", "guard_logs"]

LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")


class _Scrubber(logging.Filter):
    """Rewrites each record without the secrets that it knows; it lets every one pass."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        told = record.getMessage()
        if record.exc_info:
            told += "\n" + logging.Formatter().formatException(record.exc_info)
        record.msg, record.args, record.exc_info = scrub(told, self.secrets), (), None
        return True


_scrubber = _Scrubber()


def guard_logs(secrets: Iterable[str]) -> None:
    """Hide these secrets, from now on, in whatever LiteLLM logs in this process.

    >>> guard_logs({"sk-1"})
    >>> with_it = logging.LogRecord("LiteLLM", logging.ERROR, "f", 1, "no: %s", ("sk-1",), None)
    >>> _ = logging.getLogger("LiteLLM").filter(with_it)
    >>> with_it.getMessage()
    'no: ***'
    """
    _scrubber.secrets.update(secrets)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_scrubber)  # the same one is never added twice
