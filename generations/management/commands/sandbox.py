"""Run the sandbox upstream: a provider that paints, for the demo and the tests."""

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from generations.sandbox.app import make_app
from imagestudio.lib.limits import raise_open_files

# Every order in flight is an open connection, and callbacks and images need some of their own.
OPEN_FILES = 8192


class Command(BaseCommand):
    help = "Serve the sandbox: a JourneyAPI provider that paints its own pictures."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument(
            "--speed", type=float, default=1.0, help="how many times faster than usual to render"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.SANDBOX_ENABLED:
            raise CommandError(
                "The sandbox does not run on a deployed site. Set SANDBOX=1 to run it all the same."
            )
        if options["speed"] <= 0:
            raise CommandError("--speed must be above 0.")
        raise_open_files(OPEN_FILES)
        serve(host=options["host"], port=options["port"], speed=options["speed"])


def serve(*, host: str, port: int, speed: float) -> None:
    """Blocks until SIGTERM or SIGINT, then ends within 2 seconds whatever is in flight."""
    app = make_app(settings.SANDBOX_STORE, api_key=settings.SANDBOX_API_KEY, speed=speed)
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=2048,
        timeout_graceful_shutdown=1,
    )
