"""From a waiting row to an order at a provider, so that no order is ever placed twice.

Three commits make that true. `intended` is written before anything else; `sent` is written when
the connection stands and before the first byte leaves; the answer is written when it is read. A
row found at `intended` was provably not sent, and one found at `sent` is never sent again.
"""

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from generations import provider_accounts, routing
from generations.models import (
    Attempt,
    AttemptState,
    Generation,
    ProviderAccount,
    Status,
    excerpt,
)
from generations.pipeline import receive, settle
from generations.pipeline.desk import Desk
from generations.pipeline.lifecycle import Claim, LeaseLost, advance, let_go, write
from generations.protocols.base import NotAccepted, Order, OutcomeUnknown, ProviderUpdate, State
from imagestudio.lib import killpoints
from imagestudio.lib.ids import new_id
from imagestudio.lib.killpoints import reached

logger = logging.getLogger(__name__)

NO_ROOM_SECONDS = 1
QUIET_SECONDS_MAX = 60
# The provider's quarrel is with us, the operator, not with the prompt or the person.
OUR_TROUBLE = frozenset({"unauthorized", "no_credits", "blocked"})
PASSING = frozenset({"busy", "unreachable"})


class NoRoom(Exception):
    """Every account that could serve the order is full, quiet or paused."""


@dataclass(frozen=True, slots=True)
class Intent:
    """An attempt that is written down and not yet sent."""

    claim: Claim
    attempt: Attempt
    order: Order


async def dispatch(desk: Desk, claim: Claim) -> Claim | None:
    """Place the order. Returns the claim when its images are already there to collect."""
    intent = await desk.db(_intend, claim)
    if intent is None:
        return None
    reached("dispatch.intended")
    return await _send(desk, intent)


async def recover(desk: Desk, claim: Claim) -> Claim | None:
    """Go on where a worker vanished while it placed the order."""
    intent = await desk.db(_take_over, claim)
    return await _send(desk, intent) if intent else None


async def _send(desk: Desk, intent: Intent) -> Claim | None:
    claim, attempt = intent.claim, intent.attempt
    try:
        update = await desk.client(attempt.account).submit(
            intent.order, before_send=partial(_before_send, desk, intent)
        )
    except NotAccepted as refusal:
        await desk.db(_refused, claim, attempt, refusal)
        return None
    except OutcomeUnknown:
        await desk.db(_doubt, claim, attempt)
        return None
    reached("dispatch.answered")
    return await desk.db_first(_accepted, claim, attempt, update)


async def _before_send(desk: Desk, intent: Intent) -> None:
    await desk.db_first(_mark_sent, intent.claim, intent.attempt)
    reached("dispatch.sent")
    if killpoints.is_set_for("dispatch.waiting"):
        # Between the order and its answer no line of ours runs; a timer stands in for it.
        asyncio.get_running_loop().call_later(0.5, reached, "dispatch.waiting")


def _intend(claim: Claim) -> Intent | None:
    generation = Generation.objects.get(pk=claim.id)
    if generation.stop_waiting_at:
        # Its owner left while a provider was being asked, and that provider did not take it.
        settle.withdraw(claim)
        return None
    accounts = routing.eligible(generation)
    if not accounts or timezone.now() >= generation.deadline_at:
        settle.fail(claim, settle.Reason("unavailable"))
        return None
    for account in routing.free(accounts):
        try:
            with transaction.atomic(durable=True):
                return _write_intent(claim, generation, account)
        except NoRoom:
            continue
    let_go(claim, due_at=timezone.now() + timedelta(seconds=NO_ROOM_SECONDS))
    return None


def _write_intent(claim: Claim, generation: Generation, account: ProviderAccount) -> Intent:
    held = advance(claim, Status.SUBMITTING)
    room = ProviderAccount.objects.filter(pk=account.pk, in_flight__lt=F("concurrency"))
    if room.update(in_flight=F("in_flight") + 1) != 1:
        raise NoRoom
    attempt = Attempt(
        public_id=new_id(),
        generation=generation,
        number=generation.attempts.count() + 1,
        account=account,
        remote_model=routing.offering_at(generation, account).remote_id,
    )
    attempt.token_hash = provider_accounts.token_hash(provider_accounts.callback_token(attempt))
    attempt.save(force_insert=True)
    return Intent(held, attempt, _order(generation, attempt))


def _order(generation: Generation, attempt: Attempt) -> Order:
    parameters = {name: value for name, value in generation.parameters.items() if value != ""}
    return Order(
        model=attempt.remote_model,
        prompt=generation.prompt,
        parameters=parameters,
        callback_url=provider_accounts.callback_url(attempt),
        callback_secret=provider_accounts.callback_secret(attempt),
    )


