"""Ask providers how orders stand, many in one call where the moment allows it."""

import asyncio
from collections import defaultdict
from contextlib import suppress

from generations.protocols.base import Client, NoReport, ProviderUpdate

_GATHER_SECONDS = 0.05
_BATCH_MAX = 20
_CALLS_MAX = 8

Answer = asyncio.Future[ProviderUpdate]


class Polls:
    """Questions that arise within one breath share a call."""

    def __init__(self) -> None:
        self._waiting: dict[Client, dict[str, Answer]] = defaultdict(dict)
        self._calls = asyncio.Semaphore(_CALLS_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    async def ask(self, client: Client, remote_id: str) -> ProviderUpdate:
        """Raises NoReport."""
        waiting = self._waiting[client]
        if not waiting:
            self._start(client)
        if remote_id not in waiting:
            waiting[remote_id] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(waiting[remote_id])

    def _start(self, client: Client) -> None:
        task = asyncio.create_task(self._gather(client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _gather(self, client: Client) -> None:
        await asyncio.sleep(_GATHER_SECONDS)
        waiting = list(self._waiting.pop(client).items())
        batches = [dict(waiting[i : i + _BATCH_MAX]) for i in range(0, len(waiting), _BATCH_MAX)]
        await asyncio.gather(*(self._fetch(client, batch) for batch in batches))

    async def _fetch(self, client: Client, batch: dict[str, Answer]) -> None:
        async with self._calls:
            try:
                reports = await _reports(client, list(batch))
            except NoReport as error:
                _fail(batch, error)
                return
            except BaseException as error:
                # Whoever waits must hear of it, whatever it was; the engine logs it at its edge.
                _fail(batch, error)
                if not isinstance(error, Exception):
                    raise
                return
        for remote_id, answer in batch.items():
            report = reports.get(remote_id)
            if answer.done():
                continue
            if report is None:
                answer.set_exception(NoReport("unknown_order"))
            else:
                answer.set_result(report)


async def _reports(client: Client, remote_ids: list[str]) -> dict[str, ProviderUpdate]:
    if len(remote_ids) == 1:
        return {remote_ids[0]: await client.fetch(remote_ids[0])}
    reports = dict(await client.fetch_many(remote_ids))
    # Left out of the many may mean unknown, or told in a way that only the long form makes clear.
    for remote_id in set(remote_ids) - reports.keys():
        with suppress(NoReport):
            reports[remote_id] = await client.fetch(remote_id)
    return reports


def _fail(batch: dict[str, Answer], error: BaseException) -> None:
    for answer in batch.values():
        if not answer.done():
            answer.set_exception(error if isinstance(error, Exception) else NoReport("unreachable"))
            answer.exception()
