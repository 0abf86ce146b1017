"""The real product for tests: the same processes as `make run`, in a folder and on a port apart."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.spawning import free_port, wait_until

CHECKOUT = Path(__file__).resolve().parent.parent
# Far above what a start takes, because the machine may be busy with other tests.
READY_SECONDS = 180
STOP_SECONDS = 60
# Read from the environment by the product; a test's own must not leak into it.
OURS = re.findall(
    r"^# ([A-Z0-9_]+)=", (CHECKOUT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE
)

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Studio:
    """`with Studio(env={...}) as studio`: ready when the block begins, gone when it ends."""

    def __init__(
        self, *, env: Mapping[str, str] | None = None, var: Path | None = None, port: int = 0
    ) -> None:
        self.port = port or free_port(also_above=10_000)
        self._is_own_folder = var is None
        self.var = var or Path(tempfile.mkdtemp(prefix="is-studio-"))
        clean = {name: value for name, value in os.environ.items() if name not in OURS}
        clean.pop("DJANGO_SETTINGS_MODULE", None)
        self.env = {**clean, "VAR": str(self.var), "PORT": str(self.port), **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    # --- Life ---

    def __enter__(self) -> "Studio":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None:
            print(self.output()[-4000:])
        if self._is_own_folder:
            shutil.rmtree(self.var, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until its pages answer. Raises TimeoutError."""
        self.launch()
        try:
            wait_until(self.is_ready, seconds=READY_SECONDS, while_alive=self._process)
        except TimeoutError as error:
            self.stop()
            raise TimeoutError(f"{error}\n{self.output()[-4000:]}") from None

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it without waiting."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "run"], cwd=CHECKOUT, env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self._process

    def stop(self, *, by: signal.Signals = signal.SIGTERM) -> int:
        """As Ctrl-C does; what does not end in time is killed. Returns the exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(by)
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its children end with it
            return self._process.wait()
        finally:
            self._process = None

    # --- What it says ---

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def log(self) -> Path:
        return self.var / "output.log"

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    @property
    def login(self) -> tuple[str, str]:
        """Email and password of the first login."""
        email, password = (self.var / "first-login.txt").read_text(encoding="utf-8").split()
        return email, password

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def get(self, path: str, *, timeout_seconds: float = 5) -> tuple[int, str]:
        """Status and body as a visitor sees them; status 0 when nobody answers."""
        try:
            with _direct.open(self.url + path, timeout=timeout_seconds) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    # --- Commands ---

    def manage(
        self, *words: str, timeout_seconds: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """Run a management command on this studio's data. Look at `returncode` yourself."""
        return subprocess.run(
            [sys.executable, "manage.py", *words], cwd=CHECKOUT, env=self.env, text=True,
            capture_output=True, timeout=timeout_seconds, check=False,
        )  # fmt: skip

    def ask(self, *words: str, timeout_seconds: float = 120) -> Any:
        """The same for a command that must succeed and answers with JSON."""
        done = self.manage(*words, timeout_seconds=timeout_seconds)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    # --- Processes ---

    def pids(self) -> dict[str, int]:
        """Of the supervisor and its children, by name; a dead child is missing until it is back."""
        try:
            return dict(json.loads((self.var / "pids.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def kill(self, name: str, *, by: signal.Signals = signal.SIGKILL) -> int:
        """Kill one process; its pid. Raises KeyError when it is not running."""
        pid = self.pids()[name]
        os.kill(pid, by)
        return pid

    def wait_for_another(self, name: str, *, than: int, seconds: float = 30) -> int:
        """The pid of the process that took a killed one's place."""
        wait_until(lambda: self.pids().get(name, than) != than, seconds=seconds)
        return self.pids()[name]
