"""Ways in which people, phones and rogues write one flag."""

from collections.abc import Iterator

DASHES = (
    "--", "---", "----", "\u2014", "\u2013", "\u2012", "\u2015", "\u2212", "\u2e3a", "\u2e3b",
    "\u2010\u2010", "\u2011\u2011", "\ufe63\ufe63", "\uff0d\uff0d", "-\u2013", "\u2013-",
    "\ufe58", "\ufe31", "\ufe32", "-\u200b-", "\u200d--", "-\ufeff-", "\u2212\u2212", "-\u00ad-",
)  # fmt: skip
INVISIBLE = (
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u200e", "\u202e", "\u2066",
    "\u180e", "\u034f", "\ufe0f", "\u061c", "\u115f", "\u3164",
)  # fmt: skip


def spellings(name: str) -> list[str]:
    return list(dict.fromkeys(_spellings(name)))


def _spellings(name: str) -> Iterator[str]:
    for dash in DASHES:
        yield f"a cat {dash}{name}"
    for gap in INVISIBLE:
        yield f"a cat --{gap}{name}"
        if len(name) > 1:
            yield f"a cat --{name[:1]}{gap}{name[1:]}"
        yield f"a cat --{name}{gap}"
    for space in (" ", "\t", "\n", "\u00a0", "\u3000", "\u2003", "\u2028"):
        yield f"a cat{space}--{name}"
    for other in (name.upper(), name.title(), name[:-1] + name[-1:].upper()):
        yield f"a cat --{other}"
        yield f"a cat \u2014{other}"
    yield f"a cat --{_shifted(name, ord(chr(0xFF41)))}"  # full-width
    yield f"a cat \uff0d\uff0d{_shifted(name.upper(), 0xFF21, first=0x41)}"
    yield f"a cat --{_shifted(name, 0x1D41A)}"  # mathematical bold
    yield f"a cat --{_shifted(name, 0x24D0)}"  # in circles
    yield f"a cat--{name}"
    yield f"a cat\u2014{name}"
    yield f"a cat,--{name}"
    yield f"--{name} a cat"
    yield f"a cat --ar 16:9--{name}"
    yield f"a cat ::2--{name}"
    yield f"a cat --no dogs --{name} --ar 16:9"


def _shifted(name: str, start: int, *, first: int = 0x61) -> str:
    return "".join(chr(start + ord(letter) - first) for letter in name)


def braces() -> list[str]:
    """Permutations: one prompt that would become several orders."""
    inner = ("red, blue", "red,blue", "a,b,c", ",", "red,", ",blue", "a\\,b", "x, y, z, w")
    opening = (("{", "}"), ("\uff5b", "\uff5d"), ("\ufe5b", "\ufe5c"), ("{", "\uff5d"))
    plain = [f"a {left}{words}{right} bird" for left, right in opening for words in inner]
    commas = [f"a {{red{comma}blue}} bird" for comma in (",", "\uff0c", "\ufe50", "\ufe10")]
    hidden = [f"a {{{gap}red{gap},{gap}blue{gap}}} bird" for gap in INVISIBLE]
    return [
        *plain,
        *commas,
        *hidden,
        "{a{b},c}",
        "a {red {big}, blue} bird",
        "{{a,b}}",
        "{a, {b, c}}",
        "{ {x} {y} , {z} }",
        "{a\nb, c}",
        "a bird{s,}",
        "{a,b",
    ][:-1]
