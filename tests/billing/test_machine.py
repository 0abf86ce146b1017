"""Any order of acts leaves the database where a few lines of plain arithmetic say it is."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from accounts.billing import credits
from accounts.billing.models import Lot, LotKind, Wallet
from accounts.billing.reconcile import faults
from accounts.models import Team
from tests.billing import money

AMOUNTS = st.integers(min_value=1, max_value=12)
DAYS = st.none() | st.integers(min_value=1, max_value=9)
TODAY = timezone.now()


@dataclass
class ModelLot:
    """What a lot should be. `age` breaks ties as the row's age does."""

    promotional: bool
    day: int | None
    age: int
    credits: int
    rest: int
    reversed: int = 0

    @property
    def turn(self) -> tuple[bool, bool, int, int]:
        return not self.promotional, self.day is None, self.day or 0, self.age


class Money(RuleBasedStateMachine):
    lots = Bundle("lots")
    holds = Bundle("holds")

    @initialize()
    def start(self) -> None:
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.team = Team.objects.create(slug="machine", name="Machine")
        self.day = self.balance = self.debt = 0
        self.model_lots: dict[str, ModelLot] = {}
        self.model_holds: dict[str, tuple[int, int | None]] = {}  # credits, captured when resolved

    def teardown(self) -> None:
        if hasattr(self, "outer"):
            transaction.set_rollback(True)
            self.outer.__exit__(None, None, None)

    @rule(target=lots, amount=AMOUNTS, promotional=st.booleans(), lasts=DAYS)
    def deposit(self, amount: int, promotional: bool, lasts: int | None) -> str:
        key = f"deposit {len(self.model_lots)}"
        day = None if lasts is None else self.day + lasts
        expires_at = None if day is None else TODAY + timedelta(days=day)
        kind = LotKind.PROMOTIONAL if promotional else LotKind.PAID
        money.give(self.team, amount, kind=kind, key=key, expires_at=expires_at)
        covered = min(self.debt, amount)
        self.debt -= covered
        self.balance += amount
        age = len(self.model_lots)
        self.model_lots[key] = ModelLot(promotional, day, age, amount, amount - covered)
        return key

    @rule(target=holds, amount=AMOUNTS)
    def hold(self, amount: int) -> str:
        reference = f"hold {len(self.model_holds)}"
        if self.balance - self.held < amount:
            with pytest.raises(credits.InsufficientCredits) as refusal:
                credits.hold(self.team.pk, credits=amount, reference=reference)
            assert refusal.value.available == self.balance - self.held
            return "refused"
        credits.hold(self.team.pk, credits=amount, reference=reference)
        self.model_holds[reference] = (amount, None)
        return reference

    @rule(reference=holds, amount=st.integers(min_value=0, max_value=13))
    def capture(self, reference: str, amount: int) -> None:
        expected = self._expected(reference, amount)
        if expected is not None:
            with pytest.raises(expected):
                credits.capture(reference, credits=amount)
            return
        credits.capture(reference, credits=amount)
        held, before = self.model_holds[reference]
        if before is None:
            self.model_holds[reference] = (held, amount)
            self.balance -= amount
            self.debt += amount - self._draw(amount)

    @rule(reference=holds)
    def release(self, reference: str) -> None:
        self.capture(reference, 0)

    @rule(days=st.integers(min_value=0, max_value=4))
    def expire(self, days: int) -> None:
        self.day += days
        due = [lot for lot in self._in_turn() if lot.day is not None and lot.day <= self.day]
        taken = 0
        for lot in due:
            part = min(lot.rest, max(self.balance - self.held, 0))
            lot.rest -= part
            self.balance -= part
            taken += part
        assert money.expire(TODAY + timedelta(days=self.day)) == taken

    @rule(key=lots, amount=AMOUNTS)
    def reverse(self, key: str, amount: int) -> None:
        model, row = self.model_lots[key], Lot.objects.get(reference=key)
        if model.reversed + amount > model.credits:
            with pytest.raises(credits.BeyondDeposit):
                money.reverse(row, amount)
            return
        money.reverse(row, amount)
        model.reversed += amount
        self.balance -= amount
        self.debt += amount - min(model.rest, amount)
        model.rest -= min(model.rest, amount)

    @invariant()
    def sums_agree(self) -> None:
        if not hasattr(self, "outer") or not self.model_lots:
            return
        wallet = Wallet.objects.get(pk=self.team.pk)
        found = (wallet.balance, wallet.held, wallet.debt)
        assert found == (self.balance, self.held, self.debt)
        rests = dict(Lot.objects.values_list("reference", "remaining"))
        assert rests == {key: lot.rest for key, lot in self.model_lots.items()}
        assert faults() == []

    @property
    def held(self) -> int:
        return sum(held for held, captured in self.model_holds.values() if captured is None)

    def _expected(self, reference: str, amount: int) -> type[Exception] | None:
        if reference not in self.model_holds:
            return credits.UnknownHold
        held, before = self.model_holds[reference]
        if before is not None:
            return None if before == amount else credits.AlreadyResolved
        return credits.BeyondHold if amount > held else None

    def _in_turn(self) -> list[ModelLot]:
        return sorted(self.model_lots.values(), key=lambda lot: lot.turn)

    def _draw(self, amount: int) -> int:
        missing = amount
        for lot in self._in_turn():
            part = min(lot.rest, missing)
            lot.rest -= part
            missing -= part
        return amount - missing


@pytest.mark.django_db
def test_every_order_of_acts_agrees_with_the_model() -> None:
    _run(examples=40, steps=25)


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.django_db
def test_twenty_thousand_orders_of_acts_agree_with_the_model() -> None:
    _run(examples=20_000, steps=15)


def _run(*, examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Money,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
