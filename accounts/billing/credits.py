"""Move credits: hold, capture, release, deposit, expire, reverse. The only writer of money.

Each verb belongs inside the caller's transaction and leaves nothing behind when it raises. Each
is named by a reference or key: the same act again has no second effect, another act under the
same name is an error. Rows are locked in the order hold, lots, wallet, until the commit, so a
transaction resolves one hold of a wallet, or several holds are placed in it, but not both.
"""

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum
from django.utils import timezone

from accounts.billing import ledger, lots
from accounts.billing.models import EntryKind, Hold, HoldState, LedgerEntry, Lot, LotKind, Wallet
from accounts.models import Team

# Far beyond any wallet, and far below where a sum of them leaves 64 bits.
CREDITS_MAX = 10**12
# A wallet's lots may change while we look; then the next call finds the rest.
EXPIRE_TRIES = 5


class InsufficientCredits(Exception):
    """The wallet cannot cover the hold."""

    def __init__(self, *, needed: int, available: int) -> None:
        super().__init__(f"{needed} credits needed, {available} available")
        self.needed = needed
        self.available = available


class AlreadyResolved(Exception):
    """The hold was captured or released before, and not like this."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(f"hold {hold.reference} is {hold.state}, {hold.captured} captured")
        self.state = HoldState(hold.state)
        self.captured = hold.captured


class ReferenceTaken(Exception):
    """The reference or key names an act with other terms."""


class UnknownHold(Exception):
    """No hold has this reference."""


class UnknownDeposit(Exception):
    """No deposit has this key."""


class BeyondHold(Exception):
    """More was to be captured than is held."""


class BeyondDeposit(Exception):
    """More was to be reversed than was deposited."""


def hold(team_id: int, *, credits: int, reference: str) -> None:
    """Promise credits. Raises InsufficientCredits, AlreadyResolved, ReferenceTaken."""
    _demand_transaction()
    _demand_credits(credits)
    try:
        with transaction.atomic():
            _promise(team_id, credits=credits)
            Hold.objects.create(reference=reference, wallet_id=team_id, credits=credits)
    except (InsufficientCredits, IntegrityError):
        # A repeated submit finds its own hold, though the wallet is empty by now.
        if not _holds_already(team_id, credits=credits, reference=reference):
            raise


def capture(reference: str, *, credits: int) -> None:
    """Spend some or all of a hold and give back the rest; 0 releases it.

    Raises UnknownHold, BeyondHold, AlreadyResolved.
    """
    if credits == 0:
        release(reference)
        return
    _demand_transaction()
    _demand_credits(credits)
    with transaction.atomic():
        if (held := _resolve(reference, state=HoldState.CAPTURED, captured=credits)) is None:
            return
        draws = lots.draw(lots.in_draw_order(held.wallet_id), credits=credits)
        # Something is missing only where a reversal undercut the hold: the promise still counts.
        missing = credits - sum(draws.values())
        wallet = ledger.move(held.wallet_id, amount=-credits, held=-held.credits, debt=missing)
        ledger.enter(
            wallet,
            kind=EntryKind.CAPTURE,
            amount=-credits,
            reference=f"capture:{reference}",
            hold=held,
            draws=draws,
        )


def release(reference: str) -> None:
    """Give a hold back whole. Raises UnknownHold, AlreadyResolved."""
    _demand_transaction()
    with transaction.atomic():
        if (held := _resolve(reference, state=HoldState.RELEASED, captured=0)) is None:
            return
        Wallet.objects.filter(pk=held.wallet_id).update(held=F("held") - held.credits)


def deposit(
    team_id: int,
    *,
    credits: int,
    kind: LotKind,
    key: str,
    expires_at: datetime | None = None,
) -> LedgerEntry:
    """Open a lot. A debt is covered first, out of the new lot. Raises ReferenceTaken."""
    _demand_transaction()
    _demand_credits(credits)
    Wallet.objects.bulk_create([Wallet(team_id=team_id)], ignore_conflicts=True)
    lot = Lot(reference=key, wallet_id=team_id, kind=kind, credits=credits, expires_at=expires_at)
    try:
        with transaction.atomic():
            return _open(lot)
    except IntegrityError:
        before = Lot.objects.filter(reference=key).first()
        if before is None:
            raise
        if (before.wallet_id, before.credits, before.kind) != (team_id, credits, kind):
            raise ReferenceTaken(key) from None
        return LedgerEntry.objects.get(reference=f"deposit:{key}")


def welcome(team: Team) -> None:
    """The credits that a new team starts with, once, whatever the setting says later."""
    key = f"welcome:{team.pk}"
    if settings.WELCOME_CREDITS == 0 or Lot.objects.filter(reference=key).exists():
        return
    deposit(team.pk, credits=settings.WELCOME_CREDITS, kind=LotKind.PROMOTIONAL, key=key)


def expire(now: datetime, *, wallets_max: int = 100) -> int:
    """Take back what is past its date and promised to nobody: the credits taken.

    Held credits stay; a later call takes what their holds give back. Call again while the answer
    is not 0 to go through more wallets than `wallets_max`.
    """
    _demand_transaction()
    due = Lot.objects.filter(
        expires_at__lte=now, remaining__gt=0, wallet__balance__gt=F("wallet__held")
    )
    wallets = due.order_by("wallet_id").values_list("wallet_id", flat=True).distinct()
    return sum(_expire_wallet(wallet_id, now=now) for wallet_id in list(wallets[:wallets_max]))


def reverse(deposit_key: str, *, credits: int, key: str) -> LedgerEntry:
    """Undo a deposit in part or whole (refund, dispute), even below zero.

    The lot gives what it still has; what is missing becomes debt, which the next deposit covers.
    Raises UnknownDeposit, BeyondDeposit, ReferenceTaken.
    """
    _demand_transaction()
    _demand_credits(credits)
    lot = Lot.objects.filter(reference=deposit_key).first()
    if lot is None:
        raise UnknownDeposit(deposit_key)
    reference = f"reversal:{key}"
    try:
        with transaction.atomic():
            return _take_back(lot, credits=credits, reference=reference)
    except (BeyondDeposit, IntegrityError):
        before = LedgerEntry.objects.filter(reference=reference).first()
        if before is None:
            raise
        if (before.lot_id, before.amount) != (lot.pk, -credits):
            raise ReferenceTaken(key) from None
        return before


def _demand_transaction() -> None:
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("credits move inside transaction.atomic only")


def _demand_credits(credits: int) -> None:
    if type(credits) is not int or not 0 < credits <= CREDITS_MAX:
        raise ValueError(f"credits are whole numbers from 1 to {CREDITS_MAX}")


def _promise(team_id: int, *, credits: int) -> None:
    able = Wallet.objects.filter(pk=team_id, balance__gte=F("held") + credits)
    if able.update(held=F("held") + credits) == 1:
        return
    wallet = Wallet.objects.filter(pk=team_id).first() or Wallet(pk=team_id)
    raise InsufficientCredits(needed=credits, available=wallet.balance - wallet.held)


def _holds_already(team_id: int, *, credits: int, reference: str) -> bool:
    before = Hold.objects.filter(reference=reference).first()
    if before is None:
        return False
    if (before.wallet_id, before.credits) != (team_id, credits):
        raise ReferenceTaken(reference)
    if before.state != HoldState.ACTIVE:
        raise AlreadyResolved(before)
    return True


def _resolve(reference: str, *, state: HoldState, captured: int) -> Hold | None:
    """The hold, if this call resolved it; None if an equal one did before."""
    active = Hold.objects.filter(reference=reference, state=HoldState.ACTIVE, credits__gte=captured)
    resolved = active.update(state=state, captured=captured, resolved_at=timezone.now())
    found = Hold.objects.filter(reference=reference).first()
    if found is None:
        raise UnknownHold(reference)
    if resolved == 1:
        return found
    if found.state == HoldState.ACTIVE:
        raise BeyondHold(f"{captured} of {found.credits} held for {reference}")
    if (found.state, found.captured) != (state, captured):
        raise AlreadyResolved(found)
    return None


def _open(lot: Lot) -> LedgerEntry:
    wallet = ledger.move(lot.wallet_id, amount=lot.credits)
    covered = min(wallet.debt, lot.credits)
    Wallet.objects.filter(pk=wallet.pk).update(debt=F("debt") - covered)
    lot.remaining = lot.credits - covered
    lot.save(force_insert=True)
    return ledger.enter(
        wallet,
        kind=EntryKind.DEPOSIT,
        amount=lot.credits,
        reference=f"deposit:{lot.reference}",
        lot=lot,
        draws={lot.pk: covered} if covered else {},
    )


def _expire_wallet(wallet_id: int, *, now: datetime) -> int:
    for _ in range(EXPIRE_TRIES):
        try:
            with transaction.atomic():
                return _expire_lots(wallet_id, now=now)
        except ledger.NotCovered:
            continue  # A hold was placed since we read the wallet; the savepoint undid our take.
    return 0


def _expire_lots(wallet_id: int, *, now: datetime) -> int:
    wallet = Wallet.objects.get(pk=wallet_id)
    expired = list(lots.expired(wallet_id, now=now))
    draws = lots.draw(expired, credits=max(wallet.balance - wallet.held, 0))
    for lot in expired:
        if lot.pk in draws:
            _enter_expiry(lot, credits=draws[lot.pk])
    return sum(draws.values())


def _enter_expiry(lot: Lot, *, credits: int) -> None:
    spare = Q(balance__gte=F("held") + credits)
    wallet = ledger.move(lot.wallet_id, amount=-credits, when=spare)
    ledger.enter(
        wallet,
        kind=EntryKind.EXPIRE,
        amount=-credits,
        reference=f"expire:{lot.pk}:{wallet.entries}",
        lot=lot,
        draws={lot.pk: credits},
    )


def _take_back(lot: Lot, *, credits: int, reference: str) -> LedgerEntry:
    draws = lots.draw([lot], credits=credits)
    wallet = ledger.move(lot.wallet_id, amount=-credits, debt=credits - sum(draws.values()))
    # The wallet is ours now, so nobody else can reverse the same deposit beside us.
    past = LedgerEntry.objects.filter(lot=lot, kind=EntryKind.REVERSAL).aggregate(
        amount=Sum("amount", default=0)
    )
    if credits - past["amount"] > lot.credits:
        raise BeyondDeposit(f"{credits} of {lot.credits} of lot {lot.pk}")
    return ledger.enter(
        wallet,
        kind=EntryKind.REVERSAL,
        amount=-credits,
        reference=reference,
        lot=lot,
        draws=draws,
    )
