"""Speak JourneyAPI to a provider: orders, reports and the callbacks it sends us."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from generations.protocols.base import (
    NoReport,
    NotAccepted,
    Order,
    OutcomeUnknown,
    ProviderUpdate,
    State,
)
from generations.protocols.journeyapi import wire
from imagestudio.lib import http

RETRY_AFTER_DEFAULT_SECONDS = 5
RETRY_AFTER_MAX_SECONDS = 300
BODY_BYTES_MAX = 1024 * 1024

STATES = {
    wire.Status.STAGED: State.WAITING,
    wire.Status.PENDING: State.WAITING,
    wire.Status.STARTING: State.WAITING,
    wire.Status.PROCESSING: State.RENDERING,
    wire.Status.FINISHED: State.FINISHED,
    wire.Status.FAILED: State.FAILED,
}
CONTENT_FILTER_WORDS = re.compile(
    r"content[ _-]?(policy|filter|violation)|moderat|safety|nsfw|banned[ _-]?(prompt|word)"
    r"|policy violation|sensitive (content|word)",
    re.IGNORECASE,
)
GRID_MODEL = "midjourney"
RATIO_FLAG = re.compile(r"(?:^|\s)--(?:ar|aspect)\s", re.IGNORECASE)
NOT_FOUND_WORDS = re.compile(r"not[ _-]?found|unknown task|does not exist", re.IGNORECASE)

# A refusal the provider gives before it takes anything; what is in neither table proves nothing.
REFUSALS = {401: "unauthorized", 403: "unauthorized", 402: "no_credits", 429: "busy", 503: "busy"}
REFUSED_BODIES = frozenset({400, 411, 413, 414, 415, 422, 431, 451})
# The address is wrong: nobody there takes orders, and asking again will not change that.
WRONG_ADDRESSES = frozenset({301, 307, 308, 404, 405, 410, 421})


class JourneyApiClient:
    """One account at one server that speaks JourneyAPI."""

    def __init__(
        self,
        *,
        egress: http.Egress,
        base_url: str,
        api_key: str,
        submit_timeout_seconds: float = 120,
        fetch_timeout_seconds: float = 20,
    ) -> None:
        root = base_url.strip().rstrip("/")
        self._egress = egress
        self._root = root if root.endswith(wire.API_PREFIX) else root + wire.API_PREFIX
        self._headers = {"authorization": api_key.strip(), "accept": "application/json"}
        self._submit_timeout_seconds = submit_timeout_seconds
        self._fetch_timeout_seconds = fetch_timeout_seconds

    async def submit(
        self, order: Order, *, before_send: Callable[[], Awaitable[None]]
    ) -> ProviderUpdate:
        try:
            answer = await self._egress.request(
                "POST",
                self._root + wire.IMAGINE_PATH,
                headers=self._headers,
                json=order_body(order),
                timeout_seconds=self._submit_timeout_seconds,
                body_bytes_max=BODY_BYTES_MAX,
                before_send=before_send,
            )
        except http.NotSent as error:
            raise NotAccepted(
                "unreachable", retry_after_seconds=RETRY_AFTER_DEFAULT_SECONDS
            ) from error
        except http.Blocked as error:
            raise NotAccepted("blocked") from error
        except (http.Lost, http.TooLarge) as error:
            raise OutcomeUnknown from error
        return read_acceptance(answer)

    async def fetch(self, remote_id: str) -> ProviderUpdate:
        update = read_task(await self._ask(wire.FETCH_PATH, {"task_id": remote_id}))
        if update.remote_id != remote_id:
            raise NoReport("malformed")
        return update

    async def fetch_many(self, remote_ids: Sequence[str]) -> Mapping[str, ProviderUpdate]:
        wanted = list(dict.fromkeys(remote_ids))
        updates: dict[str, ProviderUpdate] = {}
        for start in range(0, len(wanted), wire.FETCH_MANY_MAX):
            updates |= await self._fetch_some(wanted[start : start + wire.FETCH_MANY_MAX])
        return updates

    async def _fetch_some(self, remote_ids: Sequence[str]) -> dict[str, ProviderUpdate]:
        if len(remote_ids) < wire.FETCH_MANY_MIN:
            return await self._fetch_lone(remote_ids[0])
        body = await self._ask(wire.FETCH_MANY_PATH, {"task_ids": list(remote_ids)})
        tasks = body.get("tasks") if isinstance(body, Mapping) else None
        if not isinstance(tasks, list):
            raise NoReport("malformed")
        updates = {update.remote_id: update for update in map(_readable, tasks) if update}
        return {remote_id: updates[remote_id] for remote_id in remote_ids if remote_id in updates}

    async def _fetch_lone(self, remote_id: str) -> dict[str, ProviderUpdate]:
        try:
            return {remote_id: await self.fetch(remote_id)}
        except NoReport as error:
            if error.code == "unknown_order":
                return {}
            raise

    async def _ask(self, path: str, body: Mapping[str, object]) -> object:
        try:
            answer = await self._egress.request(
                "POST",
                self._root + path,
                headers=self._headers,
                json=body,
                timeout_seconds=self._fetch_timeout_seconds,
                body_bytes_max=BODY_BYTES_MAX,
            )
        except (http.NotSent, http.Lost, http.Blocked) as error:
            raise NoReport("unreachable") from error
        except http.TooLarge as error:
            raise NoReport("malformed") from error
        return read_report(answer)


def order_body(order: Order) -> dict[str, object]:
    """The body of /imagine. The order's own fields win over parameters of the same name."""
    body: dict[str, object] = dict(order.parameters)
    if RATIO_FLAG.search(order.prompt) and order.model == GRID_MODEL:
        # "If you already have --ar in your prompt, this field is ignored": and one that is not
        # among the seven ratios might be refused before it is ignored.
        body.pop("aspect_ratio", None)
    body |= {"model": order.model, "prompt": order.prompt}
    if order.callback_url:
        body["webhook_url"] = order.callback_url
        if order.callback_secret:
            body["webhook_secret"] = order.callback_secret
    return body


