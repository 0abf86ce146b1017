"""Threads for blocking acts, the urgent ones first.

A pool of the standard library serves in the order of arrival: behind a thousand acts that can
wait, a heartbeat or the answer to a paid order would wait with them.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from queue import PriorityQueue
from threading import Thread
from typing import Any, TypeVar

R = TypeVar("R")

_Act = Callable[[], None]
_FIRST, _URGENT, _ORDINARY = range(3)


def _end() -> None:
    """What tells a thread to stop looking."""


class Lanes:
    """Acts of one lane keep their order. Called from one event loop."""

    def __init__(self, threads: int, *, name: str) -> None:
        self._acts: PriorityQueue[tuple[int, int, _Act]] = PriorityQueue()
        self._arrivals = count()
        self._threads = [Thread(target=self._work, name=name, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    async def run(self, act: Callable[[], R], *, is_urgent: bool = False) -> R:
        """The act's result or exception. Cancelling the wait does not stop an act under way."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()

        def work() -> None:
            if done.cancelled():
                return
            try:
                result = act()
            except BaseException as error:  # noqa: BLE001
                # The one who waits deals with it, whatever it was; this thread has the next act.
                _tell(loop, _fail, done, error)
            else:
                _tell(loop, _succeed, done, result)

        self._acts.put((_URGENT if is_urgent else _ORDINARY, next(self._arrivals), work))
        return await done

    def close(self) -> None:
        """Let the acts under way end, and drop those that wait."""
        for _ in self._threads:
            self._acts.put((_FIRST, next(self._arrivals), _end))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (act := self._acts.get()[2]) is not _end:
            act()


def _tell(loop: asyncio.AbstractEventLoop, how: Callable[..., None], *what: Any) -> None:
    # The loop may have ended, and with it whoever waited.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(how, *what)


def _succeed(done: "asyncio.Future[Any]", result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
