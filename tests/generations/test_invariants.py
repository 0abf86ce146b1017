"""The oracle: each check sees exactly its own damage, and a healthy studio has none."""

import io
from collections.abc import Callable

import pytest
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from accounts.billing import credits
from accounts.billing.models import Hold
from accounts.viewer import Viewer
from generations import invariants
from generations.models import (
    AssetKind,
    Attempt,
    AttemptState,
    Generation,
    InboundEvent,
    ProviderAccount,
    Status,
)
from tests.generations import world


class Studio:
    """One row in every state there is."""

    def __init__(self, viewer: Viewer) -> None:
        self.viewer = viewer
        self.account = world.account("http://127.0.0.1:9")
        self.waiting = world.order(viewer)
        self.running = world.under_way(viewer, self.account)
        self.ready = world.ready(viewer, model="midjourney", good=3)
        world.keep(self.ready, 0, kind=AssetKind.SHEET)
        self.failed = world.ended(viewer, Status.FAILED)
        self.cancelled = world.ended(viewer, Status.CANCELED)
        self.free = world.ended(viewer, Status.FAILED)
        world.keep(self.free, 0)
        now = timezone.now()
        world.change(self.free, status=Status.SUCCEEDED, delivered_free_at=now)
        self.account.refresh_from_db()


@pytest.fixture
def healthy(rich: Viewer) -> Studio:
    return Studio(rich)


def lose_a_hold(it: Studio) -> None:
    Generation.objects.filter(pk=it.failed.pk).delete()
    row = Generation.objects.get(pk=it.cancelled.pk)
    Hold.objects.filter(reference=row.hold_reference).delete()


def change_a_price(it: Studio) -> None:
    world.change(it.waiting, price_credits=2)


def forget_a_status(it: Studio) -> None:
    """A hold given back although its order still waits."""
    with transaction.atomic():
        credits.release(it.waiting.hold_reference)


def capture_too_much(it: Studio) -> None:
    it.ready.assets.get(position=2).delete()


def have_nothing_to_show(it: Studio) -> None:
    it.free.assets.all().delete()


def charge_for_nobody(it: Studio) -> None:
    with transaction.atomic():
        credits.hold(it.viewer.team_id, credits=1, reference="nobody")
        credits.capture("nobody", credits=1)


def order_twice(it: Studio) -> None:
    world.make_attempt(it.ready, it.account, holds_place=False, state=AttemptState.UNKNOWN)
    world.make_attempt(it.ready, it.account, holds_place=False, remote_id="")


def miscount_places(it: Studio) -> None:
    ProviderAccount.objects.update(in_flight=7)


def keep_a_place(it: Studio) -> None:
    attempt = world.make_attempt(it.ready, it.account)
    assert attempt.holds_place


def forget_a_row(it: Studio) -> None:
    world.change(it.waiting, due_at=None)


def overstay(it: Studio) -> None:
    world.change(it.running, deadline_at=world.long_ago(minutes=5))


def doubt_for_ever(it: Studio) -> None:
    world.change(it.running, status=Status.CHECKING, unknown_until=world.long_ago(minutes=5))


def end_without_a_time(it: Studio) -> None:
    world.change(it.failed, settled_at=None)


def leave_an_event_unread(it: Studio) -> None:
    InboundEvent.objects.create(
        protocol="journeyapi", body=b"{}", dedupe_key="x", created_at=world.long_ago(minutes=5)
    )


def run_without_an_attempt(it: Studio) -> None:
    Attempt.objects.filter(generation=it.running).update(state=AttemptState.SENT)


def lose_an_object(it: Studio) -> None:
    default_storage.delete(it.ready.assets.get(kind=AssetKind.PANEL, position=1).key)


def damage_an_object(it: Studio) -> None:
    key = it.ready.assets.get(kind=AssetKind.PANEL, position=1).key
    default_storage.save(key, io.BytesIO(b"bits"))


def misstate_a_length(it: Studio) -> None:
    it.ready.assets.filter(kind=AssetKind.PANEL, position=1).update(size_bytes=1)


DAMAGE: dict[Callable[[Studio], None], tuple[str, str]] = {
    lose_a_hold: ("every_generation_has_its_hold", "has no hold"),
    change_a_price: ("every_generation_has_its_hold", "costs 2 and holds 1"),
    forget_a_status: ("every_generation_has_its_hold", "its hold is released, not active"),
    capture_too_much: ("every_price_is_paid_or_returned", "captured 3; 2 is right"),
    have_nothing_to_show: ("every_price_is_paid_or_returned", "has no image"),
    charge_for_nobody: ("every_charge_has_its_generation", "belongs to no generation"),
    order_twice: ("nothing_is_ordered_twice", "may have been ordered 2 times"),
    miscount_places: ("places_are_counted", "counts 7 in flight; 1 are"),
    keep_a_place: ("places_are_counted", "although its generation has ended"),
    forget_a_row: ("nothing_is_forgotten", "nobody will look at it"),
    overstay: ("nothing_is_forgotten", "is RUNNING past its deadline"),
    doubt_for_ever: ("nothing_is_forgotten", "is CHECKING past its deadline"),
    end_without_a_time: ("every_end_is_dated", "ended without a time"),
    leave_an_event_unread: ("events_lead_nowhere_unread", "has waited since"),
    run_without_an_attempt: ("rows_under_way_have_their_attempt", "without an accepted attempt"),
    lose_an_object: ("objects_are_whole", "missing or damaged"),
    damage_an_object: ("objects_are_whole", "missing or damaged"),
    misstate_a_length: ("objects_are_whole", "another length"),
}
EVERY_CHECK = (*invariants.CHECKS, invariants.objects_are_whole)


def test_a_healthy_studio_has_no_faults(healthy: Studio):
    assert invariants.faults() == []


def test_every_check_has_its_damage():
    assert {check.__name__ for check in EVERY_CHECK} == {name for name, _ in DAMAGE.values()}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
def test_each_damage_trips_its_own_check_alone(healthy: Studio, damage: Callable[[Studio], None]):
    name, words = DAMAGE[damage]

    damage(healthy)

    found = {check.__name__: list(check()) for check in EVERY_CHECK}
    assert [check for check, faults in found.items() if faults] == [name]
    assert len(found[name]) == 1
    assert words in found[name][0]


def test_the_command_says_so_and_ends_well(healthy: Studio, capsys: pytest.CaptureFixture[str]):
    call_command("invariants")

    assert capsys.readouterr().out == "No faults.\n"


def test_the_command_names_each_fault_and_ends_with_one(
    healthy: Studio, capsys: pytest.CaptureFixture[str]
):
    forget_a_row(healthy)
    end_without_a_time(healthy)

    with pytest.raises(SystemExit) as ended:
        call_command("invariants")

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 1
    assert len(lines) == 2
    assert str(healthy.waiting.public_id) in lines[0]


def test_the_objects_need_not_be_read(healthy: Studio, capsys: pytest.CaptureFixture[str]):
    lose_an_object(healthy)

    call_command("invariants", "--rows-only")

    assert capsys.readouterr().out == "No faults.\n"


def test_money_is_reconciled_along_with_the_rows(healthy: Studio):
    Hold.objects.filter(reference=healthy.waiting.hold_reference).update(credits=5)

    assert len(invariants.faults()) == 2
