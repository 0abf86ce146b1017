"""Keep processes running: start, prefix their output, restart with back-off, stop in order.

One thread and no event loop, so that a child can be prepared between fork and exec in safety.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO

from imagestudio.lib.limits import end_with_parent

BACK_OFF_SECONDS = 0.5
BACK_OFF_SECONDS_MAX = 15.0
HEALTHY_SECONDS = 30.0
GRACE_SECONDS = 8.0
SAME_WISH_SECONDS = 0.7
TICK_SECONDS = 0.2
LINE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Program:
    """`wait_seconds` holds its first start back, so that what people wait for has the processor."""

    name: str
    command: tuple[str, ...]
    wait_seconds: float = 0.0


@dataclass(slots=True)
class Child:
    """One program and the process that runs it now, if any."""

    program: Program
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    back_off_seconds: float = BACK_OFF_SECONDS
    unfinished: bytes = b""
    output: IO[bytes] | None = field(default=None, repr=False)


class Supervisor:
    """Runs until a signal asks it to stop. Programs start in the given order, stop in reverse."""

    def __init__(
        self,
        programs: Sequence[Program],
        *,
        pids_file: Path,
        env: Mapping[str, str],
        each_tick: Callable[[], None] = lambda: None,
    ) -> None:
        now = time.monotonic()
        self._children = [Child(one, start_at=now + one.wait_seconds) for one in programs]
        self._pids_file = pids_file
        self._env = dict(env)
        self._each_tick = each_tick
        self._selector = selectors.DefaultSelector()
        self._signals = 0
        self._signalled_at = 0.0

    def run(self) -> None:
        """Block until SIGINT, SIGTERM or SIGHUP; a second one kills what still lingers."""
        with _Wakeup(self._selector, self._count_signal):
            try:
                while not self._signals:
                    self._start_due()
                    self._wait()
                    self._each_tick()
            finally:
                self._stop_all()

    def pids(self) -> dict[str, int]:
        running = {c.program.name: c.process.pid for c in self._children if c.process}
        return {"supervisor": os.getpid(), **running}

    def _count_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Shells and `timeout` may send one wish twice; only an impatient person means a second.
        now = time.monotonic()
        if now - self._signalled_at > SAME_WISH_SECONDS:
            self._signals += 1
        self._signalled_at = now

    # --- Starting and restarting ---

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [c for c in self._children if c.process is None and c.start_at <= now]
        for child in due:
            self._start(child)
        if due:
            self._write_pids()

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            child.program.command,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own: Ctrl-C reaches us alone, and what a child forked ends with it.
            process_group=0,
            preexec_fn=partial(end_with_parent, os.getpid()),  # noqa: PLW1509 - one thread
        )
        child.started_at = time.monotonic()
        child.output = child.process.stdout
        if child.output is not None:
            os.set_blocking(child.output.fileno(), False)
            self._selector.register(child.output, selectors.EVENT_READ, child)

    def _collect_dead(self) -> None:
        dead = [c for c in self._children if c.process and _has_ended(c.process.pid)]
        for child in dead:
            self._bury(child)
        if dead:
            self._write_pids()

    def _bury(self, child: Child) -> None:
        """Read its last words, end what it left behind, plan its return."""
        if child.process is None:
            return
        _signal_group(child.process.pid, signal.SIGKILL)
        code = child.process.wait()
        while self._read(child):
            pass
        self._forget_output(child)
        lived_seconds = time.monotonic() - child.started_at
        if lived_seconds >= HEALTHY_SECONDS:
            child.back_off_seconds = BACK_OFF_SECONDS
        child.process = None
        if self._signals:
            return
        child.start_at = time.monotonic() + child.back_off_seconds
        _say(child.program.name, f"ended ({_ending(code)}), again in {child.back_off_seconds:g} s")
        child.back_off_seconds = min(child.back_off_seconds * 2, BACK_OFF_SECONDS_MAX)

    def _write_pids(self) -> None:
        fresh = self._pids_file.with_suffix(".new")
        fresh.write_text(json.dumps(self.pids()), encoding="utf-8")
        fresh.replace(self._pids_file)

    # --- Listening ---

    def _wait(self) -> None:
        for key, _ in self._selector.select(TICK_SECONDS):
            if isinstance(key.data, Child):
                self._read(key.data)
            else:
                os.read(key.fd, 4096)
        self._collect_dead()

    def _read(self, child: Child) -> bool:
        """Say the whole lines that have come. False when there is nothing more for now."""
        if child.output is None:
            return False
        try:
            chunk = os.read(child.output.fileno(), LINE_BYTES_MAX)
        except BlockingIOError:
            return False
        if not chunk:  # it closed its output; whether it lives is another question
            self._forget_output(child)
            return False
        *lines, rest = (child.unfinished + chunk).split(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            lines, rest = [*lines, rest], b""
        child.unfinished = rest
        for line in lines:
            _say(child.program.name, line.decode(errors="replace"))
        return True

    def _forget_output(self, child: Child) -> None:
        if child.output is None:
            return
        if child.unfinished:
            _say(child.program.name, child.unfinished.decode(errors="replace"))
        self._selector.unregister(child.output)
        child.output.close()
        child.output, child.unfinished = None, b""

    # --- Stopping ---

    def _stop_all(self) -> None:
        self._signals = max(self._signals, 1)
        for child in reversed(self._children):
            self._stop(child)
        self._pids_file.unlink(missing_ok=True)
        self._selector.close()

    def _stop(self, child: Child) -> None:
        if child.process is None:
            return
        child.process.terminate()
        end = time.monotonic() + GRACE_SECONDS
        while _has_process(child) and time.monotonic() < end and self._signals < 2:
            self._wait()
        if _has_process(child):
            _say(child.program.name, "did not stop, killed")
            child.process.kill()
            self._bury(child)


class _Wakeup:
    """Signals interrupt the wait at once; a dead child does so too."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        on_stop: Callable[[int, FrameType | None], None],
    ) -> None:
        self._selector = selector
        self._on_stop = on_stop

    def __enter__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._selector.register(self._reader, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_stop)

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._reader)
        os.close(self._writer)


def _has_process(child: Child) -> bool:
    return child.process is not None


def _has_ended(pid: int) -> bool:
    """Look without reaping: as long as it is a zombie, nobody else can have its number."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"


def _say(name: str, line: str) -> None:
    try:
        sys.stdout.write(f"{name:<8}| {line}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has gone; the processes matter more than their words.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
