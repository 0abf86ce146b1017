"""Sixteen processes spend one wallet at the same moment, and none of them gets too much."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.billing.models import Hold
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing.money import give, sums

pytestmark = [
    pytest.mark.proof,
    pytest.mark.timeout(1800),
    pytest.mark.django_db(transaction=True),
]
CHECKOUT = Path(__file__).resolve().parents[2]
PROCESSES = 16
HOLDS = 10_000
CREDITS = 1_000


def test_ten_thousand_holds_never_exceed_a_thousand_credits(team: Team) -> None:
    give(team, CREDITS)
    started = time.monotonic()
    outcomes = _race(team)
    print(f"\n{connection.vendor}: {dict(outcomes)} in {time.monotonic() - started:.1f} s")
    assert outcomes == {"accepted": CREDITS, "InsufficientCredits": HOLDS - CREDITS}
    assert sums(team) == (CREDITS, CREDITS)
    assert Hold.objects.filter(state="active").count() == CREDITS
    assert faults() == []


def _race(team: Team) -> Counter[str]:
    share = HOLDS // PROCESSES
    clients = [_client(team, first=place * share, count=share) for place in range(PROCESSES)]
    try:
        for client in clients:
            assert _line(client) == "ready"
        for client in clients:
            _pipe(client.stdin).write("go\n")
            _pipe(client.stdin).flush()
        outcomes: Counter[str] = Counter()
        for client in clients:
            outcomes.update(json.loads(_line(client)))
        return outcomes
    finally:
        for client in clients:
            client.kill()
            client.communicate()


def _client(team: Team, *, first: int, count: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.proof.wallet_client", str(team.pk), str(first), str(count)],
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": _test_database(connection.settings_dict)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _test_database(database: Mapping[str, Any]) -> str:
    """The address of the database that the tests made, for another process."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{database['NAME']}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{database['NAME']}"


def _line(client: "subprocess.Popen[str]") -> str:
    return str(_pipe(client.stdout).readline().strip())


def _pipe(end: Any) -> Any:
    assert end is not None
    return end
