"""`manage.py run`: the real processes, started, killed and stopped."""

import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ops.test_supervisor import is_gone
from tests.spawning import wait_until
from tests.studio import Studio

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]
FIRST_PAGE_SECONDS = 10
CHILDREN = {"valkey", "sandbox", "worker", "ticker", "web"}


@pytest.fixture(scope="module")
def running() -> Iterator[Studio]:
    with Studio() as product:
        wait_until(lambda: set(product.pids()) >= CHILDREN, seconds=20)
        yield product


def test_the_first_start_prints_where_to_go_and_a_login_that_works(running):
    wait_until(lambda: "is ready" in running.output(), seconds=10)
    email, password = running.login

    said = running.output()

    assert f"http://localhost:{running.port}" in said
    assert email in said
    assert password in said
    ask = f"print(authenticate(email={email!r}, password={password!r}) is not None)"
    answer = running.manage("shell", "-c", f"from django.contrib.auth import authenticate\n{ask}")
    assert answer.stdout.strip().endswith("True")


def test_the_first_login_has_the_welcome_credits(running):
    answer = running.ask("credits", "balance", running.login[0])

    assert answer == {"balance": 20, "available": 20, "held": 0}


def test_it_is_ready_with_everything_up(running):
    status, body = running.get("/readyz")

    assert status == 200
    assert '"queue": "up"' in body


def test_secrets_and_data_are_for_the_owner_alone(running):
    for name in ("", "valkey"):
        assert stat.S_IMODE((running.var / name).stat().st_mode) == 0o700
    for name in ("secrets.json", "first-login.txt"):
        assert stat.S_IMODE((running.var / name).stat().st_mode) == 0o600


def test_redis_listens_on_its_socket_and_on_no_port(running):
    path = running.var / "valkey" / "valkey.sock"

    assert stat.S_ISSOCK(path.stat().st_mode)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert listening_ports(running.pids()["valkey"]) == set()


@pytest.mark.parametrize(("name", "above"), [("web", 0), ("sandbox", 10_000)])
def test_what_listens_does_so_on_this_machine_alone(running, name, above):
    wait_until(lambda: listening_ports(running.pids()[name]) != set(), seconds=20)

    assert listening_ports(running.pids()[name]) == {("127.0.0.1", running.port + above)}


@pytest.mark.parametrize("name", sorted(CHILDREN))
def test_a_killed_process_is_replaced(running, name):
    pid = running.kill(name)

    assert running.wait_for_another(name, than=pid) != pid
    wait_until(running.is_ready, seconds=20)


def test_a_second_run_on_the_same_data_is_refused_in_a_sentence(running):
    other = Studio(var=running.var)

    refused = other.manage("run")

    assert refused.returncode == 1
    assert "already runs on the data in" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_second_run_with_its_own_data_works_beside_the_first(running):
    with Studio() as other:
        assert other.port != running.port
        assert other.is_ready()
        assert running.is_ready()
        assert other.login != running.login


def test_a_busy_port_is_one_sentence_and_nothing_is_started(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        studio = Studio(var=tmp_path / "var", port=port)

        refused = studio.manage("run")

    assert refused.returncode == 1
    assert refused.stderr.strip() == (
        f"CommandError: Port {port} is in use. Choose another one: PORT=8010 make run"
    )
    assert not (tmp_path / "var" / "imagestudio.sqlite3").exists()


def test_ctrl_c_stops_all_and_a_later_start_is_quick_and_keeps_the_login(tmp_path):
    studio = Studio(var=tmp_path)
    studio.start()
    wait_until(lambda: set(studio.pids()) >= CHILDREN, seconds=20)
    pids, login = studio.pids(), studio.login

    assert studio.stop(by=signal.SIGINT) == 0
    assert [name for name, pid in pids.items() if not is_gone(pid)] == []
    assert "killed" not in studio.output()

    studio.start()
    # Processor time, because the machine may be busy with others; alone, no start takes longer.
    seconds = sum(processor_seconds(pid) for pid in studio.pids().values())
    studio.stop()
    assert seconds < FIRST_PAGE_SECONDS
    assert studio.login == login
    assert studio.output().count("First login:") == 1


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nothing_survives_a_run_that_is_killed(tmp_path):
    studio = Studio(var=tmp_path)
    studio.start()
    wait_until(lambda: set(studio.pids()) >= CHILDREN, seconds=20)
    pids = studio.pids()

    os.kill(pids["supervisor"], signal.SIGKILL)

    wait_until(lambda: all(is_gone(pid) for n, pid in pids.items() if n != "supervisor"), seconds=5)
    studio.stop()


def listening_ports(pid: int) -> set[tuple[str, int]]:
    """TCP addresses on which the process waits for connections, from the kernel's own tables."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                found.add(_address(fields[1], family))
    return found


def _address(text: str, family: socket.AddressFamily) -> tuple[str, int]:
    host, port = text.split(":")
    words = [bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8)]
    return socket.inet_ntop(family, b"".join(words)), int(port, 16)
