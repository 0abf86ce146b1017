"""The end of a generation: status, money and the provider's place, in one transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.billing import credits
from generations import pricing
from generations.models import (
    Asset,
    AssetKind,
    Attempt,
    Generation,
    ProviderAccount,
    Status,
    excerpt,
)
from generations.pipeline.lifecycle import Claim, advance, finish, let_go
from imagestudio.lib.killpoints import reached

# We gave up, the provider may not have: it is asked again, ever more rarely, for two days.
LATE_SECONDS_MIN = 60
LATE_SECONDS_MAX = 48 * 3600


@dataclass(frozen=True, slots=True)
class Reason:
    """Why nothing came of it: our code, and the provider's own words where there are any."""

    code: str
    words: str = ""


def succeed(claim: Claim) -> None:
    """Charge for the images that are stored; with none, fail. Raises LeaseLost."""
    with transaction.atomic(durable=True):
        generation = Generation.objects.get(pk=claim.id)
        good = _stored(generation)
        if good == 0:
            _fail(claim, generation, Reason("images_lost"))
            return
        if claim.status is Status.FAILED:
            _deliver_free(claim)
            return
        charged = pricing.part_of(
            generation.price_credits, good=good, expected=generation.images_expected
        )
        done = advance(
            claim,
            Status.SUCCEEDED,
            percent=100,
            captured_credits=charged,
            settled_at=timezone.now(),
        )
        finish(done)
        reached("settle.inside")
        credits.capture(generation.hold_reference, credits=charged)
    reached("settle.done")


def fail(claim: Claim, reason: Reason) -> None:
    """Give the hold back; inside the caller's transaction, if it has one. Raises LeaseLost."""
    with transaction.atomic():
        _fail(claim, Generation.objects.get(pk=claim.id), reason)
        reached("settle.inside")


def withdraw(claim: Claim) -> None:
    """End what no provider has and nobody waits for; the hold goes back. Raises LeaseLost."""
    with transaction.atomic():
        finish(advance(claim, Status.CANCELED, settled_at=timezone.now()))
        reference = Generation.objects.get(pk=claim.id).hold_reference
        credits.release(reference)


def free_place(attempt_id: int) -> None:
    """The provider is done with this attempt; another order may take its place. Once only."""
    if Attempt.objects.filter(pk=attempt_id, holds_place=True).update(holds_place=False) == 1:
        account = Attempt.objects.values_list("account", flat=True).get(pk=attempt_id)
        ProviderAccount.objects.filter(pk=account).update(in_flight=F("in_flight") - 1)


def next_late_ask(settled_at: datetime) -> datetime | None:
    """When to ask again for a result that we gave up on; None when it is not worth it any more."""
    waited = max((timezone.now() - settled_at).total_seconds(), LATE_SECONDS_MIN)
    if waited >= LATE_SECONDS_MAX:
        return None
    return timezone.now() + timedelta(seconds=waited)


def _fail(claim: Claim, generation: Generation, reason: Reason) -> None:
    if claim.status is Status.FAILED:
        # A late result that could not be kept: the row has already ended, nothing is owed.
        let_go(claim, due_at=None)
        return
    now = timezone.now()
    done = advance(
        claim,
        Status.FAILED,
        error_code=reason.code,
        error_reason=excerpt(reason.words),
        settled_at=now,
    )
    let_go(done, due_at=next_late_ask(now) if reason.code == "deadline" else None)
    for attempt in generation.attempts.filter(holds_place=True):
        free_place(attempt.pk)
    credits.release(generation.hold_reference)


def _deliver_free(claim: Claim) -> None:
    done = advance(
        claim, Status.SUCCEEDED, percent=100, delivered_free_at=timezone.now(), captured_credits=0
    )
    finish(done)


def _stored(generation: Generation) -> int:
    kinds = (AssetKind.PANEL, AssetKind.SINGLE)
    return Asset.objects.filter(generation=generation, kind__in=kinds).count()
