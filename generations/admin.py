"""Everything that the pipeline writes, for the operator to read; accounts to manage."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import QuerySet
from django.http import HttpRequest

from generations import provider_accounts
from generations.models import (
    Asset,
    Attempt,
    EventState,
    Generation,
    InboundEvent,
    ProviderAccount,
)
from imagestudio.lib import queue
from imagestudio.lib.readonly import AnyModelAdmin, ReadOnlyAdmin, ReadOnlyInline


class AttemptsInline(ReadOnlyInline):
    model = Attempt
    fields = ("number", "account", "state", "remote_id", "outcome", "reason", "sent_at", "polls")
    readonly_fields = fields


class AssetsInline(ReadOnlyInline):
    model = Asset
    fields = ("kind", "position", "width", "height", "size_bytes", "sha256", "key")
    readonly_fields = fields


@admin.register(Generation)
class GenerationAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "status", "model", "team", "price_credits", "captured_credits")
    list_filter = ("status", "model")
    search_fields = ("public_id", "team__name")
    date_hierarchy = "created_at"
    list_select_related = ("team",)
    inlines: ClassVar = [AttemptsInline, AssetsInline]
    # A prompt is its author's: the operator sees the order, not the words.
    exclude = ("prompt", "submit_key")


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "state", "account", "remote_model", "outcome", "created_at")
    list_filter = ("state", "account", "outcome")
    search_fields = ("public_id", "remote_id", "generation__public_id")
    exclude = ("token_hash",)


@admin.register(Asset)
class AssetAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "kind", "position", "width", "height", "size_bytes", "created_at")
    list_filter = ("kind", "content_type")
    search_fields = ("public_id", "sha256", "generation__public_id")


@admin.register(InboundEvent)
class InboundEventAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "protocol", "state", "parked_reason", "attempt")
    list_filter = ("state", "protocol", "parked_reason")
    fields = ("created_at", "protocol", "state", "parked_reason", "attempt", "text")
    readonly_fields = ("text",)
    actions = ("replay",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboundEvent]:
        # A list of bodies would be megabytes that nobody sees; an event's own page fetches one.
        return super().get_queryset(request).defer("body")

    @admin.action(description="Replay: consider the selected events again", permissions=["view"])
    def replay(self, request: HttpRequest, events: QuerySet[InboundEvent]) -> None:
        """Only what belongs to an attempt and came with its secret can lead to anything."""
        rows = events.filter(attempt__isnull=False).exclude(parked_reason="wrong_secret")
        ids = list(rows.values_list("pk", flat=True))
        InboundEvent.objects.filter(pk__in=ids).update(
            state=EventState.RECEIVED, parked_reason="", tries=0, processed_at=None
        )
        for event_id in ids:
            queue.ring(queue.RING_EVENT, event_id)
        left = events.count() - len(ids)
        messages.success(request, f"{len(ids)} replayed; {left} cannot be trusted and stay parked.")


@admin.register(ProviderAccount)
class ProviderAccountAdmin(AnyModelAdmin):
    list_display = ("name", "protocol", "base_url", "in_flight", "concurrency", "state")
    readonly_fields = ("in_flight", "quiet_until", "trouble", "is_sandbox")
    actions = ("pause", "resume")

    def get_form(
        self,
        request: HttpRequest,
        obj: ProviderAccount | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Keys are written, never shown: an empty field keeps what is there."""
        form = super().get_form(request, obj, change=change, **kwargs)
        for name in ("api_key", "webhook_secret"):
            field = form.base_fields[name]
            field.widget = AdminTextInputWidget(attrs={"autocomplete": "off"})
            field.required = obj is None and name == "api_key"
            if obj is not None:
                field.help_text = "Kept as it is unless you write a new one."
        return form

    def get_object(self, *args: Any, **kwargs: Any) -> ProviderAccount | None:
        account = super().get_object(*args, **kwargs)
        if account is not None:
            account.api_key = account.webhook_secret = ""
        return account

    def save_model(
        self, request: HttpRequest, obj: ProviderAccount, form: Any, change: bool
    ) -> None:
        written = [name for name in form.changed_data if name in ("api_key", "webhook_secret")]
        kept = {"api_key", "webhook_secret"} - set(written)
        if change:
            fields = {f.name for f in obj._meta.fields if f.editable and not f.primary_key}
            obj.save(update_fields=fields - kept)
        else:
            obj.save()

    @admin.display(description="state")
    def state(self, account: ProviderAccount) -> str:
        return "paused" if account.paused_at else account.trouble or "ready"

    @admin.action(description="Pause: no new orders go there")
    def pause(self, request: HttpRequest, accounts: QuerySet[ProviderAccount]) -> None:
        for account in accounts:
            provider_accounts.pause(account, reason=f"by user {request.user.pk}")

    @admin.action(description="Resume")
    def resume(self, request: HttpRequest, accounts: QuerySet[ProviderAccount]) -> None:
        for account in accounts:
            provider_accounts.resume(account)
