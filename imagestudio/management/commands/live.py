"""Event streams on a port of their own, beside the WSGI workers."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from imagestudio.lib.limits import raise_open_files
from imagestudio.management.commands.web import serve_asgi


class Command(BaseCommand):
    help = "Serve event streams; a reverse proxy sends /live/ here."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT + 1)
        parser.add_argument("--host", default="127.0.0.1")

    def handle(self, *_args: Any, **options: Any) -> None:
        raise_open_files(16_384)
        serve_asgi(host=options["host"], port=options["port"])
