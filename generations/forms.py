"""The prompt bar: what it shows, and what a browser posts from it."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.billing import credits
from accounts.billing.queries import balance
from accounts.viewer import Viewer
from generations import pricing, prompts, routing, wording
from generations.catalog.spec import ModelSpec, UnknownModel, catalog, find
from generations.models import Generation, Visibility
from generations.pipeline.submit import PriceChanged, Terms, submit
from generations.request import Fault, GenerationRequest, InvalidRequest, parse
from generations.timing import typical_seconds

DEFAULT_MODEL = "midjourney"
FIELDS = ("prompt", "model", "ratio", "count")
TOKEN_CHARACTERS_MAX = 64
RATIO_SHAPE_SIDE = 16


@dataclass(frozen=True, slots=True)
class ModelChoice:
    id: str
    name: str
    price: int
    blurb: str
    seconds: int
    is_selected: bool


@dataclass(frozen=True, slots=True)
class RatioChoice:
    """`width` and `height` draw the shape, in pixels within a small square."""

    value: str
    label: str
    is_selected: bool
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CountChoice:
    value: int
    is_selected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    token: str
    prompt: str
    models: Sequence[ModelChoice]
    ratio: RatioChoice | None
    ratios: Sequence[RatioChoice]
    counts: Sequence[CountChoice]
    shows_counts: bool
    seen_by: str
    price: int
    seconds: int
    label: str
    reasons: Sequence[str]
    errors: Sequence[tuple[str, str]]
    is_blocked: bool
    hint: str

    @property
    def prompt_is_invalid(self) -> bool:
        return any(field == "prompt" for field, _ in self.errors)


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in the bar, as it came from the browser."""

    values: Mapping[str, str]
    token: str = ""
    price_seen: str = ""

    @property
    def spec(self) -> ModelSpec:
        """The chosen model; an unknown name falls back to the default for showing the bar."""
        try:
            return find(self.values.get("model") or DEFAULT_MODEL)
        except UnknownModel:
            return find(DEFAULT_MODEL)

    def raw(self) -> dict[str, object]:
        """In the words of the catalogue, for the validator."""
        raw: dict[str, object] = {"prompt": self.values.get("prompt", "")}
        if self.values.get("ratio"):
            raw["aspect_ratio"] = self.values["ratio"]
        if self.values.get("count") and self.spec.count_max > 1:
            raw["count"] = self.values["count"]
        return raw


def read(posted: Mapping[str, Any]) -> Draft:
    values = {name: str(posted.get(name, "")) for name in FIELDS}
    token = str(posted.get("token", ""))[:TOKEN_CHARACTERS_MAX]
    return Draft(values, token, str(posted.get("price", "")))


def place(viewer: Viewer, draft: Draft) -> list[Generation]:
    """Order what the draft says. Raises InvalidRequest, PriceChanged or InsufficientCredits."""
    model_id = draft.values.get("model") or DEFAULT_MODEL
    try:
        spec = find(model_id)
    except UnknownModel:
        allowed = tuple(catalog())
        raise InvalidRequest(Fault("model", "unknown_model", {"allowed": allowed})) from None
    request = parse(spec, draft.raw())
    if not routing.sellers(spec.id).exists():
        raise InvalidRequest(Fault("model", "no_provider"))
    price_seen = _whole(draft.price_seen)
    terms = Terms(submit_key=_gesture(draft), price_seen=price_seen, visibility=Visibility.PRIVATE)
    return submit(viewer, request, terms=terms)


def bar(viewer: Viewer, draft: Draft, *, faults: Sequence[Fault] = ()) -> Bar:
    """The bar for this draft: its price, and every reason why it cannot be sent as it is."""
    spec = draft.spec
    request = _request(draft)
    price = pricing.price(request) if request else spec.credits * _count(draft)
    seconds = typical_seconds(spec)
    reasons = _reasons(viewer, spec, price)
    return Bar(
        token=secrets.token_urlsafe(24),
        prompt=draft.values.get("prompt", ""),
        models=_models(spec),
        ratio=_ratio(spec, draft),
        ratios=_ratios(spec, draft),
        counts=[CountChoice(n, n == _count(draft)) for n in range(1, spec.count_max + 1)],
        shows_counts=spec.count_max > 1,
        seen_by="Only you see what you make here.",
        price=price,
        seconds=seconds,
        label=f"{wording.credits(price)} · ~{seconds} s",
        reasons=reasons,
        errors=[(_field(fault), wording.sentence(fault)) for fault in faults],
        is_blocked=bool(reasons),
        hint=_hint(spec, draft),
    )


