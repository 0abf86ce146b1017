"""Which account serves an order: who sells the model, is not paused, not quiet, and has room."""

from collections.abc import Sequence

from django.db.models import F, QuerySet
from django.utils import timezone

from generations.catalog.spec import Offering, find
from generations.models import AttemptState, Generation, ProviderAccount


def sellers(model_id: str) -> QuerySet[ProviderAccount]:
    """Accounts that sell the model, whether or not they can take an order at this moment."""
    protocols = [offering.protocol for offering in find(model_id).offerings]
    return ProviderAccount.objects.filter(protocol__in=protocols, paused_at__isnull=True)


def eligible(generation: Generation) -> list[ProviderAccount]:
    """Accounts that could ever take the order, whether or not they can at this moment.

    The sandbox paints for those who have nobody else. Where there is a real account, the sandbox
    never stands in for it: not when it is busy, and not when it refuses us.
    """
    rows = sellers(generation.model)
    if generation.pinned_account_id is not None:
        rows = rows.filter(pk=generation.pinned_account_id)
    if rows.filter(is_sandbox=False).exists():
        rows = rows.filter(is_sandbox=False)
    # An account that refused for good, for its own reasons, is not asked the same thing again.
    refused = generation.attempts.filter(state=AttemptState.REJECTED, outcome="unavailable")
    return list(rows.exclude(pk__in=refused.values("account")))


def free(accounts: Sequence[ProviderAccount]) -> list[ProviderAccount]:
    """Those that may be asked now, the least busy first."""
    now = timezone.now()
    able = [
        account
        for account in accounts
        if account.in_flight < account.concurrency
        and (account.quiet_until is None or account.quiet_until <= now)
    ]
    return sorted(able, key=lambda account: account.in_flight / (account.weight or 1))


def offering_at(generation: Generation, account: ProviderAccount) -> Offering:
    """What the account calls the model."""
    offerings = find(generation.model).offerings
    return next(offering for offering in offerings if offering.protocol == account.protocol)


def room() -> int:
    """How many more orders all accounts together could take now."""
    free = ProviderAccount.objects.filter(paused_at__isnull=True, in_flight__lt=F("concurrency"))
    return sum(a.concurrency - a.in_flight for a in free.only("concurrency", "in_flight"))
