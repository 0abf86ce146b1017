"""What a browser does wrong on its own, whatever a test looks at."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, Response

# Said by Chromium for every answer of 400 and above, which are judged by their status below, and
# by htmx for a question that was cut off because the page was left.
_KNOWN = re.compile(r"Failed to load resource|htmx:(afterRequest|sendError|sendAbort)")


class Watch:
    """Listens to all pages of one context: errors, refusals by the CSP, strangers' addresses."""

    def __init__(self, context: BrowserContext, *, home: str) -> None:
        self.faults: list[str] = []
        self.asked: list[str] = []
        self._home = urlsplit(home).netloc
        self._expected: set[int] = set()
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", self._on_request)
        context.on("response", self._on_response)

    def expect(self, statuses: Iterable[int]) -> None:
        """These answers belong to the story."""
        self._expected.update(statuses)

    def count(self, path: str) -> int:
        """How often a page asked for this path."""
        return sum(urlsplit(url).path == path for url in self.asked)

    def _on_console(self, message: ConsoleMessage) -> None:
        is_bad = message.type in {"error", "warning"}
        if is_bad and not _KNOWN.search(message.text):
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        self.asked.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and parts.netloc != self._home:
            self.faults.append(f"a stranger was asked: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.faults.append(f"{response.status}: {response.request.method} {response.url}")
