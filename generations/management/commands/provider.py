"""`manage.py provider`: accounts at upstream providers."""

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from generations import provider_accounts, queries
from generations.models import ProviderAccount
from generations.protocols import registry

SLUG = re.compile(r"[-a-zA-Z0-9_]{1,40}")
# What can stand in a header as it is.
SENDABLE = re.compile(r"([!-~]([ -~]*[!-~])?)?")


class Command(BaseCommand):
    help = "Add, list, pause and resume accounts at upstream providers."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        add = acts.add_parser("add", help="a new account")
        add.add_argument("name")
        add.add_argument("--protocol", required=True)
        add.add_argument("--base-url", required=True)
        add.add_argument("--api-key", required=True)
        add.add_argument("--webhook-secret", default="")
        add.add_argument("--concurrency", type=int, default=10)
        acts.add_parser("list", help="all accounts")
        for act in ("pause", "resume"):
            acts.add_parser(act, help=f"{act} new orders").add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        {"add": self._add, "list": self._list, "pause": self._pause, "resume": self._resume}[
            options["act"]
        ](options)

    def _add(self, options: dict[str, Any]) -> None:
        _demand_sound(options)
        try:
            account = ProviderAccount.objects.create(
                name=options["name"],
                protocol=options["protocol"],
                base_url=options["base_url"].rstrip("/"),
                api_key=options["api_key"],
                webhook_secret=options["webhook_secret"],
                concurrency=options["concurrency"],
            )
        except IntegrityError:
            raise CommandError(f"There is already an account named {options['name']}.") from None
        host = provider_accounts.host_and_port(account.base_url)
        self.stdout.write(f"Added {account.name}: {account.protocol} at {host}.")

    def _list(self, options: dict[str, Any]) -> None:
        for account in queries.accounts():
            state = "paused" if account.paused_at else account.trouble or "ready"
            self.stdout.write(
                f"{account.name}\t{account.protocol}\t{account.base_url}\t"
                f"{account.in_flight}/{account.concurrency}\t{state}"
            )

    def _pause(self, options: dict[str, Any]) -> None:
        provider_accounts.pause(_find(options["name"]), reason="by the command line")
        self.stdout.write(f"{options['name']} takes no new orders; what it has is still fetched.")

    def _resume(self, options: dict[str, Any]) -> None:
        provider_accounts.resume(_find(options["name"]))
        self.stdout.write(f"{options['name']} takes orders again.")


def _find(name: str) -> ProviderAccount:
    account = queries.accounts().filter(name=name).first()
    if account is None:
        raise CommandError(f"There is no provider account named {name}.")
    return account


def _demand_sound(options: dict[str, Any]) -> None:
    if not registry.is_known(options["protocol"]):
        raise CommandError(f"No protocol {options['protocol']} is spoken here.")
    url = options["base_url"]
    if not provider_accounts.host_and_port(url) or "?" in url or "#" in url:
        raise CommandError("--base-url must look like https://host or http://host:port.")
    if not SLUG.fullmatch(options["name"]):
        raise CommandError("NAME takes up to 40 letters, digits, hyphens and underscores.")
    if len(options["base_url"]) > 300:
        raise CommandError("--base-url takes up to 300 characters.")
    _demand_sendable(options)
    if options["concurrency"] < 1:
        raise CommandError("--concurrency must be at least 1.")


def _demand_sendable(options: dict[str, Any]) -> None:
    for name in ("api_key", "webhook_secret"):
        if not SENDABLE.fullmatch(options[name]):
            raise CommandError(f"--{name.replace('_', '-')} takes plain ASCII on one line.")
    if not options["api_key"]:
        raise CommandError("--api-key must not be empty.")
