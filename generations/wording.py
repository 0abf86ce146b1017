"""Codes into sentences: what happened, whether it cost anything, what to do."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from generations.request import Fault

_FAULTS: Mapping[str, str] = {
    "required": "Write what you want to see.",
    "unreadable": "This text holds characters that cannot be sent. Remove them.",
    "too_long": "{length} characters; this model reads at most {maximum}. Shorten it.",
    "not_a_choice": "Choose one of {allowed}.",
    "not_a_number": "Write a whole number.",
    "out_of_range": "Choose between {minimum} and {maximum}.",
    "unknown_field": "{model} does not take this. It takes {allowed}.",
    "takes_no_image": "{model} works from words alone. Nothing was ordered; leave the image out.",
    "unknown_model": "There is no model of that name. Choose one of {allowed}.",
    "ratio_refused": "{found} is no ratio. Write width:height, such as 16:9, at most 4 to 1.",
    "repeat_refused": "{found} would order several times over. Remove it and press Generate again.",
    "speed_refused": "{found} changes the price and is not offered yet. Remove it.",
    "flag_refused": "{found} changes the price and is not offered yet. Remove it.",
    "permutation_refused": "{found} would become several orders. Write one version.",
    "insufficient_credits": "This needs {needed} and {available} are available. "
    "Nothing was ordered; your prompt is kept.",
    "price_changed": "The price is now {price}. Nothing was ordered; press again to accept.",
    "unknown_account": "There is no provider account of that name.",
    "no_provider": "No provider for this model is set up. Nothing was ordered.",
}
# Parameters that are shown with their unit.
_AMOUNTS = frozenset({"needed", "price"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a generation gave nothing: a title, and what to do next."""

    title: str
    advice: str


_PROBLEMS: Mapping[str, Problem] = {
    "content_filter": Problem(
        "The provider declined the prompt.",
        "Change the words that may offend, or try another model.",
    ),
    "provider_failed": Problem(
        "The provider failed; it was not your prompt.", "Try again, or use another model."
    ),
    "invalid": Problem(
        "The provider did not accept these settings.", "Change the settings or use another model."
    ),
    "unavailable": Problem(
        "The provider is not available at the moment.", "Try again later, or use another model."
    ),
    "outcome_unknown": Problem(
        "The provider never said whether it took the order.",
        "Order again if you like. Should the image still arrive, you get it free.",
    ),
    "deadline": Problem(
        "The provider did not finish in time.",
        "Order again if you like. Should the image still arrive, you get it free.",
    ),
    "images_lost": Problem(
        "It was rendered, but no intact image could be fetched.", "Try again; you were not charged."
    ),
    "internal": Problem(
        "Something broke on our side.", "Try again. We have kept a record for the operator."
    ),
}
CANCELLED = Problem(
    "Cancelled before a provider had it.", "Nothing was spent. Edit the prompt to order it anew."
)
_UNNAMED = Problem("This generation could not be finished.", "Try again, or use another model.")


def sentence(fault: Fault) -> str:
    values = {name: _plain(name, value) for name, value in fault.parameters.items()}
    return _FAULTS[fault.code].format(**values)


def problem(code: str) -> Problem:
    return _PROBLEMS.get(code, _UNNAMED)


def partly(good: int, *, expected: int) -> Problem | None:
    """What to say of an order of which only some images could be kept."""
    if good >= expected:
        return None
    return Problem(
        f"{good} of {expected} images are here; {expected - good} could not be fetched.",
        "You were charged for what is here only.",
    )


def credits(number: int) -> str:
    return "1 credit" if number == 1 else f"{number} credits"


def _plain(name: str, value: object) -> str:
    if name in _AMOUNTS and isinstance(value, int):
        return credits(value)
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value)
    return ", ".join(map(str, value))
