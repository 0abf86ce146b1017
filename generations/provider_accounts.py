"""Open, pause and refresh our accounts at providers, and derive what we tell them for callbacks."""

import hashlib

from django.conf import settings
from django.utils import timezone

from generations.models import Attempt, ProviderAccount
from imagestudio.lib.addresses import Blocked, Destination
from imagestudio.lib.sealed import derive

SANDBOX = "sandbox"
SANDBOX_CONCURRENCY = 50


def refresh_sandbox() -> None:
    """Point the sandbox's account at where it listens this time; its port moves with ours."""
    ProviderAccount.objects.update_or_create(
        name=SANDBOX,
        defaults={
            "base_url": f"http://127.0.0.1:{settings.SANDBOX_PORT}",
            "api_key": settings.SANDBOX_API_KEY,
        },
        create_defaults={
            "protocol": "journeyapi",
            "base_url": f"http://127.0.0.1:{settings.SANDBOX_PORT}",
            "api_key": settings.SANDBOX_API_KEY,
            "concurrency": SANDBOX_CONCURRENCY,
            "is_sandbox": True,
        },
    )


def pause(account: ProviderAccount, *, reason: str = "") -> None:
    """No new orders go there. What it has already accepted is still fetched and kept."""
    ProviderAccount.objects.filter(pk=account.pk).update(
        paused_at=timezone.now(), paused_reason=reason
    )


def resume(account: ProviderAccount) -> None:
    ProviderAccount.objects.filter(pk=account.pk).update(paused_at=None, paused_reason="")


def host_and_port(url: str) -> str:
    """The one network address that an account's URL stands for, as the way out spells it.

    Empty for a URL that nobody can call, so that nothing is trusted on its account.
    """
    try:
        return Destination.read(url.strip()).host_port
    except Blocked:
        return ""


def callback_token(attempt: Attempt) -> str:
    """The unguessable part of the callback's address. Derived, so the database need not hold it."""
    return derive("callback-token", attempt.public_id.hex)


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def callback_secret(attempt: Attempt) -> str:
    """What the provider must send along: the account's own secret, or one for this attempt only."""
    return attempt.account.webhook_secret or derive("callback-secret", attempt.public_id.hex)


def callback_url(attempt: Attempt) -> str:
    return f"{settings.SITE_URL}/webhooks/{attempt.account.protocol}/{callback_token(attempt)}"
