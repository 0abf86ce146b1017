"""`manage.py invariants`: prove that nothing was lost, charged wrongly or ordered twice."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from generations.invariants import faults


class Command(BaseCommand):
    help = "Check every invariant; one line a fault, and exit 1 if there is any."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--rows-only", action="store_true", help="do not read the stored images back"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = faults(reads_objects=not options["rows_only"])
        for sentence in found:
            self.stdout.write(sentence)
        if found:
            sys.exit(1)
        self.stdout.write("No faults.")
