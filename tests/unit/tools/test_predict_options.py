from __future__ import annotations

import pytest

from tlbench.config import STANDARD_LIMITS, ImageLimit
from tlbench.errors import ConfigError
from tlbench.tools.options import of_all_tasks, parse_options
from tlbench.tools.predict_options import PredictOptions

OPTIONS = of_all_tasks(PredictOptions)
GIVEN = ["run=run", "input=photos"]


@pytest.mark.parametrize(
    ("argument", "only", "refused"),
    [
        ("calibrated=true", "classification", "detection"),
        ("confidence=0.0", "detection", "classification"),
        ("confidence=0.25", "detection", "classification"),
        ("draw=drawn", "detection and semantic_segmentation", "classification"),
        ("maps=maps", "semantic_segmentation", "detection"),
    ],
)
def test_what_has_a_meaning_for_some_tasks_is_refused_for_others(argument, only, refused):
    options = parse_options(OPTIONS, [*GIVEN, argument])
    for task in only.split(" and "):
        options.check_task(task)
    with pytest.raises(ConfigError) as error:
        options.check_task(refused)
    assert str(error.value) == f"{argument}: only for {only} runs, and this one is of {refused}; leave it out"


def test_defaults_are_for_both():
    given, left_out = (
        parse_options(OPTIONS, [*GIVEN, *more]) for more in (["calibrated=false", "confidence=null", "draw=null"], [])
    )
    assert given == left_out
    for task in ("classification", "detection"):
        given.check_task(task)


@pytest.mark.parametrize("value", ["-0.1", "1.01", "nan", "inf", "high"])
def test_a_confidence_out_of_range(value):
    with pytest.raises(ConfigError, match=f"confidence='{value}'"):
        parse_options(OPTIONS, [*GIVEN, f"confidence={value}"])


@pytest.mark.parametrize(("given", "wanted"), [([], 128), (["max_image_megapixels=300.5"], 300.5)])
def test_the_limit_of_pixels_is_the_runs_or_the_commands_and_is_called_by_its_key_here(given, wanted):
    limit = parse_options(OPTIONS, [*GIVEN, *given]).image_limit(STANDARD_LIMITS)
    assert limit == ImageLimit(wanted, "max_image_megapixels")


@pytest.mark.parametrize("value", ["0", "nan", "inf", "1e300"])
def test_a_limit_out_of_range(value):
    with pytest.raises(ConfigError, match=f"max_image_megapixels='{value}'"):
        parse_options(OPTIONS, [*GIVEN, f"max_image_megapixels={value}"])
