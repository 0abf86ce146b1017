"""Ask providers how orders stand, many in one call where the moment allows it."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

from generations.protocols.base import Client, NoReport, ProviderUpdate

_GATHER_SECONDS = 0.05
_BATCH_MAX = 20
# For each provider its own: one that never answers must not keep the others waiting.
_CALLS_MAX = 8
# A server that does not know how to tell of many at once may still tell of each.
_NOT_UNDERSTOOD = frozenset({"malformed", "unknown_order"})

Answer = asyncio.Future[ProviderUpdate]


class Polls:
    """Questions that arise within one breath share a call."""

    def __init__(self) -> None:
        self._waiting: dict[Client, dict[str, Answer]] = defaultdict(dict)
        self._calls: dict[Client, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(_CALLS_MAX)
        )
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
        try:
            reports = await self._reports(client, batch)
        except BaseException as error:
            # Whoever waits must hear of it, whatever it was; the engine logs it at its edge.
            _fail(batch.values(), error)
            if not isinstance(error, Exception):
                raise
            return
        for remote_id, report in reports.items():
            if not batch[remote_id].done():
                batch[remote_id].set_result(report)
        # Left out of the many may mean unknown, or told in a way that only the long form makes
        # clear.
        left_out = [remote_id for remote_id in batch if remote_id not in reports]
        await asyncio.gather(*(self._fetch_one(client, one, batch[one]) for one in left_out))

    async def _reports(
        self, client: Client, remote_ids: Collection[str]
    ) -> Mapping[str, ProviderUpdate]:
        """What one call tells of several; nothing when it takes a call for each."""
        if len(remote_ids) == 1:
            return {}
        async with self._calls[client]:
            try:
                return await client.fetch_many(list(remote_ids))
            except NoReport as error:
                if error.code in _NOT_UNDERSTOOD:
                    return {}
                raise

    async def _fetch_one(self, client: Client, remote_id: str, answer: Answer) -> None:
        async with self._calls[client]:
            try:
                report = await client.fetch(remote_id)
            except BaseException as error:
                _fail([answer], error)
                if not isinstance(error, Exception):
                    raise
                return
        if not answer.done():
            answer.set_result(report)


def _fail(answers: Collection[Answer], error: BaseException) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error if isinstance(error, Exception) else NoReport("unreachable"))
            answer.exception()
