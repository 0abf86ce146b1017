"""Flags that would move the bill are refused in any spelling; prose is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations import prompts
from tests.generations.spellings import braces, spellings


def codes(prompt: str) -> set[str]:
    return {problem.code for problem in prompts.read(prompt).problems}


def test_there_are_fifty_spellings_of_each():
    assert all(len(spellings(name)) >= 50 for name in ("repeat", "r", "fast", "turbo", "relax"))
    assert len(braces()) >= 50


@pytest.mark.parametrize("name", ["repeat", "r"])
def test_repeat_is_refused_in_every_spelling(name: str):
    passed = [ascii(s) for s in spellings(name) if "repeat_refused" not in codes(f"{s} 4")]

    assert passed == []


@pytest.mark.parametrize("name", ["fast", "turbo", "relax"])
def test_speed_is_refused_in_every_spelling(name: str):
    passed = [ascii(s) for s in spellings(name) if "speed_refused" not in codes(s)]

    assert passed == []


@pytest.mark.parametrize("name", ["hd", "draft", "video"])
def test_what_is_dearer_is_refused_in_every_spelling(name: str):
    passed = [ascii(s) for s in spellings(name) if "flag_refused" not in codes(s)]

    assert passed == []


def test_permutations_are_refused_in_every_spelling():
    passed = [ascii(s) for s in braces() if "permutation_refused" not in codes(s)]

    assert passed == []


@pytest.mark.parametrize("glued", ["--r4", "--repeat4", "--r 4", "--repeat=4", "--r\u00a04"])
def test_a_number_glued_to_the_flag_does_not_hide_it(glued: str):
    assert codes(f"a cat {glued}") == {"repeat_refused"}


@pytest.mark.parametrize(
    "prose",
    [
        "a city\u2014neon lights on wet streets",
        "a well-known, fast-moving, repeat-winning horse",
        "the years 1920\u20131940, in sepia",
        "an old sailor \u2013 pipe in hand",
        "light - dark - light",
        "a relaxed man and a turbo-prop plane",
        "fast, turbo, relax, repeat and hd",
        "minus 5 \u2212 3",
        "a {red} bird, a blue one",
        "an empty {} brace, and a comma",
        "red, {blue} and green",
        "100 % hand-made -- nothing else",
        "--repeater --fastest --relaxing --drafty",
        "em dash \u2014 then words",
    ],
)
def test_prose_with_dashes_commas_and_braces_is_left_alone(prose: str):
    reading = prompts.read(prose)

    assert reading.text == prose
    assert reading.problems == ()


def test_flags_that_do_not_move_the_bill_go_on_as_typed():
    prompt = "a cat --chaos 20 --stylize 250 --niji 6 --no dogs --seed 7 --sref https://a.b/c"

    assert prompts.read(prompt) == prompts.Reading(prompt, "", ())


def test_a_phone_s_dash_becomes_a_flag_the_provider_reads():
    assert prompts.read("a cat \u2014ar 3:2 \u2014Chaos 20").text == "a cat --ar 3:2 --chaos 20"


@pytest.mark.parametrize(
    ("typed", "ratio"),
    [
        ("--ar 16:9", "16:9"), ("--AR 16:9", "16:9"), ("--aspect 3:2", "3:2"),
        ("\u2014ar 16:9", "16:9"), ("--ar  16:9", "16:9"), ("--ar\t9:16", "9:16"),
        ("--ar \uff11\uff16\uff1a\uff19", "16:9"), ("--ar 4:1", "4:1"), ("--ar 1:4", "1:4"),
        ("--ar 1:1 --ar 3:2", "3:2"),
    ],
)  # fmt: skip
def test_the_ratio_is_read_from_the_prompt(typed: str, ratio: str):
    assert prompts.read(f"a cat {typed}").ratio == ratio


@pytest.mark.parametrize(
    "typed", ["0:1", "1:0", "16:0", "5:1", "1:5", "16", "16x9", "a:b", "-1:2", "1.5:1", "100:99"]
)
def test_a_ratio_that_cannot_be_is_refused_by_name(typed: str):
    problems = prompts.read(f"a cat --ar {typed}").problems

    assert [(p.code, p.found) for p in problems] == [("ratio_refused", typed)]


def test_a_caption_does_not_repeat_the_ratio():
    assert prompts.without_ratio("a cat --ar 16:9 --chaos 5") == "a cat --chaos 5"


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_can_be_read(prompt: str):
    reading = prompts.read(prompt)

    assert prompts.read(reading.text).text == reading.text


@given(
    st.text(alphabet="-\u2013\u2014{}, \trepatfsulx:\u200b\ufe0f1", max_size=40),
)
def test_what_is_sent_is_as_clean_as_what_was_read(prompt: str):
    reading = prompts.read(prompt)

    assert bool(prompts.read(reading.text).problems) == bool(reading.problems)


def test_a_prompt_of_nothing_but_braces_is_read_at_once():
    prompts.read("{" * 3000 + "}" * 3000)
    prompts.read("{," * 3000)
    prompts.read("-" * 6000)
