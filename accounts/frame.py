"""What stands around every page, from apps that accounts must not know.

An app's `AppConfig.ready()` registers a function of the viewer; the page's frame calls it when,
and only when, a template shows the value.
"""

from collections.abc import Callable

from accounts.viewer import Viewer

Provider = Callable[[Viewer], object]
_providers: dict[str, Provider] = {}


def register(name: str, provider: Provider) -> None:
    """The last one registered for a name is asked."""
    _providers[name] = provider


def provided(name: str, *, viewer: Viewer, default: object) -> object:
    provider = _providers.get(name)
    return provider(viewer) if provider else default
