"""Which account serves an order: who sells the model, is not paused, not quiet, and has room."""

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from generations.catalog.spec import Offering, find
from generations.models import AttemptState, Generation, ProviderAccount


def sellers(model_id: str) -> QuerySet[ProviderAccount]:
    """Accounts that sell the model, whether or not they can take an order at this moment."""
    protocols = [offering.protocol for offering in find(model_id).offerings]
    return ProviderAccount.objects.filter(protocol__in=protocols, paused_at__isnull=True)


def candidates(generation: Generation) -> list[ProviderAccount]:
    """Accounts that may take the order now, the best first.

    The sandbox paints for those who have nobody else: a real account always comes before it, also
    one that is busy at the moment, or orders would turn into toys under load.
    """
    rows = _eligible(generation)
    if rows.filter(is_sandbox=False).exists():
        rows = rows.filter(is_sandbox=False)
    free = rows.filter(
        Q(quiet_until__isnull=True) | Q(quiet_until__lte=timezone.now()),
        in_flight__lt=F("concurrency"),
    )
    return sorted(free, key=lambda account: account.in_flight / (account.weight or 1))


def is_served(generation: Generation) -> bool:
    """Whether any account is left that could ever take the order."""
    return _eligible(generation).exists()


def offering_at(generation: Generation, account: ProviderAccount) -> Offering:
    """What the account calls the model."""
    offerings = find(generation.model).offerings
    return next(offering for offering in offerings if offering.protocol == account.protocol)


def room() -> int:
    """How many more orders all accounts together could take now."""
    free = ProviderAccount.objects.filter(paused_at__isnull=True, in_flight__lt=F("concurrency"))
    return sum(a.concurrency - a.in_flight for a in free.only("concurrency", "in_flight"))


def _eligible(generation: Generation) -> QuerySet[ProviderAccount]:
    rows = sellers(generation.model)
    if generation.pinned_account_id is not None:
        rows = rows.filter(pk=generation.pinned_account_id)
    # An account that refused for good, for its own reasons, is not asked the same thing again.
    refused = generation.attempts.filter(state=AttemptState.REJECTED, outcome="unavailable")
    return rows.exclude(pk__in=refused.values("account"))
