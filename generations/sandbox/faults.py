"""The test prompts: words in square brackets that make the sandbox misbehave on purpose.

This table is the only list of them; docs/test-prompts.md explains the same ones to people.
"""

import re
from dataclasses import dataclass

TAG = re.compile(
    r"\[([a-z0-9]+(?:-[a-z0-9]+)*)(?::([0-9]{1,5}(?:\.[0-9]{1,3})?))?\]", re.IGNORECASE
)

# Tag -> what it does. N is the number behind the colon, with its default.
TAGS = {
    "refused": "The order is refused with 400.",
    "402": "The order is refused with 402, no credits upstream.",
    "429": "The order is refused with 429; with N, only the first N times.",
    "503": "The order is refused with 503; with N, only the first N times.",
    "content-filter": "Accepted; fails with a content policy violation.",
    "provider-failed": "Accepted; fails with an internal error of the provider.",
    "stuck": "Accepted; never gets past 42 percent.",
    "instant": "Accepted; finished at once, and the answer to the order says so.",
    "slow": "Accepted; takes N seconds (20).",
    "post": "Accepted at once; the order is answered after N seconds (20).",
    "accept-then-hang": "Accepted; the order is never answered.",
    "accept-then-reset": "Accepted; the connection is reset instead of an answer.",
    "500-after-accept": "Accepted; the order is answered with 500.",
    "no-webhook": "No callback comes.",
    "webhook-twice": "Every callback comes twice.",
    "webhook-early": "Finished at once, and the callback comes before the order is answered.",
    "webhook-late": "The last callback comes N seconds (30) after the end.",
    "wrong-secret": "Callbacks carry another secret.",
    "wrong-task": "Callbacks name another task.",
    "truncated": "Images break off in the middle of the transfer.",
    "cut": "Images are whole transfers of half a file.",
    "flaky-image": "Each image breaks off the first time and is whole from then on.",
    "html": "Images are a web page that says 200.",
    "partial": "N (1) of the four panels are missing, with 404.",
}
SECONDS_DEFAULT = {"slow": 20.0, "post": 20.0, "webhook-late": 30.0}


@dataclass(frozen=True, slots=True)
class Faults:
    """What one prompt asks for. A missing number is None."""

    tags: dict[str, float | None]

    def __contains__(self, tag: str) -> bool:
        return tag in self.tags

    def seconds(self, tag: str) -> float:
        """The number behind a tag of time; 0 when the prompt does not have the tag."""
        if tag not in self.tags:
            return 0.0
        given = self.tags[tag]
        return SECONDS_DEFAULT[tag] if given is None else given

    def count(self, tag: str, *, default: int) -> int:
        """The number behind a tag that counts; 0 when the prompt does not have the tag."""
        if tag not in self.tags:
            return 0
        given = self.tags[tag]
        return default if given is None else int(given)


def parse(prompt: str) -> Faults:
    """The known tags of a prompt; anything else in brackets is part of the picture."""
    found: dict[str, float | None] = {}
    for name, number in TAG.findall(prompt):
        if name.lower() in TAGS:
            found[name.lower()] = float(number) if number else None
    return Faults(found)
