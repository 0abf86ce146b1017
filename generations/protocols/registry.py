"""Find a protocol by its folder's name. Adding one adds a folder and no line here."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from generations.protocols.base import Client, ProviderUpdate
from imagestudio.lib.http import Egress


class UnknownProtocol(LookupError):
    """No folder of that name speaks to providers."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where an account is and how we sign in there."""

    protocol: str
    base_url: str
    api_key: str


def connect(credentials: Credentials, *, egress: Egress, answer_seconds: float) -> Client:
    """`answer_seconds` is how long the answer to an order is waited for. Raises UnknownProtocol."""
    client: Client = _module(credentials.protocol).connect(
        egress=egress,
        base_url=credentials.base_url,
        api_key=credentials.api_key,
        answer_seconds=answer_seconds,
    )
    return client


def parse_callback(protocol: str, body: bytes) -> ProviderUpdate:
    """Raises ValueError when the body is no report, UnknownProtocol."""
    update: ProviderUpdate = _module(protocol).parse_callback(body)
    return update


def callback_secret(protocol: str, headers: Mapping[str, str]) -> str:
    """What the caller of a webhook presents as its secret. Raises UnknownProtocol."""
    secret: str = _module(protocol).callback_secret(headers)
    return secret


def is_known(protocol: str) -> bool:
    """Without loading the client: pages ask too, and never speak to a provider."""
    if not protocol.isidentifier():
        return False
    return find_spec(f"{__package__}.{protocol}") is not None


def _module(protocol: str) -> ModuleType:
    if not protocol.isidentifier():
        raise UnknownProtocol(protocol)
    try:
        return import_module(f"generations.protocols.{protocol}.client")
    except ModuleNotFoundError:
        raise UnknownProtocol(protocol) from None
