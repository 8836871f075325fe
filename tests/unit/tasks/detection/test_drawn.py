from __future__ import annotations

from tlbench.annotations.instances.found import Detection
from tlbench.pictures.palette import class_colour
from tlbench.tasks.detection.drawn import boxes_of


def test_a_detection_is_a_box_in_its_classs_colour_and_the_surest_is_on_top() -> None:
    surest = Detection("stamp", 3, 0.912, (1.5, 2, 30, 40))
    last, first = boxes_of([surest, Detection("logo", 4, 0.2, (0, 0, 5, 5))])
    assert (first.corners, first.colour) == ((1.5, 2, 30, 40), class_colour(3))
    assert (first.label, first.value) == ("stamp", "0.91")
    assert last.label == "logo"