def _take_over(claim: Claim) -> Intent | None:
    attempts = Attempt.objects.select_related("account", "generation")
    attempt = attempts.filter(generation=claim.id).latest("number")
    if attempt.state == AttemptState.INTENDED:
        return Intent(claim, attempt, _order(attempt.generation, attempt))
    if attempt.state == AttemptState.ACCEPTED:
        # A callback told us the remote id while the answer was still on its way.
        _run(claim)
    else:
        _doubt(claim, attempt)
    return None


def _mark_sent(claim: Claim, attempt: Attempt) -> None:
    """The last commit before the first byte. Raises LeaseLost, and then nothing is sent."""
    now = timezone.now()
    with transaction.atomic(durable=True):
        write(claim, sent_at=now)
        intended = Attempt.objects.filter(pk=attempt.pk, state=AttemptState.INTENDED)
        if intended.update(state=AttemptState.SENT, sent_at=now) != 1:
            raise LeaseLost(claim.id)


def _accepted(claim: Claim, attempt: Attempt, update: ProviderUpdate) -> Claim | None:
    # Written without the claim: a worker that was frozen past its lease still brings the one
    # answer that says where the order is.
    Attempt.objects.filter(pk=attempt.pk).update(
        state=AttemptState.ACCEPTED, remote_id=update.remote_id, answered_at=timezone.now()
    )
    if attempt.account.trouble:
        ProviderAccount.objects.filter(pk=attempt.account_id).update(trouble="")
    try:
        if update.state is State.FINISHED:
            write(claim, accepted_at=timezone.now())
            return receive.apply(claim, attempt, update)
        _run(claim)
    except LeaseLost:
        receive.adopt(attempt, update.remote_id)
        raise
    return None


def _run(claim: Claim) -> None:
    generation = Generation.objects.get(pk=claim.id)
    with transaction.atomic(durable=True):
        running = advance(claim, Status.RUNNING, accepted_at=timezone.now())
        let_go(running, due_at=receive.next_poll(generation))


def _doubt(claim: Claim, attempt: Attempt) -> None:
    """Bytes left, no answer came: wait for a callback until a stated time, never order again."""
    sent_at = Attempt.objects.values_list("sent_at", flat=True).get(pk=attempt.pk)
    until = (sent_at or timezone.now()) + timedelta(seconds=settings.UNKNOWN_SECONDS)
    with transaction.atomic(durable=True):
        # A callback may tell the remote id at this very moment; what it wrote stands.
        unheard = Attempt.objects.filter(pk=attempt.pk).exclude(state=AttemptState.ACCEPTED)
        if unheard.update(state=AttemptState.UNKNOWN) != 1:
            _let_run(claim)
            return
        let_go(advance(claim, Status.CHECKING, unknown_until=until), due_at=until)


def _let_run(claim: Claim) -> None:
    let_go(advance(claim, Status.RUNNING, accepted_at=timezone.now()), due_at=timezone.now())


def _refused(claim: Claim, attempt: Attempt, refusal: NotAccepted) -> None:
    outcome = "unavailable" if refusal.code in OUR_TROUBLE else refusal.code
    with transaction.atomic(durable=True):
        Attempt.objects.filter(pk=attempt.pk).update(
            state=AttemptState.REJECTED,
            outcome=outcome,
            reason=excerpt(refusal.reason),
            answered_at=timezone.now(),
        )
        if refusal.code in OUR_TROUBLE | PASSING:
            quiet_until = timezone.now() + timedelta(seconds=_quiet_seconds(attempt, refusal))
            # Another account may take it at once; one that is only busy is waited for.
            is_ours = refusal.code in OUR_TROUBLE
            due_at = timezone.now() if is_ours else quiet_until
            let_go(advance(claim, Status.QUEUED), due_at=due_at)
            _quieten(attempt.account, refusal, quiet_until)
            settle.free_place(attempt.pk)
        else:
            settle.fail(claim, settle.Reason(refusal.code, refusal.reason))


def _quiet_seconds(attempt: Attempt, refusal: NotAccepted) -> float:
    """How long nobody asks this account: what it asked for, or doubling, with some jitter."""
    backoff = min(QUIET_SECONDS_MAX, 2.0 ** min(attempt.number, 6))
    if refusal.code in OUR_TROUBLE:
        # Only the operator can mend a key or pay a bill, and that takes its time.
        backoff = QUIET_SECONDS_MAX
    return max(refusal.retry_after_seconds or 0, backoff) * random.uniform(1.0, 1.25)  # noqa: S311


def _quieten(account: ProviderAccount, refusal: NotAccepted, until: datetime) -> None:
    """Nobody asks this account before then. The operator hears of a new trouble once."""
    rows = ProviderAccount.objects.filter(pk=account.pk)
    is_new = rows.exclude(trouble=refusal.code).update(trouble=refusal.code) == 1
    rows.update(quiet_until=until)
    if is_new:
        level = logging.ERROR if refusal.code in OUR_TROUBLE else logging.WARNING
        extra = {"account": account.name, "code": refusal.code}
        logger.log(level, "provider takes no orders", extra=extra)
