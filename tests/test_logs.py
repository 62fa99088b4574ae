"""LiteLLM's logs contain none of a Router's secrets."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest

from dispatch.litellm import logs
from dispatch.litellm.logs import LOGGERS, guard_logs
from tests.helpers import python

SECRET = "canary-in-logs"


@pytest.fixture
def shown():
    """Log a record and return it as it is shown."""

    def show(message, *arguments, secrets=(SECRET,), **options):
        guard_logs(secrets)
        options = {"exc_info": None, **options}
        record = logging.root.makeRecord("a", logging.ERROR, "f", 1, message, arguments, **options)
        assert logs._scrubber.filter(record)
        return record

    return show


def error():
    try:
        raise ValueError(f"no {SECRET}")
    except ValueError:
        return sys.exc_info()


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        (f"no: {SECRET}", (), "no: ***"),
        ("no: %s", (SECRET,), "no: ***"),
        ("%s and %s", (SECRET,), "%s and %s ('***',)"),
        ("%d", (SECRET,), "%d ('***',)"),
        ({"key": SECRET}, (), "{'key': '***'}"),
        ("100%", (), "100%"),
    ],
)
def test_message(shown, message, arguments, expected):
    """A message is scrubbed even if its arguments do not match: a filter never raises."""
    assert shown(message, *arguments).getMessage() == expected


def test_unshowable(shown):
    """A record that cannot be shown at all is passed on without its content."""

    class Broken:
        def __repr__(self):
            raise RuntimeError(SECRET)

    record = shown("%s", Broken(), extra={"headers": {"X-Key": SECRET}})
    assert record.getMessage() == "a record that cannot be shown"
    assert SECRET not in str(vars(record))


def test_exception(shown):
    """A traceback is part of the message, and scrubbed with it."""
    record = shown("failed", exc_info=error(), sinfo=f"at {SECRET}")
    assert SECRET not in logging.Formatter().format(record)
    assert "ValueError: no ***" in record.getMessage()


def test_json_fields(shown):
    """Extra fields in JSON logs are scrubbed at any depth, and otherwise unchanged."""
    fields = {"headers": {"X-Mine": SECRET, "api-key": "x"}, "list": [SECRET, 3], "ok": {"a": 1.5}}
    record = shown("sent", extra=fields)
    assert record.headers == {"X-Mine": "***", "api-key": "***"}
    assert (record.list, record.ok) == (["***", 3], {"a": 1.5})


def test_forgotten(shown):
    """The secrets of the last Routers are known; many Routers of the same ones count as one."""
    for number in range(100):
        guard_logs({f"other-secret-{number}"})
        guard_logs({SECRET})
    assert shown("%s", SECRET, secrets=()).getMessage() == "***"
    assert len(logs._scrubber.secrets) <= 32
    for number in range(40):
        guard_logs({f"other-secret-{number}"})
    assert SECRET not in logs._scrubber.secrets
    for name in LOGGERS:
        assert logging.getLogger(name).filters.count(logs._scrubber) == 1


@pytest.mark.slow
def test_json_logs_of_litellm():
    """With LiteLLM's JSON logs and debugging, a request shows no secret of a model."""
    code = f"""
import litellm
from dispatch import ModelDispatcher, make_router
litellm._turn_on_debug()
router = make_router(ModelDispatcher([{{
    "model": "openai/m", "api_key": "{SECRET}-key", "api_base": "http://127.0.0.1:9/v1",
    "extra_headers": {{"X-Api-Key": "{SECRET}-header"}}, "max_retries": 0,
}}]), num_retries=0)
try:
    router.completion("chatcompletions", messages=[{{"role": "user", "content": "hi"}}])
except Exception as error:
    pass
"""
    done = python(code, env={"JSON_LOGS": "true"}, stderr=subprocess.STDOUT)
    assert any(line.startswith("{") and json.loads(line) for line in done.stdout.splitlines())
    assert "127.0.0.1:9" in done.stdout
    assert SECRET not in done.stdout
