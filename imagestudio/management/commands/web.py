"""The front door. One ASGI server by default; WSGI workers for pages in production."""

from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from generations import checks
from imagestudio.lib.heads import BoundedHeads
from imagestudio.lib.limits import raise_open_files


class Command(BaseCommand):
    help = "Serve pages: one ASGI server for everything, or WSGI workers (then run `live` beside)."
    requires_system_checks = (checks.TAG,)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--wsgi", action="store_true", help="granian's WSGI workers")
        parser.add_argument("--workers", type=int, default=2, help="with --wsgi: processes")

    def handle(self, *_args: Any, **options: Any) -> None:
        raise_open_files(4096)
        if options["wsgi"]:
            serve_wsgi(host=options["host"], port=options["port"], workers=options["workers"])
        else:
            serve_asgi(host=options["host"], port=options["port"])


def serve_asgi(*, host: str, port: int) -> None:
    """One process for pages and event streams. Blocks."""
    uvicorn.run(
        "imagestudio.asgi:application",
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedHeads,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        # Who is asking is decided in one place (TRUSTED_PROXIES), not by every header that comes.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )


def serve_wsgi(*, host: str, port: int, workers: int) -> None:
    """Pages cost a fraction of what they do on ASGI, but a stream would hold a thread. Blocks."""
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "imagestudio.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=4,
        backlog=1024,
        respawn_failed_workers=True,
        workers_kill_timeout=8,
        log_access=False,
    ).serve()
