"""What a provider reports, pushed or polled, becomes progress, a collection or an end.

A webhook is a hint: it may tell a remote id that we never saw, and it makes us look. Status and
money move only on what a fetch with our own key confirms.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from generations.models import (
    Attempt,
    AttemptState,
    EventState,
    Generation,
    InboundEvent,
    Status,
    excerpt,
)
from generations.pipeline import settle
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, advance, let_go, move, nudge
from generations.protocols import registry
from generations.protocols.base import NoReport, ProviderUpdate, State
from imagestudio.lib.killpoints import reached

POLL_SECONDS_MIN = 2.0
POLL_SECONDS_MAX = 10.0
# The next wait, as a share of what has been waited already.
PATIENCE = 0.1


async def poll(desk: Desk, claim: Claim) -> Claim | None:
    """Ask how the order stands. Returns the claim when there is something to collect."""
    attempt = await desk.db(_asked, claim)
    if attempt is None:
        return None
    try:
        update = await desk.polls.ask(desk.client(attempt.account), attempt.remote_id)
    except NoReport as trouble:
        await desk.db(_nothing_new, claim, attempt, trouble)
        return None
    reached("receive.fetched")
    return await desk.db(apply, claim, attempt, update)


def apply(claim: Claim, attempt: Attempt, update: ProviderUpdate) -> Claim | None:
    """Act on a confirmed report. Returns the claim when there is something to collect."""
    if update.state is State.FINISHED:
        return _finished(claim, attempt, update)
    if update.state is State.FAILED:
        _failed(claim, attempt, update)
        return None
    _progress(claim, update)
    return None


def check_deadline(claim: Claim) -> None:
    """A row that waits for an answer nobody saw: found, still waiting, or given up."""
    generation = Generation.objects.get(pk=claim.id)
    if generation.attempts.filter(state=AttemptState.ACCEPTED).exists():
        with transaction.atomic(durable=True):
            let_go(advance(claim, Status.RUNNING, unknown_until=None), due_at=timezone.now())
        return
    if generation.unknown_until and timezone.now() < generation.unknown_until:
        let_go(claim, due_at=generation.unknown_until)
        return
    settle.fail(claim, settle.Reason("outcome_unknown"))


def consider(event_id: int) -> int | None:
    """Read one stored webhook. Returns the generation that should be looked at now, if any."""
    event = InboundEvent.objects.select_related("attempt__generation").get(pk=event_id)
    if event.state != EventState.RECEIVED or event.attempt is None:
        return None
    try:
        update = registry.parse_callback(event.protocol, bytes(event.body))
    except ValueError:
        park(event, "malformed")
        return None
    trouble = _mismatch(event.attempt, update)
    if trouble:
        park(event, trouble)
        return None
    return _believe(event, event.attempt, update)


def park(event: InboundEvent, reason: str) -> None:
    """Keep the event for the operator; nothing follows from it."""
    InboundEvent.objects.filter(pk=event.pk, state=EventState.RECEIVED).update(
        state=EventState.PARKED, parked_reason=reason, processed_at=timezone.now()
    )


def adopt(attempt: Attempt, remote_id: str) -> None:
    """The provider took the order after all: write it down, and free the row from its doubt."""
    Attempt.objects.filter(pk=attempt.pk, remote_id="").exclude(state=AttemptState.REJECTED).update(
        state=AttemptState.ACCEPTED, remote_id=remote_id, answered_at=timezone.now()
    )
    now = timezone.now()
    move(
        attempt.generation_id,
        expected=Status.CHECKING,
        to=Status.RUNNING,
        accepted_at=now,
        unknown_until=None,
        due_at=now,
    )


def next_poll(generation: Generation) -> datetime:
    """Often at first, for a progress bar that moves; ever more rarely the longer it takes."""
    now = timezone.now()
    elapsed = (now - (generation.accepted_at or now)).total_seconds()
    wait = min(POLL_SECONDS_MAX, max(POLL_SECONDS_MIN, elapsed * PATIENCE))
    return now + timedelta(seconds=wait)


def _asked(claim: Claim) -> Attempt | None:
    """The attempt to ask about, and the count that we asked."""
    attempt = (
        Attempt.objects.select_related("account", "generation")
        .filter(generation=claim.id, state=AttemptState.ACCEPTED)
        .exclude(remote_id="")
        .order_by("-number")
        .first()
    )
    if attempt is None:
        if claim.status is Status.FAILED:
            let_go(claim, due_at=None)
        else:
            settle.fail(claim, settle.Reason("internal", "running without an accepted attempt"))
        return None
    Attempt.objects.filter(pk=attempt.pk).update(polls=attempt.polls + 1)
    return attempt


def _nothing_new(claim: Claim, attempt: Attempt, trouble: NoReport) -> None:
    generation = Generation.objects.get(pk=claim.id)
    if _is_late(claim, generation):
        return
    due_at = next_poll(generation)
    if trouble.retry_after_seconds:
        due_at = timezone.now() + timedelta(seconds=trouble.retry_after_seconds)
    let_go(claim, due_at=due_at)


def _progress(claim: Claim, update: ProviderUpdate) -> None:
    generation = Generation.objects.get(pk=claim.id)
    if _is_late(claim, generation):
        return
    # A percentage that falls would look like work undone; providers' figures do jump back.
    percent = min(99, max(generation.percent, update.percent or 0))
    let_go(claim, due_at=next_poll(generation), percent=percent)


def _is_late(claim: Claim, generation: Generation) -> bool:
    """Deal with a row whose time is up; False when it still has some."""
    if claim.status is Status.FAILED:
        let_go(claim, due_at=settle.next_late_ask(generation.settled_at or generation.created_at))
        return True
    if timezone.now() < generation.deadline_at:
        return False
    settle.fail(claim, settle.Reason("deadline"))
    return True


def _finished(claim: Claim, attempt: Attempt, update: ProviderUpdate) -> Claim:
    now = timezone.now()
    with transaction.atomic(durable=True):
        if claim.status is not Status.FAILED:
            claim = advance(
                claim,
                Status.COLLECTING,
                percent=99,
                rendered_at=now,
                seed=excerpt(update.seed, limit=40),
            )
        Attempt.objects.filter(pk=attempt.pk).update(
            state=AttemptState.ACCEPTED,
            result={"panels": list(update.panels), "sheet": update.sheet},
            outcome="finished",
            finished_at=now,
        )
        settle.free_place(attempt.pk)
    return claim


def _failed(claim: Claim, attempt: Attempt, update: ProviderUpdate) -> None:
    code = update.failure or "provider_failed"
    Attempt.objects.filter(pk=attempt.pk).update(
        outcome=code, reason=excerpt(update.reason), finished_at=timezone.now()
    )
    settle.fail(claim, settle.Reason(code, update.reason))


def _mismatch(attempt: Attempt, update: ProviderUpdate) -> str:
    """Why this report cannot be about this attempt; empty when it can."""
    if attempt.state == AttemptState.REJECTED:
        return "rejected_attempt"
    if attempt.state == AttemptState.INTENDED:
        return "never_sent"
    if attempt.remote_id and attempt.remote_id != update.remote_id:
        return "other_order"
    return ""


def _believe(event: InboundEvent, attempt: Attempt, update: ProviderUpdate) -> int | None:
    try:
        with transaction.atomic(durable=True):
            if not attempt.remote_id:
                adopt(attempt, update.remote_id)
            done = InboundEvent.objects.filter(pk=event.pk, state=EventState.RECEIVED).update(
                state=EventState.PROCESSED, processed_at=timezone.now()
            )
            if done == 1:
                _wake(attempt, update)
    except IntegrityError:
        park(event, "order_of_another_attempt")
        return None
    return attempt.generation_id


def _wake(attempt: Attempt, update: ProviderUpdate) -> None:
    """Look again now, where looking can bring something."""
    if update.state is State.FINISHED:
        # After a failure on our side it is a late result, which is delivered free.
        nudge(attempt.generation_id, expected={Status.RUNNING, Status.FAILED})
    elif update.state is State.FAILED:
        nudge(attempt.generation_id, expected={Status.RUNNING})
