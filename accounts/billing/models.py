"""What a team owns, what it has promised, and every movement of it. Written by `credits` alone."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone


class Wallet(models.Model):
    """A team's credits. Its row is the lock under which the team's ledger grows.

    `debt` is the part of what was taken that no lot could cover: a reversal takes back credits
    that are already spent. So `balance` is always the rest of all lots, less the debt.
    """

    team = models.OneToOneField(
        "accounts.Team", on_delete=models.PROTECT, primary_key=True, related_name="wallet"
    )
    balance = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    debt = models.BigIntegerField(default=0)
    # How many entries the ledger has and the hash of the last: a tail cut off is noticed.
    entries = models.BigIntegerField(default=0)
    head_hash = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(held__gte=0), name="wallet_held_not_negative"),
            models.CheckConstraint(condition=Q(debt__gte=0), name="wallet_debt_not_negative"),
            models.CheckConstraint(condition=Q(entries__gte=0), name="wallet_entries_counted"),
        ]

    def __str__(self) -> str:
        return f"wallet {self.pk}"


class LotKind(models.TextChoices):
    PAID = "paid"
    PROMOTIONAL = "promotional"


class Lot(models.Model):
    """The credits of one deposit and what is left of them. `reference` is the deposit's key."""

    reference = models.CharField(max_length=120, unique=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="lots")
    kind = models.CharField(max_length=11, choices=LotKind)
    credits = models.BigIntegerField()
    remaining = models.BigIntegerField()
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(remaining__gte=0, remaining__lte=F("credits")), name="lot_within_bounds"
            ),
            models.CheckConstraint(condition=Q(credits__gt=0), name="lot_not_empty_at_first"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet"], name="lot_open", condition=Q(remaining__gt=0)),
            models.Index(
                fields=["expires_at"],
                name="lot_expiring",
                condition=Q(remaining__gt=0, expires_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class HoldState(models.TextChoices):
    ACTIVE = "active"
    CAPTURED = "captured"
    RELEASED = "released"


class Hold(models.Model):
    """A promise of credits, resolved once. Whatever a capture leaves of it is released with it."""

    reference = models.CharField(max_length=100, unique=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds")
    credits = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=HoldState, default=HoldState.ACTIVE)
    captured = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(credits__gt=0), name="hold_of_something"),
            models.CheckConstraint(
                condition=Q(state=HoldState.ACTIVE, captured=0, resolved_at__isnull=True)
                | Q(state=HoldState.RELEASED, captured=0, resolved_at__isnull=False)
                | Q(
                    state=HoldState.CAPTURED,
                    captured__gt=0,
                    captured__lte=F("credits"),
                    resolved_at__isnull=False,
                ),
                name="hold_resolved_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["wallet"], name="hold_active", condition=Q(state=HoldState.ACTIVE)
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class EntryKind(models.TextChoices):
    DEPOSIT = "deposit"
    CAPTURE = "capture"
    EXPIRE = "expire"
    REVERSAL = "reversal"
    CORRECTION = "correction"
    TRANSFER = "transfer"


class LedgerEntry(models.Model):
    """One movement of a balance: ids and amounts, no names. Triggers refuse to change or drop it.

    `hash` covers the row and the hash of the entry before it, see `chain`.
    """

    wallet = models.ForeignKey(
        Wallet, on_delete=models.PROTECT, related_name="ledger", db_index=False
    )
    number = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=EntryKind)
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    reference = models.CharField(max_length=140, unique=True)
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="entries")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, null=True, related_name="entries")
    created_at = models.DateTimeField()
    chain_version = models.PositiveSmallIntegerField()
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "ledger entries"
        ordering: ClassVar = ["-created_at", "-pk"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "number"], name="ledger_is_numbered"),
            models.CheckConstraint(condition=Q(number__gt=0), name="ledger_numbered_from_one"),
            models.CheckConstraint(
                condition=(Q(kind=EntryKind.DEPOSIT) & Q(amount__gt=0))
                | (
                    Q(kind__in=[EntryKind.CAPTURE, EntryKind.EXPIRE, EntryKind.REVERSAL])
                    & Q(amount__lt=0)
                )
                | (Q(kind__in=[EntryKind.CORRECTION, EntryKind.TRANSFER]) & ~Q(amount=0)),
                name="ledger_sign_fits_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind=EntryKind.CAPTURE, hold__isnull=False)
                | (~Q(kind=EntryKind.CAPTURE) & Q(hold__isnull=True)),
                name="ledger_capture_has_hold",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet", "-created_at", "-id"], name="ledger_newest"),
        ]

    def __str__(self) -> str:
        return self.reference


class LotDraw(models.Model):
    """How many credits an entry took from a lot. As unchangeable as the entry."""

    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="draws")
    lot = models.ForeignKey(Lot, on_delete=models.PROTECT, related_name="draws")
    credits = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["entry", "lot"], name="one_draw_an_entry_and_lot"),
            models.CheckConstraint(condition=Q(credits__gt=0), name="draw_of_something"),
        ]

    def __str__(self) -> str:
        return f"draw {self.pk}"


class Grant(models.Model):
    """Why somebody gave credits away, in words: they stand beside the ledger, never in it."""

    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="grant")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="grants"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.reason
