"""Answer as a JourneyAPI provider does: what callers send, read and judged; what they get back."""

import hmac
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from generations.protocols.journeyapi import wire

MIDJOURNEY = "midjourney"
FLUX_SCHNELL = "flux-schnell"
MODELS = (MIDJOURNEY, FLUX_SCHNELL)
GRID_MODELS = frozenset({MIDJOURNEY})

ASPECT_RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
OUTPUT_FORMATS = ("png", "jpg")
RESOLUTIONS = ("1K", "2K", "4K")
NEGATIVE_PROMPT_LENGTH_MAX = 4000

NOT_FOUND = "task_id not found"
WRONG_COUNT = f"task_ids must contain {wire.FETCH_MANY_MIN}-{wire.FETCH_MANY_MAX} IDs"


class Refused(Exception):
    """The request cannot be taken. `messages` go into the answer's list of errors."""

    def __init__(self, *messages: str):
        super().__init__("; ".join(messages))
        self.messages = messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagine:
    """One checked order."""

    prompt: str
    model: str
    aspect_ratio: str
    output_format: str
    resolution: str
    negative_prompt: str
    webhook_url: str
    webhook_secret: str

    @property
    def is_grid(self) -> bool:
        return self.model in GRID_MODELS


def is_authorized(header: str, *, api_key: str) -> bool:
    """The raw key is documented; callers who write "Bearer" before it mean the same."""
    key = re.sub(r"^bearer\s+", "", header.strip(), flags=re.IGNORECASE)
    given, wanted = key.encode("utf-8", "replace"), api_key.encode("utf-8", "replace")
    return bool(api_key) and hmac.compare_digest(given, wanted)


def parse_imagine(body: object, *, models: Collection[str] = MODELS) -> Imagine:
    """Raises Refused with every fault at once. What a model does not use is ignored, not judged."""
    if not isinstance(body, Mapping):
        raise Refused("body must be a JSON object")
    faults: list[str] = []
    model = _text(body, "model", faults) or MIDJOURNEY
    if model not in models:
        faults.append(f"model must be one of: {', '.join(models)}")
    is_grid = model in GRID_MODELS
    order = Imagine(
        prompt=_prompt(body, faults),
        model=model,
        aspect_ratio=_ratio(body, faults),
        output_format="" if is_grid else _one_of(body, "output_format", OUTPUT_FORMATS, faults),
        resolution="" if is_grid else _one_of(body, "resolution", RESOLUTIONS, faults),
        negative_prompt="" if is_grid else _negative_prompt(body, faults),
        webhook_url=_webhook_url(body, faults),
        webhook_secret=_text(body, "webhook_secret", faults),
    )
    if faults:
        raise Refused(*faults)
    return order


def parse_fetch(body: object) -> str:
    """The task id asked for. Raises Refused."""
    if not isinstance(body, Mapping) or not body.get("task_id"):
        raise Refused("task_id is required")
    try:
        return wire.parse_task_id(body)
    except ValueError as error:
        raise Refused(NOT_FOUND) from error


def parse_fetch_many(body: object) -> tuple[str, ...]:
    """The task ids asked for. Raises Refused unless there are 2 to 20."""
    task_ids = body.get("task_ids") if isinstance(body, Mapping) else None
    if not isinstance(task_ids, list) or not all(isinstance(item, str) for item in task_ids):
        raise Refused(WRONG_COUNT)
    if not wire.FETCH_MANY_MIN <= len(task_ids) <= wire.FETCH_MANY_MAX:
        raise Refused(WRONG_COUNT)
    return tuple(task_ids)


def render_accepted(task_id: str) -> dict[str, object]:
    return {"task_id": task_id}


def render_task(task: wire.Task) -> dict[str, object]:
    return wire.task_body(task)


def render_tasks(tasks: Sequence[wire.Task]) -> dict[str, object]:
    return {"tasks": [wire.task_body(task) for task in tasks]}


def render_account(*, email: str, credits: int, images: int, plan: str) -> dict[str, object]:
    return {"email": email, "credits": credits, "total_images": images, "plan": plan}


def render_error(status: int, *messages: str) -> dict[str, object]:
    """The body of a refusal. A wrong key and a broken server say nothing at all."""
    return {} if status == 401 or status >= 500 else wire.error_body(messages)


def _text(body: Mapping[str, object], name: str, faults: list[str]) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        faults.append(f"{name} must be a string")
        return ""
    return value


def _prompt(body: Mapping[str, object], faults: list[str]) -> str:
    before = len(faults)
    prompt = _text(body, "prompt", faults)
    if not prompt.strip() and len(faults) == before:
        faults.append("prompt is required")
    return prompt


def _ratio(body: Mapping[str, object], faults: list[str]) -> str:
    ratio = _text(body, "aspect_ratio", faults) or ASPECT_RATIOS[0]
    if ratio not in ASPECT_RATIOS:
        faults.append("aspect_ratio must be a valid ratio (e.g., 16:9)")
    return ratio


def _one_of(
    body: Mapping[str, object], name: str, allowed: Sequence[str], faults: list[str]
) -> str:
    value = _text(body, name, faults)
    if value and value not in allowed:
        faults.append(f"{name} must be one of: {', '.join(allowed)}")
    return value


def _negative_prompt(body: Mapping[str, object], faults: list[str]) -> str:
    value = _text(body, "negative_prompt", faults)
    if len(value) > NEGATIVE_PROMPT_LENGTH_MAX:
        faults.append(f"negative_prompt must be at most {NEGATIVE_PROMPT_LENGTH_MAX} characters")
    return value


def _webhook_url(body: Mapping[str, object], faults: list[str]) -> str:
    value = _text(body, "webhook_url", faults)
    if value and not wire.http_url(value):
        faults.append("webhook_url must be a valid URL")
    return value