def read_acceptance(answer: http.Answer) -> ProviderUpdate:
    """Both documented answers: the bare task id, and the finished task at once.

    A task id in a 2xx is an order taken, however odd the rest of the body.
    """
    if not 200 <= answer.status < 300:
        raise refusal(answer)
    try:
        body = wire.parse_json(answer.body)
        remote_id = wire.parse_task_id(body)
    except ValueError as error:
        raise OutcomeUnknown from error
    try:
        return to_update(wire.parse_task(body))
    except ValueError:
        return ProviderUpdate(remote_id=remote_id, state=State.WAITING)


def refusal(answer: http.Answer) -> NotAccepted | OutcomeUnknown:
    reason = " ".join(_messages(answer))[: wire.TEXT_LENGTH_MAX]
    if answer.status in REFUSALS:
        code = REFUSALS[answer.status]
        wait = retry_after_seconds(answer.headers) if code == "busy" else None
        return NotAccepted(code, reason=reason, retry_after_seconds=wait)
    if answer.status in REFUSED_BODIES:
        filtered = CONTENT_FILTER_WORDS.search(reason) is not None
        return NotAccepted("content_filter" if filtered else "invalid", reason=reason)
    if answer.status in WRONG_ADDRESSES:
        return NotAccepted("unreachable", reason=f"HTTP {answer.status}")
    return OutcomeUnknown(f"HTTP {answer.status}")


def read_report(answer: http.Answer) -> object:
    """The JSON of a good answer to a fetch. Raises NoReport for every other."""
    if 200 <= answer.status < 300:
        try:
            return wire.parse_json(answer.body)
        except ValueError as error:
            raise NoReport("malformed") from error
    if answer.status in (401, 402, 403):
        raise NoReport("unauthorized")
    if answer.status in (429, 503):
        raise NoReport("busy", retry_after_seconds=retry_after_seconds(answer.headers))
    if answer.status in (400, 404) and NOT_FOUND_WORDS.search(" ".join(_messages(answer))):
        raise NoReport("unknown_order")
    raise NoReport("malformed" if answer.status < 500 else "unreachable")


def read_task(body: object) -> ProviderUpdate:
    try:
        return to_update(wire.parse_task(body))
    except ValueError as error:
        raise NoReport("malformed") from error


def parse_callback(body: bytes) -> ProviderUpdate:
    """What a webhook claims. Raises ValueError when the body is not a task object."""
    return to_update(wire.parse_task(wire.parse_json(body)))


def callback_secret(headers: Mapping[str, str]) -> str:
    """The secret a webhook echoes, empty when it brings none. Names match in any case."""
    for name, value in headers.items():
        if name.lower() == wire.SECRET_HEADER:
            return value
    return ""


def to_update(task: wire.Task) -> ProviderUpdate:
    """The task in our words. Finished counts only with images to fetch; the sheet is not one."""
    panels = task.image_urls or ((task.image_url,) if task.image_url else ())
    state = STATES[task.status]
    if state is State.FAILED:
        return _failed(task.task_id, reason=task.error)
    if state is State.FINISHED and not panels:
        return _failed(task.task_id, reason="The provider finished without an image.")
    if state is State.FINISHED:
        return ProviderUpdate(
            remote_id=task.task_id,
            state=state,
            percent=100,
            panels=panels,
            sheet=task.original_image_url,
            seed=task.seed,
        )
    return ProviderUpdate(remote_id=task.task_id, state=state, percent=task.percentage)


def retry_after_seconds(headers: Mapping[str, str]) -> int:
    """1 to 300, from seconds or a date (RFC 9110, 10.2.3); 5 when absent or unreadable."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?[0-9]{1,300}", value):
        return _bounded(int(value))
    try:
        at = parsedate_to_datetime(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return _bounded((at - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError, IndexError):
        return RETRY_AFTER_DEFAULT_SECONDS


def _bounded(seconds: float) -> int:
    return int(max(1, min(RETRY_AFTER_MAX_SECONDS, seconds)))


def _failed(remote_id: str, *, reason: str) -> ProviderUpdate:
    filtered = CONTENT_FILTER_WORDS.search(reason) is not None
    return ProviderUpdate(
        remote_id=remote_id,
        state=State.FAILED,
        failure="content_filter" if filtered else "provider_failed",
        reason=reason,
    )


def _readable(item: object) -> ProviderUpdate | None:
    """One unreadable task must not hide the reports of the others."""
    try:
        return to_update(wire.parse_task(item))
    except ValueError:
        return None


def _messages(answer: http.Answer) -> tuple[str, ...]:
    try:
        return wire.parse_error_body(wire.parse_json(answer.body))
    except ValueError:
        return ()


def connect(
    *, egress: http.Egress, base_url: str, api_key: str, answer_seconds: float
) -> JourneyApiClient:
    """The client for one account: what `protocols.registry` looks for in this folder."""
    return JourneyApiClient(
        egress=egress, base_url=base_url, api_key=api_key, submit_timeout_seconds=answer_seconds
    )
