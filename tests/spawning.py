"""One child process of a test's own: started, waited for, killed by its id, never by its name."""

import atexit
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 10


class Missing(Exception):
    """A server that this machine does not have. The message names it and says where to get it."""


def free_port(*, also_above: int = 0) -> int:
    """A port nobody listens on, below those the kernel hands out; `also_above` checks its twin."""
    for port in random.sample(range(20_000, 30_000), 500):
        if _is_free(port) and (not also_above or _is_free(port + also_above)):
            return port
    raise Missing("No free port between 20000 and 30000.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


class Server:
    """One child process that can be killed and started again on the same folder."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        is_up: Callable[[], bool],
        env: Mapping[str, str] | None = None,
        user: str = "",
    ) -> None:
        self._command = [*as_user(user), *map(str, command)]
        self._folder = folder
        self._is_up = is_up
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        with (self._folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._env, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.kill)
        wait_until(self._is_up, seconds=START_SECONDS, while_alive=self._process)

    def stop(self) -> None:
        """Ask the process to end, and see that it does."""
        atexit.unregister(self.kill)
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def wait_until(
    reached: Callable[[], bool],
    *,
    seconds: float,
    while_alive: subprocess.Popen[bytes] | None = None,
) -> None:
    """Ask again and again. Raises TimeoutError, at once when the process has gone."""
    end = time.monotonic() + seconds
    while not reached():
        if while_alive is not None and while_alive.poll() is not None:
            raise TimeoutError(f"{while_alive.args!r} ended with {while_alive.returncode}")
        if time.monotonic() > end:
            raise TimeoutError(f"not reached within {seconds} s")
        time.sleep(0.05)


def as_user(name: str) -> list[str]:
    """Drop root's rights where we have them: PostgreSQL refuses to run with them."""
    if not name:
        return []
    return ["setpriv", f"--reuid={name}", f"--regid={name}", "--clear-groups", "--pdeathsig=TERM"]
