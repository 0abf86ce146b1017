"""One validator for every door: what it takes, what it refuses, and in which words."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generations import pricing, wording
from generations.catalog.spec import ModelSpec, find, load
from generations.request import Fault, InvalidRequest, parse

MODELS = ("midjourney", "flux-schnell")
anything: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def faults(spec: ModelSpec, **raw: object) -> list[Fault]:
    with pytest.raises(InvalidRequest) as refused:
        parse(spec, raw)
    return list(refused.value.faults)


def named(found: list[Fault]) -> list[tuple[str, str]]:
    return [(fault.field, fault.code) for fault in found]


@pytest.fixture
def roomy(tmp_path: Path) -> ModelSpec:
    """A model with a parameter of every kind."""
    block = """
        [roomy]
        name = "Roomy"
        family = "Test"
        blurb = "Takes everything."
        images = 1
        credits = 3
        seconds = 5
        deadline_seconds = 60
        prompt_characters_max = 20
        count_max = 4
        parameters = [
          {name = "style", label = "Style", kind = "choice", choices = ["a", "b"], default = "a"},
          {name = "steps", label = "St", kind = "integer", minimum = 1, maximum = 8, default = 4},
          {name = "without", label = "No", kind = "text", characters_max = 5, default = ""},
        ]
        offerings = [{protocol = "journeyapi", remote_id = "roomy"}]
    """
    path = tmp_path / "roomy.toml"
    path.write_text(block, encoding="utf-8")
    return load(path)[0]


def test_a_prompt_alone_takes_every_default():
    request = parse(find("flux-schnell"), {"prompt": "  a cat\r\non a mat "})

    assert request.prompt == "a cat\non a mat"
    assert dict(request.parameters) == {
        "aspect_ratio": "1:1",
        "output_format": "png",
        "negative_prompt": "",
    }
    assert request.count == 1


def test_the_ratio_in_the_prompt_wins_over_the_one_in_the_form():
    request = parse(find("midjourney"), {"prompt": "a cat --ar 16:9", "aspect_ratio": "2:3"})

    assert request.parameters["aspect_ratio"] == "16:9"


def test_flux_reads_flags_as_words():
    request = parse(find("flux-schnell"), {"prompt": "a cat --repeat 4 --ar 16:9 {a,b}"})

    assert request.prompt == "a cat --repeat 4 --ar 16:9 {a,b}"
    assert request.parameters["aspect_ratio"] == "1:1"


@pytest.mark.parametrize(
    "prompt", [None, "", "   ", "\n", 7, ["a"], b"a", "\u200b", "\ufeff \u2060"]
)
@pytest.mark.parametrize("model", MODELS)
def test_a_prompt_of_nothing_is_asked_for(model: str, prompt: object):
    assert named(faults(find(model), prompt=prompt)) == [("prompt", "required")]


@pytest.mark.parametrize("prompt", ["a\x00b", "a\x1bb", "a\ud800b", "a\x7fb"])
def test_a_prompt_that_no_database_takes_is_refused(prompt: str):
    assert named(faults(find("midjourney"), prompt=prompt)) == [("prompt", "unreadable")]


@pytest.mark.parametrize("text", ["\x00", "\ud800", "\x1b"])
def test_a_parameter_that_no_database_takes_is_refused(text: str, roomy: ModelSpec):
    assert named(faults(roomy, prompt="a cat", without=text)) == [("without", "unreadable")]


def test_a_prompt_one_character_too_long_is_refused_with_both_lengths(roomy: ModelSpec):
    parse(roomy, {"prompt": "x" * 20})

    [fault] = faults(roomy, prompt="x" * 21)

    assert wording.sentence(fault).startswith("21 characters; this model reads at most 20.")


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        ({"style": "c"}, "style", "not_a_choice"),
        ({"style": ["a"]}, "style", "not_a_choice"),
        ({"style": {}}, "style", "not_a_choice"),
        ({"steps": "x"}, "steps", "not_a_number"),
        ({"steps": 1.5}, "steps", "not_a_number"),
        ({"steps": True}, "steps", "not_a_number"),
        ({"steps": "9" * 5000}, "steps", "not_a_number"),
        ({"steps": 0}, "steps", "out_of_range"),
        ({"steps": 9}, "steps", "out_of_range"),
        ({"steps": -(10**6000)}, "steps", "out_of_range"),
        ({"without": "123456"}, "without", "too_long"),
        ({"without": 5}, "without", "unreadable"),
        ({"count": "two"}, "count", "not_a_number"),
        ({"count": 0}, "count", "out_of_range"),
        ({"count": 5}, "count", "out_of_range"),
        ({"seed": 5}, "seed", "unknown_field"),
    ],
)
def test_a_wrong_value_is_refused_by_field_and_code(
    roomy: ModelSpec, raw: dict[str, object], field: str, code: str
):
    assert named(faults(roomy, prompt="a cat", **raw)) == [(field, code)]


def test_every_fault_is_named_at_once(roomy: ModelSpec):
    found = faults(roomy, prompt="", style="c", steps=99, colour="red", count=0)

    assert {field for field, _ in named(found)} == {"prompt", "style", "steps", "colour", "count"}


def test_a_grid_is_ordered_one_at_a_time():
    assert named(faults(find("midjourney"), prompt="a cat", count=2)) == [("count", "out_of_range")]


@pytest.mark.parametrize(
    "prompt", ["a --repeat 4", "a --fast", "a --hd", "a {b,c}", "a --ar 9", "a \u2014turbo"]
)
def test_a_flag_that_costs_is_refused_before_anything_is_held(prompt: str):
    [fault] = faults(find("midjourney"), prompt=prompt)

    assert fault.field == "prompt"
    assert fault.code.endswith("_refused")


def test_every_code_that_can_be_raised_has_a_sentence():
    source = "".join(
        Path(f"generations/{name}.py").read_text(encoding="utf-8")
        for name in ("request", "prompts", "forms", "management/commands/generate")
    )
    coded = set(re.findall(r'(?:Fault\((?:"\w+"|\w+|[\w.]+), |Problem\()"(\w+)"', source))

    assert len(coded) >= 15
    assert coded - set(wording._FAULTS) == set()


@pytest.mark.parametrize(
    "raw",
    [
        {"prompt": ""}, {"prompt": "a\x00"}, {"prompt": "x" * 7000}, {"prompt": "a --ar 9"},
        {"prompt": "a --r 2"}, {"prompt": "a --fast"}, {"prompt": "a --hd"}, {"prompt": "{a,b}"},
        {"prompt": "a", "count": "x"}, {"prompt": "a", "count": 9},
        {"prompt": "a", "aspect_ratio": "{0}"}, {"prompt": "a", "nonsense{x}": 1},
        {"prompt": "a --ar {maximum}"},
    ],
)  # fmt: skip
def test_every_refusal_reads_as_a_sentence(raw: dict[str, object]):
    for fault in faults(find("midjourney"), **raw):
        sentence = wording.sentence(fault)
        assert sentence[-1] == "."
        assert "_" not in sentence.replace("aspect_ratio", "")


@given(raw=st.dictionaries(st.sampled_from(["prompt", "count", "aspect_ratio", "x"]), anything))
def test_nothing_that_is_sent_breaks_the_validator(raw: dict[str, object]):
    for model in MODELS:
        outcome = taken_or_refused(find(model), raw)
        assert outcome[0] >= 1 or outcome[1]


def taken_or_refused(spec: ModelSpec, raw: dict[str, object]) -> tuple[int, list[str]]:
    """The price of the order, or the sentences that refuse it."""
    try:
        return pricing.price(parse(spec, raw)), []
    except InvalidRequest as refused:
        return 0, [wording.sentence(fault) for fault in refused.faults]


@given(prompt=st.text(max_size=200), negative=st.text(max_size=50))
def test_what_is_taken_can_be_stored(prompt: str, negative: str):
    try:
        request = parse(find("flux-schnell"), {"prompt": prompt, "negative_prompt": negative})
    except InvalidRequest:
        return
    stored = request.prompt + str(request.parameters["negative_prompt"])
    assert "\x00" not in stored
    assert stored.encode("utf-8")


# --- Price ------------------------------------------------------------------------------------


def test_a_price_is_the_model_s_times_the_count():
    flux, midjourney = find("flux-schnell"), find("midjourney")

    assert pricing.price(parse(midjourney, {"prompt": "a"})) == 4
    assert [pricing.price(parse(flux, {"prompt": "a", "count": n})) for n in (1, 2, 4)] == [1, 2, 4]


def test_a_part_is_charged_in_proportion_rounded_up():
    four = [pricing.part_of(4, good=good, expected=4) for good in range(5)]
    seven = [pricing.part_of(7, good=good, expected=4) for good in range(5)]

    assert four == [0, 1, 2, 3, 4]
    assert seven == [0, 2, 4, 6, 7]
    assert pricing.part_of(4, good=-1, expected=4) == 0


@given(price=st.integers(1, 10**6), expected=st.integers(1, 16), good=st.integers(0, 16))
def test_a_part_is_never_dearer_than_the_whole(price: int, expected: int, good: int):
    part = pricing.part_of(price, good=good, expected=expected)

    assert 0 <= part <= price
    assert (part == 0) == (good == 0)
