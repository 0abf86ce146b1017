"""The shapes and spellings of the JourneyAPI wire. Client and server both speak through here."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

API_PREFIX = "/api/v1"
IMAGINE_PATH = "/imagine"
FETCH_PATH = "/fetch"
FETCH_MANY_PATH = "/fetch-many"
ACCOUNT_PATH = "/account"

SECRET_HEADER = "x-webhook-secret"  # noqa: S105 - the header's name
TASK_TYPE_IMAGINE = "imagine"

FETCH_MANY_MIN = 2
FETCH_MANY_MAX = 20

TASK_ID_LENGTH_MAX = 200
URL_LENGTH_MAX = 4096
URLS_MAX = 16
TEXT_LENGTH_MAX = 500
MESSAGES_MAX = 20


class Status(StrEnum):
    """Every status the provider names. The first three all mean that nothing is drawn yet."""

    STAGED = "staged"
    PENDING = "pending"
    STARTING = "starting"
    PROCESSING = "processing"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One task object, as fetch answers it and a webhook carries it. Empty means absent."""

    task_id: str
    status: Status
    task_type: str = ""
    model: str = ""
    percentage: int | None = None
    original_image_url: str = ""
    image_urls: tuple[str, ...] = ()
    image_url: str = ""
    seed: str = ""
    error: str = ""


def task_body(task: Task) -> dict[str, object]:
    """The JSON of a task. Absent fields are left out: a single image has no `image_urls` at all."""
    fields: dict[str, object] = {
        "task_id": task.task_id,
        "task_type": task.task_type,
        "model": task.model,
        "status": task.status.value,
        "percentage": "" if task.percentage is None else str(task.percentage),
        "original_image_url": task.original_image_url,
        "image_urls": list(task.image_urls),
        "image_url": task.image_url,
        "seed": task.seed,
        "error": task.error,
    }
    return {name: value for name, value in fields.items() if value}


def parse_task(body: object) -> Task:
    """A task from parsed JSON. Raises ValueError unless it names its id and a known status."""
    if not isinstance(body, Mapping):
        raise ValueError("a task is an object")
    status = body.get("status")
    if not isinstance(status, str):
        raise ValueError("a task says its status")
    return Task(
        task_id=parse_task_id(body),
        status=Status(clean_text(status).strip().lower()),
        task_type=clean_text(body.get("task_type")),
        model=clean_text(body.get("model")),
        percentage=parse_percentage(body.get("percentage")),
        original_image_url=http_url(body.get("original_image_url")),
        image_urls=http_urls(body.get("image_urls")),
        image_url=http_url(body.get("image_url")),
        seed=parse_seed(body.get("seed")),
        error=" ".join(parse_messages(body.get("error"))),
    )


def parse_task_id(body: object) -> str:
    """Raises ValueError when there is none that could be stored and sent back as it is."""
    task_id = body.get("task_id") if isinstance(body, Mapping) else None
    if not isinstance(task_id, str) or not 0 < len(task_id) <= TASK_ID_LENGTH_MAX:
        raise ValueError("a task has an id")
    if not (task_id.isascii() and task_id.isprintable()) or " " in task_id:
        raise ValueError("a task id is plain text")
    return task_id


def parse_percentage(value: object) -> int | None:
    """0 to 100 from `"45"`, `45`, `45.7` or `"45%"`; None from anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        number = re.fullmatch(r"\s*(-?[0-9]{1,300})(?:\.[0-9]*)?\s*%?\s*", value)
        if number is None:
            return None
        value = int(number[1])
    return int(max(0, min(100, value)))


def parse_seed(value: object) -> str:
    """The seed is documented as a string; a whole number is taken as well."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**20 else ""
    return clean_text(value)[:64]


def http_url(value: object) -> str:
    """The URL when it is a plain http or https one that names a host, else nothing."""
    if not isinstance(value, str) or len(value) > URL_LENGTH_MAX:
        return ""
    if not value.isprintable() or " " in value:
        return ""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    return value if usable else ""


def http_urls(value: object) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        return ()
    return tuple(url for url in map(http_url, value[:URLS_MAX]) if url)


def error_body(messages: Sequence[str]) -> dict[str, object]:
    return {"errors": [{"msg": message} for message in messages]} if messages else {}


def parse_messages(value: object) -> tuple[str, ...]:
    """What an error says, whether as text, as `{"msg"}` or `{"message"}`, or as a list of these."""
    if isinstance(value, str):
        text = clean_text(value).strip()
        return (text,) if text else ()
    if isinstance(value, Mapping):
        return _message(value)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return tuple(text for item in value[:MESSAGES_MAX] for text in _item_messages(item))
    return ()


def parse_error_body(body: object) -> tuple[str, ...]:
    """The messages of a refusal, `{"errors": [{"msg": ...}]}`; none when it is anything else."""
    if not isinstance(body, Mapping):
        return ()
    return parse_messages(body.get("errors")) or parse_messages(body.get("error"))


def clean_text(value: object) -> str:
    """Text that any database and any encoding can take, cut to a readable length; else empty."""
    if not isinstance(value, str):
        return ""
    cut = value[:TEXT_LENGTH_MAX].replace("\0", "")
    return cut.encode("utf-8", "replace").decode("utf-8")


def parse_json(body: bytes) -> object:
    """Raises ValueError for whatever is not JSON in UTF-8, too deep to read included."""
    try:
        parsed: object = json.loads(body.decode("utf-8-sig"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return parsed


def _item_messages(item: object) -> tuple[str, ...]:
    if isinstance(item, Mapping):
        return _message(item)
    return parse_messages(item) if isinstance(item, str) else ()


def _message(value: Mapping[str, object]) -> tuple[str, ...]:
    for name in ("msg", "message"):
        text = clean_text(value.get(name)).strip()
        if text:
            return (text,)
    return ()
