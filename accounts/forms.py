"""allauth's forms, taking every spelling of an address for the one in the row."""

from typing import Any

from allauth.account import forms as allauth_forms

from accounts.models import fold_email


class LoginForm(allauth_forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["remember"].label = "Keep me logged in on this device"

    def clean_login(self) -> str:
        return fold_email(super().clean_login())


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    def clean_email(self) -> str:
        return fold_email(super().clean_email())
