"""How allauth does things here: one spelling a person, limits that do not lock people out."""

from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.signup import prevent_enumeration
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal import ratelimit
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse

from accounts import devices
from accounts.addresses import client_address
from accounts.billing import credits
from accounts.context import SITE_NAME
from accounts.models import User, fold_email
from accounts.teams import is_taken, make_personal_team, personal_team
from accounts.views import too_many_requests

GUESS_WINDOW_SECONDS = 300
# Wrong passwords: for an address on the network whoever is asked for, for a person whoever asks,
# and for a browser that the person has used before.
GUESSES_FROM_STRANGERS = f"10/m/ip,10/{GUESS_WINDOW_SECONDS}s/key"
GUESSES_FROM_KNOWN_DEVICE = f"10/{GUESS_WINDOW_SECONDS}s/key"


class AccountAdapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        folded = fold_email(email)
        # Folding may turn a letter into several, or into one that no address may hold.
        User._meta.get_field("email").run_validators(folded)
        return str(super().clean_email(folded))

    def save_user(
        self, request: HttpRequest, user: AbstractBaseUser, form: BaseForm, commit: bool = True
    ) -> User:
        """The newcomer with a personal workspace. The address is added by allauth."""
        user = cast(User, user)
        super().save_user(request, user, form, commit=False)
        if not commit:
            return user
        try:
            with transaction.atomic():
                user.save()
                make_personal_team(user)
        except IntegrityError as error:
            if not is_taken(user.email):
                raise
            # Two sign-ups at once: the later one hears what everybody with an account hears.
            raise ImmediateHttpResponse(prevent_enumeration(request, email=user.email)) from error
        return user

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """A person's first confirmed address brings the welcome credits, in one transaction."""
        user = email_address.user
        with transaction.atomic():
            is_first = not EmailAddress.objects.filter(user=user, verified=True).exists()
            confirmed = bool(super().confirm_email(request, email_address))
            if confirmed and is_first:
                credits.welcome(personal_team(user))
        return confirmed

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        email = fold_email(str(credentials.get("email", "")))
        device = devices.known(request, email=email)
        key = f"{email}:{device}" if device else email
        rates = GUESSES_FROM_KNOWN_DEVICE if device else GUESSES_FROM_STRANGERS
        self._login_failed_rl_usage = ratelimit.consume(
            request,
            app="allauth.account",
            action="login_failed",
            config={"login_failed": rates},
            key=key,
        )
        if not self._login_failed_rl_usage:
            raise ImmediateHttpResponse(
                too_many_requests(request, retry_after_seconds=GUESS_WINDOW_SECONDS)
            )

    def post_login(
        self, request: HttpRequest, user: AbstractBaseUser, **login: Any
    ) -> HttpResponse:
        response = super().post_login(request, user, **login)
        devices.remember(response, email=cast(User, user).email)
        return response

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """A new password ends the wait after wrong ones, whatever host name was asked for."""
        ratelimit.clear(
            request,
            app="allauth.account",
            action="login_failed",
            config={"login_failed": GUESSES_FROM_STRANGERS},
            key=fold_email(str(credentials.get("email", ""))),
        )

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Links and names come from the settings, never from the Host header of a stranger."""
        ours = {
            key: on_our_site(value) if key.endswith("_url") else value
            for key, value in context.items()
        }
        ours["current_site"] = SimpleNamespace(
            name=SITE_NAME, domain=urlsplit(settings.SITE_URL).netloc
        )
        super().send_mail(template_prefix, email, ours)

    def send_password_reset_mail(
        self, user: AbstractBaseUser, email: str, context: dict[str, Any]
    ) -> None:
        """To the address in the row: the one typed may be another that merely folds to it."""
        super().send_password_reset_mail(user, fold_email(email), context)

    def send_account_already_exists_mail(self, email: str) -> None:
        # A new person's password is hashed, which takes its time; so must it be for a known one.
        make_password(email)
        super().send_account_already_exists_mail(email)


def on_our_site(url: str) -> str:
    parts = urlsplit(url)
    return urljoin(settings.SITE_URL + "/", parts._replace(scheme="", netloc="").geturl())
