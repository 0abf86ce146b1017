"""Money in the admin: everything to read, one thing to do, which is to grant credits."""

from typing import Any, cast

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.billing.forms import GrantForm
from accounts.billing.grants import grant
from accounts.billing.models import Grant, Hold, LedgerEntry, Lot, LotDraw, Wallet
from accounts.models import User
from imagestudio.lib.readonly import ReadOnlyAdmin


@admin.register(Wallet)
class WalletAdmin(ReadOnlyAdmin):
    list_display = ("team", "balance", "held", "debt", "entries")
    list_select_related = ("team",)
    search_fields = ("team__slug", "team__name", "team__members__email")


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "wallet", "number", "kind", "amount", "balance_after", "reference",
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("reference", "wallet__team__slug")


@admin.register(Lot)
class LotAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "wallet", "kind", "credits", "remaining", "expires_at", "reference",
    )  # fmt: skip
    list_filter = ("kind",)
    search_fields = ("reference", "wallet__team__slug")


@admin.register(LotDraw)
class LotDrawAdmin(ReadOnlyAdmin):
    list_display = ("entry", "lot", "credits")
    list_select_related = ("entry", "lot")
    search_fields = ("entry__reference", "lot__reference")


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    list_display = (
        "created_at", "wallet", "reference", "credits", "state", "captured", "resolved_at",
    )  # fmt: skip
    list_filter = ("state",)
    search_fields = ("reference", "wallet__team__slug")


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    """Adding one deposits the credits. Afterwards it is as unchangeable as the ledger."""

    list_display = ("created_at", "team", "credits", "reason", "by")
    list_select_related = ("entry__wallet__team", "by")
    search_fields = ("reason", "entry__wallet__team__slug", "by__email")
    asked = ("recipient", "credits", "kind", "last_day", "reason", "key")
    shown = ("team", "credits", "reason", "by", "created_at", "entry")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).has_perm("billing.add_grant")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.shown if obj else self.asked

    def get_readonly_fields(
        self, request: HttpRequest, obj: Model | None = None
    ) -> tuple[str, ...]:
        return self.shown if obj else ()

    def get_form(
        self, request: Any, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj is None:
            return GrantForm
        return super().get_form(request, obj, change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        obj.pk = grant(form.gift(), by=cast(User, request.user)).pk
        obj.refresh_from_db()

    @admin.display(ordering="entry__wallet__team")
    def team(self, obj: Grant) -> str:
        return obj.entry.wallet.team.slug

    @admin.display(ordering="entry__amount")
    def credits(self, obj: Grant) -> int:
        return obj.entry.amount
