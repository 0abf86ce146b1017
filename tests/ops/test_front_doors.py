"""The production layout: pages from WSGI workers, waits and streams from a process of their own."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.spawning import free_port, wait_until
from tests.studio import CHECKOUT, Studio

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]


@contextmanager
def serving(studio: Studio, *command: str) -> Iterator[str]:
    """One more front door on the studio's data; its address."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command, "--port", str(port)],
        cwd=CHECKOUT, env=studio.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        url = f"http://localhost:{port}"
        wait_until(lambda: answers(f"{url}/readyz"), seconds=180, while_alive=process)
        yield url
    finally:
        process.terminate()
        process.wait(15)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.parametrize("command", [("web", "--wsgi", "--workers", "1"), ("live",)])
def test_a_front_door_serves_pages_and_their_files(studio, command):
    with serving(studio, *command) as url:
        with urllib.request.urlopen(f"{url}/accounts/login/") as answer:
            page = answer.read().decode()

        style = page.split('rel="stylesheet" href="')[1].split('"')[0]
        with urllib.request.urlopen(url + style) as answer:
            assert "immutable" in answer.headers["Cache-Control"]


def test_doctor_and_deployment_agree_on_the_running_studio(studio):
    wait_until(lambda: "sandbox" in studio.pids(), seconds=20)
    wait_until(lambda: studio.manage("doctor").returncode == 0, seconds=60)
