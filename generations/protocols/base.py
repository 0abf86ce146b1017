"""What every provider protocol shows to the pipeline, whatever its wire looks like.

A protocol is a folder: `wire.py` holds the shapes, `client.py` speaks them to a provider,
`server.py` speaks them to a caller. The pipeline knows only the words of this module.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class State(StrEnum):
    """Where an order stands at the provider, in our words."""

    WAITING = "waiting"
    RENDERING = "rendering"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One paid order as it leaves for a provider. `parameters` hold the offering's own names."""

    model: str
    prompt: str
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    callback_url: str = ""
    callback_secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderUpdate:
    """One report from a provider.

    `panels` are result URLs in position order (0 first), `sheet` the grid that shows them all.
    `failure` is our code ("content_filter" or "provider_failed"), `reason` the provider's words.
    """

    remote_id: str
    state: State
    percent: int | None = None
    panels: tuple[str, ...] = ()
    sheet: str = ""
    seed: str = ""
    failure: str = ""
    reason: str = ""


class NotAccepted(Exception):
    """The provider provably took no order: it said so, or no byte reached it.

    `code` is one of: content_filter, invalid, unauthorized, no_credits, busy, unreachable, blocked.
    `retry_after_seconds` is set when asking again later makes sense, bounded to 300.
    """

    def __init__(self, code: str, *, reason: str = "", retry_after_seconds: int | None = None):
        super().__init__(code)
        self.code = code
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(Exception):
    """Bytes left and no usable answer came back: the order may or may not have been taken."""


class NoReport(Exception):
    """A fetch brought nothing to go on; the order stands where it stood. Ask again later.

    `retry_after_seconds` is the provider's own wish, if it named one. `code` says what went wrong:
    unreachable, unauthorized, busy, unknown_order or malformed.
    """

    def __init__(self, code: str, *, retry_after_seconds: int | None = None):
        super().__init__(code)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class Client(Protocol):
    """One account at one provider.

    `before_send` of submit is awaited once the connection stands and before the first byte of the
    order leaves; if it raises, nothing is sent and the exception passes through.
    """

    async def submit(
        self, order: Order, *, before_send: Callable[[], Awaitable[None]]
    ) -> ProviderUpdate:
        """Raises NotAccepted or OutcomeUnknown."""

    async def fetch(self, remote_id: str) -> ProviderUpdate:
        """Raises NoReport."""

    async def fetch_many(self, remote_ids: Sequence[str]) -> Mapping[str, ProviderUpdate]:
        """Reports by remote id; ids unknown to the provider are left out. Raises NoReport."""
