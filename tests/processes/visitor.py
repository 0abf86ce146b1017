"""A person with a browser, without the screen: logs in, fills in the form, presses the button."""

import html
import re
from types import TracebackType

import httpx

from tests.studio import Studio


class Visitor:
    """`with Visitor(studio) as visitor`: the first login, logged in once: logins have a limit."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._login = studio.login
        self._client = httpx.Client(
            base_url=studio.url, trust_env=False, timeout=30, headers={"Origin": studio.url}
        )

    def __enter__(self) -> "Visitor":
        email, password = self._login
        fields = _hidden(self._client.get("/accounts/login/").text)
        answer = self._client.post(
            "/accounts/login/", data=fields | {"login": email, "password": password}
        )
        if answer.status_code != httpx.codes.FOUND:
            self.close()
            raise AssertionError(answer.text)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def window(self) -> "Visitor":
        """Another window of the same browser: its session, a connection of its own."""
        other = Visitor(self._studio)
        other._client.cookies.update(self._client.cookies)
        return other

    def close(self) -> None:
        self._client.close()

    def form(self, *, model: str) -> dict[str, str]:
        """The hidden fields of the bar, as the page for this model holds them."""
        return self.fields_of(self.page("/", model=model))

    def page(self, path: str, **query: str) -> httpx.Response:
        return self._client.get(path, params=query)

    def fields_of(self, answer: httpx.Response) -> dict[str, str]:
        return _hidden(answer.text)

    def submit(self, fields: dict[str, str]) -> httpx.Response:
        return self._client.post("/generate/", data=fields)

    def form_if_any(self, *, model: str) -> dict[str, str]:
        """The same, or nothing when nobody answers."""
        try:
            return self.form(model=model)
        except httpx.TransportError:
            return {}

    def submits(self, fields: dict[str, str]) -> int | None:
        """The status of the answer, a redirect when the order was taken; None for no answer."""
        try:
            return self.submit(fields).status_code
        except httpx.TransportError:
            return None


def _hidden(page: str) -> dict[str, str]:
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") == "hidden" and "name" in attributes:
            found[attributes["name"]] = html.unescape(attributes.get("value", ""))
    return found
