"""Prove the sums from the console."""

import json
import time
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.billing.reconcile import report


class Command(BaseCommand):
    help = "Compare every wallet, lot and hold with the ledger; exit code 1 if something differs."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *_: Any, **options: Any) -> None:
        started = time.monotonic()
        found = report()
        seconds = round(time.monotonic() - started, 1)
        if options["json"]:
            self.stdout.write(json.dumps({**asdict(found), "seconds": seconds}))
        elif found.faults:
            self.stdout.write("\n".join(found.faults))
        else:
            self.stdout.write(
                f"No faults in {found.wallets} wallets, {found.entries} entries,"
                f" {found.lots} lots and {found.holds} holds ({seconds} s)."
            )
        if found.faults:
            raise SystemExit(1)
