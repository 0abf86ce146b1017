"""People, workspaces and seats, for the operator."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import BaseUserCreationForm
from django.forms import ModelForm
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.models import Membership, Team, User, fold_email
from accounts.teams import settle_in

# One door for everybody, so that its limits hold for staff too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign, no-untyped-call]

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class NewUserForm(BaseUserCreationForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ("email", "name")

    def clean_email(self) -> str:
        return fold_email(self.cleaned_data["email"])


class Undeletable:
    """A ledger stands on these rows: people are anonymised, workspaces stay."""

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(Undeletable, UserAdmin):  # type: ignore[type-arg]
    """Add people and change what they may do. No page shows a password's hash."""

    add_form = NewUserForm
    add_fieldsets = ((None, {"fields": ("email", "name", "password1", "password2")}),)
    form = ModelForm
    fieldsets = (
        (None, {"fields": ("email", "name", "new_password", "is_active")}),
        ("Powers", {"fields": POWERS}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    list_display = ("email", "name", "is_active", "is_staff", "date_joined")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("-date_joined", "-pk")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        # People change their address themselves: the new one has to be confirmed.
        fixed = ("email", "new_password", "last_login", "date_joined")
        return fixed if request.user.is_superuser else (*fixed, *POWERS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        is_above = obj is not None and obj.is_superuser and not request.user.is_superuser
        return not is_above and super().has_change_permission(request, obj)

    def save_model(
        self, request: HttpRequest, obj: User, form: "ModelForm[User]", change: bool
    ) -> None:
        if change:
            super().save_model(request, obj, form, change)
        else:
            settle_in(obj, verified=True)

    @admin.display(description="Password")
    def new_password(self, obj: User) -> str:
        url = reverse("admin:auth_user_password_change", args=[obj.pk])
        return format_html('<a href="{}">Set a new password</a>', url)


@admin.register(Team)
class TeamAdmin(Undeletable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "slug", "is_personal", "created_at")
    list_filter = ("is_personal",)
    search_fields = ("name", "slug", "memberships__user__email")
    readonly_fields = ("is_personal", "created_at")
    ordering = ("-created_at", "-pk")


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("user", "team", "role", "created_at")
    list_filter = ("role", "team__is_personal")
    list_select_related = ("user", "team")
    search_fields = ("user__email", "team__name", "team__slug")
    autocomplete_fields = ("user", "team")
    readonly_fields = ("created_at",)
    ordering = ("-created_at", "-pk")

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        # Without the seat in their own workspace, a person could open no page.
        return not (obj and obj.team.is_personal) and super().has_delete_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return not (obj and obj.team.is_personal) and super().has_change_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, object]:  # type: ignore[override]
        # The bulk deletion asks for no row by itself.
        return {}
