"""Keeping the service's loops alive: one that fails is told of, counted, and started again after a pause.

Every task that outlives a call belongs to a `Supervisor`: a loop whose task had ended unnoticed would be missed only
when its work was. What fails elsewhere, in a callback or a task nobody awaits, is told of too (`Supervisor.listen`).
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import structlog

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# A loop that fails once an hour and one that fails whenever there is work both deserve an alarm, which takes some
# seconds of trouble to be raised: a loop counts as well only after it has lived this long.
WELL_AFTER_S = 30.0
CANCEL_AGAIN_S = 5.0
UNATTENDED = "unattended"

Loop = Callable[[], Awaitable[None]]
Report = Callable[[str, str, str], None]
"""Part (`loop-NAME`), `ok` or `degraded`, detail for people."""


def _nobody(_part: str, _state: str, _detail: str) -> None:
    """Where there is no board, the log has it."""


class Supervisor:
    """Runs named loops. `failures` counts how often each failed, and had to be started again or survived it."""

    def __init__(self, report: Report = _nobody, failures: Counter[str] | None = None) -> None:
        self.failures: Counter[str] = Counter() if failures is None else failures
        self._report = report
        self._tasks: list[asyncio.Task[None]] = []
        self._survived: dict[str, asyncio.TimerHandle] = {}

    def branch(self) -> Supervisor:
        """For a room that ends its loops by itself: one that tells and counts in the same places."""
        return type(self)(self._report, self.failures)

    def keep(self, name: str, loop: Loop) -> None:
        """Run `loop` for ever: it ends only by being cancelled."""
        self._start(self._keep(name, loop, once=False), name)

    def finish(self, name: str, job: Loop) -> None:
        """Run `job` until it has returned once."""
        self._start(self._keep(name, job, once=True), name)

    def survived(self, name: str, error: BaseException | None, what: str = "") -> None:
        """Tell of a fault that did not end its loop: one of many things it does has failed, and it goes on."""
        self._failed(name, f"{what}: {_words(error)}" if what and error else what or _words(error), error)
        if (timer := self._survived.pop(name, None)) is not None:
            timer.cancel()
        self._survived[name] = asyncio.get_running_loop().call_later(WELL_AFTER_S, self._tell, name, "ok", "")

    async def end(self) -> None:
        """Cancel every loop and wait for its end."""
        for timer in self._survived.values():
            timer.cancel()
        self._survived.clear()
        tasks, self._tasks = set(self._tasks), []
        while tasks:
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)
            if tasks:
                # Something in them took the cancellation for an error of its own.
                _log("loops do not end, cancelled again", loops=sorted(task.get_name() for task in tasks))

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Meanwhile hear of what fails in this event loop's callbacks, in tasks nobody awaits, and in threads."""
        loop = asyncio.get_running_loop()
        handler, hook = loop.get_exception_handler(), threading.excepthook

        def callback_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            what = str(context.get("message", "a callback failed"))
            self.survived(UNATTENDED, context.get("exception"), what)

        def thread_failed(args: threading.ExceptHookArgs) -> None:
            what = f"thread {args.thread.name if args.thread else '?'}"
            loop.call_soon_threadsafe(self.survived, UNATTENDED, args.exc_value, what)

        loop.set_exception_handler(callback_failed)
        threading.excepthook = thread_failed
        try:
            yield
        finally:
            threading.excepthook = hook
            loop.set_exception_handler(handler)

    def _start(self, running: Any, name: str) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.get_running_loop().create_task(running, name=name))

    async def _keep(self, name: str, loop: Loop, *, once: bool) -> None:
        running = asyncio.get_running_loop()
        pause_s = FIRST_PAUSE_S
        troubled = False
        settled: asyncio.TimerHandle | None = None

        def well(why: str = "runs again") -> None:
            nonlocal troubled
            troubled = False
            self._tell(name, "ok", why)

        try:
            while True:
                started_s = running.time()
                error = await self._run(loop)
                if once and error is None:
                    return
                if settled is not None:
                    settled.cancel()
                troubled = True
                self._failed(name, _words(error) if error else "ended without being asked to", error)
                if running.time() - started_s > WELL_AFTER_S:
                    pause_s = FIRST_PAUSE_S
                await asyncio.sleep(pause_s)
                pause_s = min(LONGEST_PAUSE_S, pause_s * 2)
                settled = running.call_later(WELL_AFTER_S, well)
        finally:
            if settled is not None:
                settled.cancel()
            if troubled:
                well("ended")

    async def _run(self, loop: Loop) -> BaseException | None:
        """Run it once; what it raised. Raises CancelledError only where it is we who are cancelled."""
        try:
            await loop()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Something it awaited was cancelled by somebody else: no reason for the loop to be gone.
            return error
        except Exception as error:  # noqa: BLE001 - supervised: the other loops must go on whatever broke here
            return error
        return None

    def _failed(self, name: str, why: str, error: BaseException | None) -> None:
        self.failures[name] += 1
        _log("loop failed", loop=name, why=why, exc_info=error)
        self._tell(name, "degraded", why)

    def _tell(self, name: str, state: str, detail: str) -> None:
        try:
            self._report(f"loop-{name}", state, detail)
        except Exception as error:  # noqa: BLE001 - whoever is told may be what is broken; the loop goes on
            _log("loop's state not told", loop=name, state=state, exc_info=error)


def _log(event: str, **values: Any) -> None:
    # A log that cannot be written must not end the loop it tells of.
    with suppress(Exception):
        log.error(event, **values)


def _words(error: BaseException | None) -> str:
    return f"{type(error).__name__}: {error}"
