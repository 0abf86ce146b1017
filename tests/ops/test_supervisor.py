"""The supervisor alone, over small programs of the tests' own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.spawning import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]
SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN);" + SLEEPER
PARENT = (
    "import subprocess, sys, time;"
    "print('child', subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid,"
    " flush=True); time.sleep(600)"
)
SUPERVISE = """
import json, os, sys
from pathlib import Path
from imagestudio import supervisor
supervisor.GRACE_SECONDS = 0.5
supervisor.BACK_OFF_SECONDS_MAX = 2.0
programs = json.loads(sys.argv[2])
programs = [supervisor.Program(name, (sys.executable, "-c", code)) for name, code in programs]
supervisor.Supervisor(programs, pids_file=Path(sys.argv[1]), env=os.environ).run()
"""


class Supervised:
    """A supervisor in a process of its own, and what it says."""

    def __init__(self, folder: Path, programs: list[tuple[str, str]]) -> None:
        self.pids_file = folder / "pids.json"
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISE, str(self.pids_file), json.dumps(programs)],
                cwd=CHECKOUT, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def pid(self, name: str) -> int:
        wait_until(lambda: name in self._pids(), seconds=10)
        return self._pids()[name]

    def _pids(self) -> dict[str, int]:
        try:
            return dict(json.loads(self.pids_file.read_text()))
        except FileNotFoundError:
            return {}

    def says(self, words: str, *, times: int = 1) -> None:
        wait_until(lambda: self.log.read_text().count(words) >= times, seconds=15)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[type[Supervised]]:
    started: list[Supervised] = []

    class Here(Supervised):
        def __init__(self, *programs: tuple[str, str]) -> None:
            super().__init__(tmp_path, list(programs))
            started.append(self)

    yield Here
    for one in started:
        one.end()


def is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def test_each_line_carries_the_name_of_its_process(supervise):
    supervised = supervise(("first", "print('hello')\nimport time; time.sleep(600)"))

    supervised.says("first   | hello")


def test_a_killed_child_is_back_and_each_further_time_later(supervise):
    supervised = supervise(("worker", SLEEPER))
    for times, pause in ((1, "0.5"), (2, "1"), (3, "2"), (4, "2")):
        supervised.says("worker  | up", times=times)
        os.kill(supervised.pid("worker"), signal.SIGKILL)
        supervised.says(f"worker  | ended (signal SIGKILL), again in {pause} s")


def test_a_child_that_fails_at_once_does_not_stop_the_others(supervise):
    supervised = supervise(("steady", SLEEPER), ("broken", "raise SystemExit(3)"))

    supervised.says("broken  | ended (exit 3)", times=2)

    assert not is_gone(supervised.pid("steady"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_and_leaves_no_process(supervise, number):
    supervised = supervise(("first", SLEEPER), ("second", SLEEPER))
    supervised.says("| up", times=2)
    pids = [supervised.pid("first"), supervised.pid("second")]

    supervised.process.send_signal(number)

    assert supervised.process.wait(10) == 0
    assert all(is_gone(pid) for pid in pids)
    assert not supervised.pids_file.exists()


def test_the_last_started_stops_first(supervise):
    farewell = (
        "import signal, sys, time;"
        "signal.signal(15, lambda *_: (print('bye', flush=True), sys.exit()));"
        "print('up', flush=True); time.sleep(600)"
    )
    supervised = supervise(("valkey", farewell), ("web", farewell))
    supervised.says("| up", times=2)

    supervised.process.send_signal(signal.SIGINT)
    supervised.process.wait(10)

    said = supervised.log.read_text()
    assert said.index("web     | bye") < said.index("valkey  | bye")


def test_a_child_that_will_not_stop_is_killed_after_its_grace(supervise):
    supervised = supervise(("deaf", DEAF))
    supervised.says("| up")
    pid = supervised.pid("deaf")

    supervised.process.send_signal(signal.SIGINT)

    assert supervised.process.wait(10) == 0
    assert is_gone(pid)


def test_a_wish_that_comes_twice_is_still_one(supervise):
    supervised = supervise(("deaf", DEAF))
    supervised.says("| up")

    supervised.process.send_signal(signal.SIGINT)
    supervised.process.send_signal(signal.SIGTERM)

    begun = time.monotonic()
    supervised.process.wait(10)
    assert time.monotonic() - begun > 0.4, "it had its grace"


def test_what_a_dead_child_has_forked_ends_with_it(supervise):
    supervised = supervise(("worker", PARENT))
    supervised.says("child ")
    grandchild = int(supervised.log.read_text().split("child ")[1].split()[0])

    os.kill(supervised.pid("worker"), signal.SIGKILL)

    wait_until(lambda: is_gone(grandchild), seconds=5)


def test_children_end_with_a_supervisor_that_is_killed(supervise):
    supervised = supervise(("first", SLEEPER), ("deaf", DEAF))
    supervised.says("| up", times=2)
    pids = [supervised.pid("first"), supervised.pid("deaf")]

    supervised.process.kill()
    supervised.process.wait()

    wait_until(lambda: all(is_gone(pid) for pid in pids), seconds=5)


def test_output_without_a_line_end_is_not_lost(supervise):
    supervised = supervise(("quiet", "import sys; sys.stdout.write('last words'); sys.exit(1)"))

    supervised.says("quiet   | last words")


def test_a_child_that_floods_its_output_does_not_hold_up_a_stop(supervise):
    supervised = supervise(("flood", "while True: print('x' * 1000)"), ("calm", SLEEPER))
    supervised.says("calm    | up")
    begun = time.monotonic()

    supervised.process.send_signal(signal.SIGINT)

    assert supervised.process.wait(10) == 0
    assert time.monotonic() - begun < 5