def faults_of(error: InvalidRequest | PriceChanged | credits.InsufficientCredits) -> list[Fault]:
    """Whatever refused the order, in the words of the form."""
    if isinstance(error, InvalidRequest):
        return list(error.faults)
    if isinstance(error, PriceChanged):
        return [Fault("price", "price_changed", {"price": error.price})]
    figures = {"needed": error.needed, "available": error.available}
    return [Fault("price", "insufficient_credits", figures)]


def lint(draft: Draft) -> list[Fault]:
    """What would be refused, apart from a prompt that is still empty."""
    if not draft.values.get("prompt", "").strip():
        return []
    try:
        parse(draft.spec, draft.raw())
    except InvalidRequest as error:
        return list(error.faults)
    return []


def _gesture(draft: Draft) -> str | None:
    """One rendered form with one content is one order, however often it is posted.

    The content counts too: a page brought back by the browser's Back button carries an old token,
    and what is written there now is a new order.
    """
    if not draft.token:
        return None
    content = "\0".join([draft.token, *(draft.values.get(name, "") for name in FIELDS)])
    return hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()


def _request(draft: Draft) -> GenerationRequest | None:
    try:
        return parse(draft.spec, draft.raw())
    except InvalidRequest:
        return None


def _reasons(viewer: Viewer, spec: ModelSpec, price: int) -> list[str]:
    available = balance(viewer.team_id).available
    if not routing.sellers(spec.id).exists():
        return [wording.sentence(Fault("model", "no_provider"))]
    if available < price:
        return [f"Needs {wording.credits(price)}; {max(available, 0)} available."]
    return []


def _models(chosen: ModelSpec) -> list[ModelChoice]:
    return [
        ModelChoice(m.id, m.name, m.credits, m.blurb, typical_seconds(m), m.id == chosen.id)
        for m in catalog().values()
    ]


def _ratio(spec: ModelSpec, draft: Draft) -> RatioChoice | None:
    """The frame of the picture: the prompt's own flag, which wins when the order is placed."""
    written = _written_ratio(spec, draft)
    if written:
        return _shape(written, is_selected=True)
    return next((choice for choice in _ratios(spec, draft) if choice.is_selected), None)


def _written_ratio(spec: ModelSpec, draft: Draft) -> str:
    if spec.grammar != "midjourney":
        return ""
    return prompts.read(draft.values.get("prompt", "")).ratio


def _hint(spec: ModelSpec, draft: Draft) -> str:
    """When somebody chose another frame than the one they wrote."""
    written = _written_ratio(spec, draft)
    chosen = next((r.value for r in _ratios(spec, draft) if r.is_selected), "")
    parameter = spec.parameter("aspect_ratio")
    if not written or parameter is None or chosen in {written, parameter.default}:
        return ""
    return f"The prompt asks for {written}, which decides. Remove its --ar to use {chosen}."


def _ratios(spec: ModelSpec, draft: Draft) -> list[RatioChoice]:
    parameter = spec.parameter("aspect_ratio")
    if parameter is None:
        return []
    asked = draft.values.get("ratio", "")
    chosen = asked if asked in parameter.choices else parameter.default
    return [_shape(value, is_selected=value == chosen) for value in parameter.choices]


def _shape(value: str, *, is_selected: bool) -> RatioChoice:
    width, height = (int(side) for side in value.split(":"))
    longest = max(width, height)
    return RatioChoice(
        value,
        value,
        is_selected,
        max(4, round(RATIO_SHAPE_SIDE * width / longest)),
        max(4, round(RATIO_SHAPE_SIDE * height / longest)),
    )


def _count(draft: Draft) -> int:
    count = draft.values.get("count", "")
    return min(_whole(count) or 1, draft.spec.count_max)


def _whole(text: str) -> int | None:
    """Python refuses to read a number of thousands of digits; the first ones say enough."""
    return int(text[:18]) if text.isdecimal() else None


def _field(fault: Fault) -> str:
    return {"aspect_ratio": "ratio"}.get(fault.field, fault.field)
