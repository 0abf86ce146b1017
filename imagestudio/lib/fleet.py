"""Spread calls over as many connection pools as they need, so that no call waits for another."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Generic, Protocol, TypeVar

# A pool walks all its connections for each call: one pool with thousands is quadratic.
CALLS_PER_POOL = 50


class Pool(Protocol):
    async def aclose(self) -> None: ...


P = TypeVar("P", bound=Pool)


class _Shard(Generic[P]):
    def __init__(self, pool: P) -> None:
        self.pool = pool
        self.calls = 0


class Fleet(Generic[P]):
    """Grows when every pool is full; closes a pool that falls empty beside another."""

    def __init__(self, open_pool: Callable[[], P]) -> None:
        self._open_pool = open_pool
        self._shards: list[_Shard[P]] = []

    @asynccontextmanager
    async def berth(self) -> AsyncIterator[P]:
        """A pool with a connection to spare for one call."""
        shard = min(self._shards, key=lambda shard: shard.calls, default=None)
        if shard is None or shard.calls >= CALLS_PER_POOL:
            shard = _Shard(self._open_pool())
            self._shards.append(shard)
        shard.calls += 1
        try:
            yield shard.pool
        finally:
            shard.calls -= 1
            if shard.calls == 0 and len(self._shards) > 1 and shard in self._shards:
                self._shards.remove(shard)
                await shard.pool.aclose()

    async def close(self) -> None:
        shards, self._shards = self._shards, []
        for shard in shards:
            await shard.pool.aclose()
