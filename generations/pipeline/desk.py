"""What a worker needs at hand for every step: a way out, a way to the database, and helpers."""

import asyncio
import os
import socket
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db import close_old_connections, connection

from generations.models import ProviderAccount
from generations.pictures import Pictures
from generations.pipeline.polls import Polls
from generations.protocols import registry
from generations.protocols.base import Client
from generations.provider_accounts import host_and_port
from imagestudio.lib.http import Egress
from imagestudio.lib.lanes import Lanes

P = ParamSpec("P")
R = TypeVar("R")

# SQLite has one writer: more threads would only queue for its lock and starve the web process.
_SQLITE_THREADS = 1
_SERVER_THREADS = 4
_STORAGE_THREADS = 8
# For each provider its own: one whose images never come must not keep the others waiting.
_DOWNLOADS_MAX = 16
_ANSWER_SECONDS_MAX = 120


class Desk:
    """One for each worker process, living on its event loop."""

    def __init__(self) -> None:
        threads = _SQLITE_THREADS if connection.vendor == "sqlite" else _SERVER_THREADS
        self.worker = f"{socket.gethostname()[:12]}-{os.getpid()}-{os.urandom(4).hex()}"
        self.egress = Egress()
        self.pictures = Pictures()
        self._downloads: dict[int, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_DOWNLOADS_MAX)
        )
        self.polls = Polls()
        self._database = Lanes(threads, name="database")
        self._storage = ThreadPoolExecutor(_STORAGE_THREADS, thread_name_prefix="storage")
        self._clients: dict[registry.Credentials, Client] = {}

    async def db(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run an act on the database, off the loop, on a connection that is known to be alive."""
        return await self._database.run(partial(_with_live_connection, act, *args, **kwargs))

    async def db_first(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The same ahead of all others: what leases live on, and what a paid order waits for."""
        return await self._database.run(
            partial(_with_live_connection, act, *args, **kwargs), is_urgent=True
        )

    async def io(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run an act on files or storage, off the loop."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._storage, partial(act, *args, **kwargs))

    def client(self, account: ProviderAccount) -> Client:
        """The account's client; a changed key or address gets a new one."""
        credentials = registry.Credentials(account.protocol, account.base_url, account.api_key)
        if credentials not in self._clients:
            self._clients[credentials] = registry.connect(
                credentials, egress=self.way_to(account), answer_seconds=_answer_seconds()
            )
        return self._clients[credentials]

    def way_to(self, account: ProviderAccount) -> Egress:
        """The way out that may also reach the very host and port given for the account."""
        return self.egress.trusting(host_and_port(account.base_url))

    def downloads(self, account: ProviderAccount) -> asyncio.Semaphore:
        """How many images may be on their way from this account at once."""
        return self._downloads[account.pk]

    async def close(self) -> None:
        await self.egress.close()
        self.pictures.close()
        self._database.close()
        self._storage.shutdown(wait=True, cancel_futures=True)


def _answer_seconds() -> float:
    """Past the moment when its money goes back, nobody needs the answer to an order."""
    return min(_ANSWER_SECONDS_MAX, settings.UNKNOWN_SECONDS)


def _with_live_connection(act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    if connection.vendor == "sqlite":
        # A file does not hang up, and to open it anew would cost as much as most acts.
        return act(*args, **kwargs)
    close_old_connections()
    try:
        return act(*args, **kwargs)
    finally:
        close_old_connections()
