"""A dispatcher that follows changes to its files."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Self, TypeVar

from dispatch.dispatcher import ModelDispatcher
from dispatch.errors import DispatchError
from dispatch.loading import PathName, load
from dispatch.models import RoleGroup
from dispatch.tools.request import connect

__all__ = ["Watch", "watch"]

T = TypeVar("T")

_LOG = logging.getLogger("dispatch")


def watch(
    *paths: PathName, interval: float = 1.0, optional: Iterable[PathName] = (), **options: Any
) -> Watch:
    """Load files like `load`, and reload them when one of them changes.

    The attribute `current` of the result is the dispatcher to use. `poll()` checks the files; in a
    `with` block, or between `start()` and `stop()`, a thread does so every `interval` seconds.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "models.yaml")
    >>> _ = file.write_text("models: [{name: a, model: gpt-4o}]")
    >>> watched = watch(file)
    >>> _ = file.write_text("models: [{name: other, model: gpt-4o}]")
    >>> watched.poll(), watched.current
    (True, ModelDispatcher(RoleGroup(chatcompletions: other), RoleGroup(postcompletions)))

    Raises the errors of `load` for the current files.
    """
    return Watch(paths, interval, optional=tuple(optional), **options)


class Watch:
    """Files, and the dispatcher from their last valid version.

    `current` is replaced atomically, and running calls keep the dispatcher that they started with.
    `error` is why the current files are not used; None if they are.
    """

    def __init__(self, paths: tuple[PathName, ...], interval: float, **options: Any) -> None:
        self._load, self._interval = partial(load, *paths, **options), interval
        self._watched = [Path(path) for path in (*paths, *options["optional"])]
        self._lock = Lock()
        self._stopped = Event()
        self._thread: Thread | None = None
        self._stats, self._contents = self._look(_stat), self._look(Path.read_bytes)
        self.error: DispatchError | None = None
        self.current: ModelDispatcher[RoleGroup] = self._load()

    def poll(self) -> bool:
        """Check the files, and return whether `current` was replaced.

        Invalid files are logged once, by the logger `dispatch`, and set `error`.
        """
        with self._lock:
            stats = self._look(_stat)
            if stats == self._stats:
                return False
            contents = self._look(Path.read_bytes)
            self._stats = stats  # read before the contents, so later changes are noticed
            if contents == self._contents:
                return False
            self._contents = contents
            try:
                made = self._load()
                connect(made).succeed(made, connect(self.current))
                self.current, self.error = made, None
            except DispatchError as error:
                self.error = error.with_traceback(None)  # its frames contain data of the files
                _LOG.warning("keeping the previous configuration: %s", error)
                return False
            return True

    def _look(self, look: Callable[[Path], T]) -> list[T | None]:
        """Look at each file; None for files that cannot be read."""
        found: list[T | None] = []
        for path in self._watched:
            try:
                found.append(look(path))
            except OSError:
                found.append(None)
        return found

    def start(self) -> Self:
        """Start a thread that polls, unless it is running; it ends with the process."""
        if self._thread is None:
            self._stopped.clear()
            self._thread = Thread(target=self._run, name="dispatch.watch", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop the thread and wait for it; `current` stays."""
        thread, self._thread = self._thread, None
        self._stopped.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.poll()
            except Exception:  # of any class, such as a warning raised as an error
                _LOG.exception("keeping the previous configuration")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _stat(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
