"""Flags in a Midjourney prompt: found in any spelling, and refused where they would move the bill.

The full grammar does not exist yet. Until it does, what changes the number or the price of the
images is refused, and every other flag goes to the provider as typed.
"""

import re
import unicodedata
from dataclasses import dataclass

# What people and phones type for "--", one or several.
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"
_LONG_DASHES = "\u2012\u2013\u2014\u2015\u2212\u2e3a\u2e3b"
_ANY_FLAG = re.compile(rf"(?:[{_DASHES}]{{2,}}|[{_LONG_DASHES}])([^\W\d_]+)")
# Glued to the word before it, a dash is mostly prose ("a city—neon lights"): left as typed.
_FLAG = re.compile(rf"(?<!\S){_ANY_FLAG.pattern}")
_RATIO = re.compile(r"--(?:ar|aspect)\s+(\S+)")
_RATIO_VALUE = re.compile(r"([1-9]\d?):([1-9]\d?)")
_INNERMOST_BRACES = re.compile(r"\{[^{}]*\}")
# Letters that draw nothing. Unicode counts them as letters, so no category gives them away.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")

REPEATING = frozenset({"repeat", "r"})
SPEED = frozenset({"fast", "turbo", "relax"})
DEARER = frozenset({"hd", "draft", "video"})
_STEEPEST = 4.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a prompt is refused: a code, and the piece of text it is about."""

    code: str
    found: str


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is the prompt with its flags spelled `--name`; `ratio` is empty when none is set."""

    text: str
    ratio: str
    problems: tuple[Problem, ...]


def read(prompt: str) -> Reading:
    """Read the flags of a Midjourney prompt."""
    text = _FLAG.sub(lambda found: f"--{_fold(found[1])}", _without_invisible(prompt))
    text = text.strip()
    problems = [*_flag_problems(text), *_permutations(text)]
    ratio = ""
    for spelled in _RATIO.findall(text):
        ratio = _ratio(spelled)
        if not ratio:
            problems.append(Problem("ratio_refused", spelled))
    return Reading(text, ratio, tuple(problems))


def without_ratio(text: str) -> str:
    """The prompt as a caption: the ratio is shown beside it."""
    return " ".join(_RATIO.sub(" ", text).split())


def _flag_problems(text: str) -> list[Problem]:
    problems = []
    for name in map(_fold, _ANY_FLAG.findall(_as_others_may_read(text))):
        if name in REPEATING:
            problems.append(Problem("repeat_refused", f"--{name}"))
        elif name in SPEED:
            problems.append(Problem("speed_refused", f"--{name}"))
        elif name in DEARER:
            problems.append(Problem("flag_refused", f"--{name}"))
    return problems


def _permutations(text: str) -> list[Problem]:
    """Braces with a comma between them, however deep: `{a {b}, c}` is two orders as well."""
    folded = _as_others_may_read(text)
    while braces := _INNERMOST_BRACES.findall(folded):
        found = [Problem("permutation_refused", b) for b in braces if "," in b]
        if found:
            return found
        folded = _INNERMOST_BRACES.sub(" ", folded)
    return []


def _ratio(spelled: str) -> str:
    found = _RATIO_VALUE.fullmatch(unicodedata.normalize("NFKC", spelled))
    if not found:
        return ""
    width, height = int(found[1]), int(found[2])
    return f"{width}:{height}" if 1 / _STEEPEST <= width / height <= _STEEPEST else ""


def _fold(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _as_others_may_read(text: str) -> str:
    """Letters in their plain form, and nothing that cannot be seen, for looking only."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join(
        character
        for character in plain
        if unicodedata.category(character) not in {"Cf", "Mn", "Me"} and character not in _FILLERS
    )


def _without_invisible(prompt: str) -> str:
    """Drop format and control characters: `--re<zero width>peat` is read as --repeat upstream."""
    return "".join(
        " " if character in "\t\r\n" else character
        for character in prompt
        if character in "\t\r\n" or unicodedata.category(character) not in {"Cf", "Cc", "Cs"}
    )
