"""Look at the set-up with a stranger's eyes: one line a fault, and exit code 1."""

import ipaddress
import secrets
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.mail import get_connection
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.billing import triggers
from generations.models import ProviderAccount
from imagestudio import health

CONNECT_SECONDS = 5


class Command(BaseCommand):
    help = "Check database, storage, Redis, mail, providers and addresses; exit 1 with the faults."
    requires_system_checks = ()

    def handle(self, *_args: Any, **_options: Any) -> None:
        found = 0
        for fault in faults():
            self.stdout.write(fault)
            found += 1
        if found:
            raise CommandError(f"{found} found.", returncode=1)
        self.stdout.write("All is well.")


def faults() -> Iterator[str]:
    """Sentences that say what is wrong and what to do."""
    unreachable = health.fault_of(health.database)
    if unreachable:
        yield f"The database does not answer ({unreachable}). Look at DATABASE_URL."
        return
    yield from _tables()
    yield from _storage()
    queue = health.fault_of(health.redis)
    if queue:
        yield f"Redis does not answer ({queue}). Work goes on, but starts later."
    yield from _mail()
    yield from _providers()
    yield from _addresses()


def _tables() -> Iterator[str]:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        names = ", ".join(f"{one.app_label}.{one.name}" for one, _ in waiting)
        yield f"Migrations are missing: {names}. Run: manage.py migrate"
        return
    for name in triggers.missing(connection):
        yield f"The ledger's trigger {name} is missing. Run: manage.py migrate"


def _storage() -> Iterator[str]:
    """Write, read and remove a file, as a collected image would be."""
    words = secrets.token_bytes(64)
    try:
        name = default_storage.save(f"doctor/{secrets.token_hex(8)}", ContentFile(words))
        with default_storage.open(name) as kept:
            same = kept.read() == words
        default_storage.delete(name)
    except (OSError, BotoCoreError, ClientError) as error:
        yield f"The storage refuses ({type(error).__name__}: {error}). Look at AWS_* or at VAR."
        return
    if not same:
        yield "The storage gave back other bytes than were stored."


def _mail() -> Iterator[str]:
    if not settings.EMAIL_URL:
        return
    try:
        line = get_connection(fail_silently=False)
        line.open()
        line.close()
    except OSError as error:  # SMTP's own errors are among them
        yield f"The mail server refuses ({type(error).__name__}: {error}). Look at EMAIL_URL."


def _providers() -> Iterator[str]:
    accounts = ProviderAccount.objects.order_by("name")
    if not accounts.exists():
        yield "No provider account is set up. Run: manage.py provider add"
    for account in accounts:
        parts = urlsplit(account.base_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if not _connects(parts.hostname or "", port):
            yield f"The provider {account.name} cannot be reached at {account.base_url}."
        if account.paused_at:
            yield f"The provider {account.name} is paused: {account.paused_reason or 'by hand'}."


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True


def _addresses() -> Iterator[str]:
    site = urlsplit(settings.SITE_URL)
    if site.scheme not in {"http", "https"} or not site.hostname:
        yield f"SITE_URL is {settings.SITE_URL!r}; write it as https://studio.example.com."
        return
    if site.path not in {"", "/"}:
        yield "SITE_URL has a path; the studio must live at the root of its host."
    if settings.DEPLOYED and site.scheme != "https":
        yield "SITE_URL is not https, so passwords travel in the clear."
    if settings.DEPLOYED and _is_local(site.hostname):
        yield "SITE_URL names this machine, so no provider's callback can arrive; polling does it."


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or "." not in host
