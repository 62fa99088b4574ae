"""Keep secrets out of the records of LiteLLM's loggers.

They log the responses of providers and, at debug level, requests; both may contain a key.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from dispatch.redaction import HIDDEN, is_secret, redact_key, scrub

__all__ = ["LOGGERS", "guard_logs"]

LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy")

_KEPT = 32  # latest Routers whose secrets are kept
_UNSHOWN = "a record that cannot be shown"
_STANDARD = frozenset(vars(logging.makeLogRecord({})))


class _Scrubber(logging.Filter):
    """A filter that removes known secrets from each record, and passes every record."""

    def __init__(self) -> None:
        super().__init__()
        self.given: tuple[frozenset[str], ...] = ()
        self.secrets: frozenset[str] = frozenset()

    def know(self, secrets: frozenset[str]) -> None:
        self.given = tuple(dict.fromkeys((secrets, *self.given)))[:_KEPT]
        self.secrets = frozenset[str]().union(*self.given)

    def filter(self, record: logging.LogRecord) -> bool:
        extra = [name for name in vars(record) if name not in _STANDARD]
        try:
            message = self._message(record)
            values = {name: self._clean(getattr(record, name), name) for name in extra}
        except Exception:  # of any class: logging must not fail
            message, values = _UNSHOWN, dict.fromkeys(extra, _UNSHOWN)
        record.msg, record.args = message, ()
        record.exc_info = record.exc_text = record.stack_info = None
        vars(record).update(values)
        return True

    def _message(self, record: logging.LogRecord) -> str:
        try:
            message = record.getMessage()
        except Exception:  # the arguments do not match the message
            message = f"{record.msg} {record.args!r}"
        error = record.exc_text or ""
        if record.exc_info and not error:
            error = logging.Formatter().formatException(record.exc_info)
        return scrub("\n".join(filter(None, (message, error, record.stack_info))), self.secrets)

    def _clean(self, value: Any, name: str = "") -> Any:
        """Scrub the extra fields that JSON logs show, such as headers."""
        if isinstance(value, Mapping):
            return {
                redact_key(key) if isinstance(key, str) else key: self._clean(item, str(key))
                for key, item in value.items()
            }
        if isinstance(value, list | tuple | set):
            return [self._clean(item, name) for item in value]
        if value is None or isinstance(value, bool):
            return value
        if is_secret(name):
            return HIDDEN
        text = str(value)
        clean = scrub(text, self.secrets)
        return value if clean == text else clean


_scrubber = _Scrubber()


def guard_logs(secrets: Iterable[str]) -> None:
    """Hide these secrets in everything that LiteLLM logs in this process from now on.

    The secrets of the last 32 Routers are kept. Anything that looks like a secret is always hidden.

    >>> guard_logs({"sk-1"})
    >>> record = logging.LogRecord("LiteLLM", logging.ERROR, "f", 1, "no: %s", ("sk-1",), None)
    >>> _ = logging.getLogger("LiteLLM").filter(record)
    >>> record.getMessage()
    'no: ***'
    """
    _scrubber.know(frozenset(secrets))
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_scrubber)  # not added twice
