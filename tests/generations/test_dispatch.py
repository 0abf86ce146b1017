"""From a waiting row to an order at the provider: every answer, and none."""

import pytest
from generations.models import AttemptState, Status

from accounts.viewer import Viewer
from generations.invariants import faults
from generations.models import ProviderAccount
from tests.generations import world
from tests.generations.driving import step, work
from tests.upstream import Upstream


def test_an_accepted_order_runs_and_holds_one_place(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich, aspect_ratio="16:9")

    step(row)

    found, attempt = world.fresh(row), world.attempt_of(row)
    assert found.status == Status.RUNNING
    assert found.accepted_at is not None
    assert found.due_at is not None
    assert attempt.state == AttemptState.ACCEPTED
    assert [o.task_id for o in upstream.orders] == [attempt.remote_id]
    north.refresh_from_db()
    assert north.in_flight == 1
    assert faults() == []


def test_an_order_is_stored_paid_and_ready(
    north: ProviderAccount, upstream: Upstream, rich: Viewer
):
    row = world.order(rich, "midjourney")

    work(row)

    found = world.fresh(row)
    assert found.status == Status.SUCCEEDED
    assert found.captured_credits == 4
    assert world.sums(rich) == (96, 0)
    assert sorted(found.assets.values_list("kind", "position")) == [
        ("panel", 0),
        ("panel", 1),
        ("panel", 2),
        ("panel", 3),
        ("sheet", 0),
    ]
    assert found.seed == "3847291056"
    assert upstream.accepted == 1
    assert faults() == []
