"""manage.py sandbox as a process: it survives kill -9, ends on SIGTERM, refuses when deployed."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Caller, Listener, until

CHECKOUT = Path(__file__).parents[2]
COMMAND = [sys.executable, str(CHECKOUT / "manage.py"), "sandbox"]
KEY = "the key of this test"


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "VAR": str(folder), "SANDBOX_API_KEY": KEY, **more}


@contextmanager
def running(folder: Path, port: int) -> Iterator[tuple[subprocess.Popen[bytes], Caller]]:
    process = subprocess.Popen([*COMMAND, "--port", str(port)], env=environment(folder))
    caller = Caller(f"http://127.0.0.1:{port}", api_key=KEY)
    try:
        until(lambda: is_up(caller), seconds=30)
        yield process, caller
    finally:
        process.kill()
        process.wait()


def is_up(caller: Caller) -> bool:
    try:
        return caller.get("/healthz").status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number: int = taken.getsockname()[1]
    return number


def test_nothing_accepted_is_lost_by_kill_9(tmp_path: Path, port: int, listener: Listener) -> None:
    with running(tmp_path, port) as (process, caller):
        fields: dict[str, Any] = {"model": "flux-schnell", "webhook_url": listener.url}
        task_id = caller.order("a harbour [64px] [slow:1.5]", **fields).json["task_id"]
        process.send_signal(signal.SIGKILL)
        process.wait()
    with running(tmp_path, port) as (_, caller):
        assert caller.stats()["accepted"] == 1
        assert caller.finished(task_id)["status"] == "finished"
        until(lambda: any(body["status"] == "finished" for _, body in listener.heard))


def test_it_ends_within_two_seconds_of_sigterm_whatever_hangs(tmp_path: Path, port: int) -> None:
    body = b'{"prompt": "x [accept-then-hang]"}'
    with (
        running(tmp_path, port) as (process, caller),
        socket.create_connection(("127.0.0.1", port)) as hanging,
    ):
        hanging.sendall(
            b"POST /api/v1/imagine HTTP/1.1\r\nHost: x\r\nAuthorization: %b\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (KEY.encode(), len(body), body)
        )
        until(lambda: caller.stats()["in_flight"] == 1)
        process.terminate()
        started = time.monotonic()
        process.wait(timeout=10)
        assert time.monotonic() - started < 2


def test_it_refuses_to_run_where_it_is_switched_off(tmp_path: Path) -> None:
    refused = subprocess.run(
        COMMAND, env=environment(tmp_path, SANDBOX="0"), capture_output=True, text=True, check=False
    )
    assert refused.returncode == 1
    assert "Set SANDBOX=1 to run it all the same." in refused.stderr
