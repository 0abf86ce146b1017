"""A generation as people see it in the stream: its words and its money, ready to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from django.template.defaultfilters import date as format_date
from django.urls import reverse
from django.utils import timezone

from generations import prompts, queries, wording
from generations.catalog.spec import UnknownModel, find
from generations.models import Generation, Status
from generations.tiles import Tile, caption, tiles
from generations.timing import slow_after_seconds, typical_seconds

WORDS: Mapping[str, tuple[str, str]] = {
    Status.QUEUED: ("Waiting", "wait"),
    Status.SUBMITTING: ("Rendering", "wait"),
    Status.RUNNING: ("Rendering", "wait"),
    Status.CHECKING: ("Checking with the provider", "quiet"),
    Status.NEEDS_INPUT: ("Waiting for your mask", "quiet"),
    Status.COLLECTING: ("Saving your images", "wait"),
    Status.SUCCEEDED: ("Ready", "good"),
    Status.FAILED: ("Returned", "bad"),
    Status.CANCELED: ("Cancelled", "quiet"),
}
RENDERING = (Status.SUBMITTING, Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    public_id: str
    url: str
    card_url: str
    prompt: str
    chips: Sequence[str]
    model_name: str
    word: str
    tone: str
    detail: str
    percent: int | None
    is_open: bool
    money: str
    money_url: str
    ready_at: datetime | None
    columns: int
    tiles: Sequence[Tile]
    problem: str
    advice: str
    reuse_url: str
    cancel_url: str
    cancel_label: str

    @property
    def gave_nothing(self) -> bool:
        """It ended without a single picture; with some, the problem stands beside them."""
        return bool(self.problem) and not self.tiles


def card(generation: Generation) -> Card:
    """Expects the assets to be prefetched."""
    public_id = str(generation.public_id)
    word, tone = _word(generation)
    trouble = _trouble(generation)
    return Card(
        public_id=public_id,
        url=reverse("generation", args=[public_id]),
        card_url=reverse("card", args=[public_id]),
        prompt=caption(generation),
        chips=chips(generation),
        model_name=generation.model_name,
        word=word,
        tone=tone,
        detail=_detail(generation),
        percent=generation.percent if generation.status in RENDERING else None,
        is_open=generation.is_open,
        money=_money(generation),
        money_url=_money_url(generation),
        ready_at=generation.settled_at if generation.status == Status.SUCCEEDED else None,
        columns=4 if generation.images_expected > 1 else 1,
        tiles=tiles(generation),
        problem=trouble.title if trouble else "",
        advice=trouble.advice if trouble else "",
        reuse_url=_reuse_url(generation),
        cancel_url=_cancel_url(generation),
        cancel_label=_cancel_label(generation),
    )


def chips(generation: Generation) -> list[str]:
    shown = []
    if ratio := generation.parameters.get("aspect_ratio"):
        shown.append(str(ratio))
    if generation.parameters.get("output_format") == "jpg":
        shown.append("JPG")
    return shown


def _word(generation: Generation) -> tuple[str, str]:
    if generation.status in RENDERING and _is_slow(generation):
        return "Slow", "slow"
    return WORDS[generation.status]


def _detail(generation: Generation) -> str:
    if generation.stop_waiting_at and generation.is_open:
        return "You stopped waiting. If the image still comes, it is kept and charged."
    if generation.status == Status.QUEUED:
        return _place(generation)
    if generation.status == Status.CHECKING and generation.unknown_until:
        until = format_date(timezone.localtime(generation.unknown_until), "H:i")
        return f"The answer got lost on the way. Settled by {until} at the latest."
    if generation.status in RENDERING:
        return _time_left(generation)
    if generation.delivered_free_at:
        return "It came after we had given up, so it is free."
    return ""


def _place(generation: Generation) -> str:
    place = queries.place_in_line(generation)
    return "next" if place <= 1 else f"{place} in line"


def _time_left(generation: Generation) -> str:
    if _is_slow(generation):
        return "still rendering at the provider; you can leave"
    left = round(_typical(generation) - _elapsed(generation))
    return f"about {left} s left" if left > 0 else ""


def _typical(generation: Generation) -> float:
    try:
        return typical_seconds(find(generation.model))
    except UnknownModel:
        return 0


def _is_slow(generation: Generation) -> bool:
    try:
        return _elapsed(generation) > slow_after_seconds(find(generation.model))
    except UnknownModel:
        return False


def _elapsed(generation: Generation) -> float:
    return (timezone.now() - (generation.sent_at or generation.created_at)).total_seconds()


def _money(generation: Generation) -> str:
    price = generation.price_credits
    if generation.is_open:
        return f"{price} held"
    if generation.delivered_free_at:
        return "free"
    if generation.status != Status.SUCCEEDED:
        return f"{wording.credits(price)} returned"
    returned = price - generation.captured_credits
    if returned:
        return f"{wording.credits(generation.captured_credits)}, {returned} returned"
    return wording.credits(generation.captured_credits)


def _money_url(generation: Generation) -> str:
    if generation.captured_credits:
        return f"{reverse('generation', args=[generation.public_id])}#money"
    return ""


def _trouble(generation: Generation) -> wording.Problem | None:
    if generation.status == Status.FAILED:
        return wording.problem(generation.error_code)
    if generation.status == Status.CANCELED:
        return wording.CANCELLED
    if generation.status == Status.SUCCEEDED and not generation.delivered_free_at:
        good = sum(asset.kind in queries.PICTURES for asset in generation.assets.all())
        return wording.partly(good, expected=generation.images_expected)
    return None


def _reuse_url(generation: Generation) -> str:
    """The prompt comes back as it was written; a ratio that stands in it needs no other place."""
    query = {"model": generation.model, "prompt": generation.prompt}
    ratio = str(generation.parameters.get("aspect_ratio", ""))
    if ratio and ratio != prompts.read(generation.prompt).ratio:
        query["ratio"] = ratio
    return f"{reverse('create')}?{urlencode(query)}"


def _cancel_url(generation: Generation) -> str:
    if not generation.is_open or generation.stop_waiting_at:
        return ""
    if generation.status == Status.COLLECTING:
        return ""
    return reverse("cancel", args=[generation.public_id])


def _cancel_label(generation: Generation) -> str:
    if generation.status == Status.QUEUED:
        return f"Cancel, returns {wording.credits(generation.price_credits)}"
    return "Stop waiting"
