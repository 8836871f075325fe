"""Pages: a function of their numbers, boxes exact and inside, every kind present, scales varied."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tlbench.embedded.documents import page as page_module
from tlbench.embedded.documents.label_spaces import SOURCE_CLASSES, TARGET_CLASSES, labelled, mapped
from tlbench.embedded.documents.marks import VISIBLE, Mark
from tlbench.embedded.documents.page import KINDS, Page, draw_page

SIDE, PAGES = 160, 200


@pytest.fixture(scope="module")
def pages() -> list[Page]:
    return [draw_page(0, index, (SIDE, SIDE)) for index in range(PAGES)]


def digest(page: Page) -> str:
    return hashlib.sha256(page.pixels.tobytes() + repr(page.elements).encode() + page.kinds.tobytes()).hexdigest()


@pytest.mark.promise("drawn documents")
def test_a_page_is_a_function_of_its_numbers_in_every_process(pages: list[Page]) -> None:
    assert digest(draw_page(0, 7, (SIDE, SIDE))) == digest(pages[7])  # drawn after others here, and in another order
    code = (
        "import sys, hashlib; from tlbench.embedded.documents.page import draw_page\n"
        f"for k in (9, 7, 8):\n    p = draw_page(0, k, ({SIDE}, {SIDE}))\n"
        "    print(hashlib.sha256(p.pixels.tobytes() + repr(p.elements).encode() + p.kinds.tobytes()).hexdigest())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out == [digest(pages[k]) for k in (9, 7, 8)]


def test_seed_and_index_each_change_the_page(pages: list[Page]) -> None:
    drawn = [digest(draw_page(1, index, (SIDE, SIDE))) for index in range(5)]
    assert len({*drawn, *map(digest, pages)}) == 5 + PAGES


def test_numpys_own_random_state_is_neither_read_nor_moved() -> None:
    np.random.seed(3)
    before = digest(draw_page(0, 3, (SIDE, SIDE)))
    drawn = np.random.random()
    np.random.seed(3)
    assert drawn == np.random.random()
    np.random.seed(4)
    assert digest(draw_page(0, 3, (SIDE, SIDE))) == before


def test_the_long_side_is_exact_and_shapes_vary(pages: list[Page]) -> None:
    assert {max(page.pixels.shape[:2]) for page in pages} == {SIDE}
    assert all(page.pixels.dtype == np.uint8 and page.pixels.shape[2] == 3 for page in pages)
    forms = {np.sign(page.pixels.shape[0] - page.pixels.shape[1]) for page in pages}
    assert forms == {-1, 0, 1}


@pytest.mark.parametrize("side", [32, 75, 320, 417])
def test_any_side_can_be_drawn(side: int) -> None:
    for index in range(6):
        assert max(draw_page(5, index, (side, side)).pixels.shape[:2]) == side


def test_boxes_lie_inside_the_image_and_are_not_tiny(pages: list[Page]) -> None:
    for page in pages:
        boxes, _ = labelled(page, "source")
        height, width, _ = page.pixels.shape
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= width).all()
        assert (boxes[:, 3] <= height).all()
        assert (boxes[:, 2:] - boxes[:, :2] >= 3 * SIDE / 320).all()


def test_painting_an_element_changes_nothing_outside_its_box_and_its_box_is_tight(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted: list[tuple[float, ...]] = []
    paint = page_module.paint

    def checked(canvas: Any, mark: Mark, box: tuple[int, int, int, int]) -> None:
        before = canvas.copy()
        paint(canvas, mark, box)
        rows, columns = np.nonzero((canvas != before).any(0))
        x1, y1, x2, y2 = mark.left + box[0], mark.top + box[1], mark.left + box[2], mark.top + box[3]
        assert x1 <= columns.min()
        assert columns.max() < x2
        assert y1 <= rows.min()
        assert rows.max() < y2
        inside = mark.coverage[box[1] : box[3], box[0] : box[2]]
        assert min(edge.max() for edge in (inside[0], inside[-1], inside[:, 0], inside[:, -1])) >= VISIBLE
        painted.append((x1, y1, x2, y2))

    monkeypatch.setattr(page_module, "paint", checked)
    labels = 0
    for index in range(40):
        painted.clear()
        page = draw_page(2, index, (SIDE, SIDE))
        labels += len(page.elements)
        assert {element.box for element in page.elements} <= set(painted)
    assert labels > 100


def test_an_elements_box_is_the_tight_bound_of_its_pixels_where_nothing_lies_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn: list[tuple[tuple[float, ...], np.ndarray[Any, Any]]] = []
    paint = page_module.paint

    def noted(canvas: Any, mark: Mark, box: tuple[int, int, int, int]) -> None:
        paint(canvas, mark, box)
        own = np.zeros(canvas.shape[1:], bool)
        own[mark.top :, mark.left :][: mark.coverage.shape[0], : mark.coverage.shape[1]] = mark.coverage >= VISIBLE
        x1, y1 = mark.left + box[0], mark.top + box[1]
        drawn.append(((x1, y1, mark.left + box[2], mark.top + box[3]), own))

    monkeypatch.setattr(page_module, "paint", noted)
    held = whole = 0
    for index in range(60):
        drawn.clear()
        page = draw_page(2, index, (SIDE, SIDE))
        labelled_as = {element.box: 1 + KINDS.index(element.kind) for element in page.elements}
        for number, (box, own) in enumerate(drawn):
            if box not in labelled_as:
                continue
            free = own & ~np.any([other for _, other in drawn[number + 1 :]], axis=0)
            seen = (page.kinds == labelled_as[box]) & free
            held += bool((free & ~seen).any())
            assert (page.kinds[free & ~seen] == 0).all()  # a hand hides it
            rows, columns = np.nonzero(seen)
            if np.array_equal(free, own):
                whole += 1
                assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert whole > 100
    assert held > 5


def test_maps_of_the_label_spaces_are_of_what_can_be_seen_whatever_has_a_box(pages: list[Page]) -> None:
    beyond_boxes = covered = 0
    for page in pages:
        source, target = mapped(page, "source"), mapped(page, "signature")
        assert source.dtype == target.dtype == np.uint8
        assert source.shape == target.shape == page.pixels.shape[:2]
        assert set(np.unique(target)) <= {0, 1}
        assert (source[target == 1] == 1 + SOURCE_CLASSES.index("handwriting")).all()
        assert np.array_equal(source > 0, page.kinds > 0)
        boxes, labels = labelled(page, "source")
        for (x1, y1, x2, y2), label in zip(boxes.astype(int).tolist(), labels.tolist(), strict=True):
            covered += not (source[y1:y2, x1:x2] == 1 + label).any()
        beyond_boxes += bool(set(np.unique(source)) - {0} - {1 + label for label in labels.tolist()})
    assert beyond_boxes > 5
    assert covered <= 2  # by what was drawn later


def test_every_kind_occurs_and_signatures_most_of_all_strokes(pages: list[Page]) -> None:
    counts = Counter(element.kind for page in pages for element in page.elements)
    assert set(counts) == {*SOURCE_CLASSES, *TARGET_CLASSES}
    assert min(counts.values()) >= 8


def test_the_share_of_pages_without_a_signature_and_with_several(pages: list[Page]) -> None:
    signatures = np.array([len(labelled(page, "signature")[0]) for page in pages])
    assert 0.08 <= (signatures == 0).mean() <= 0.22
    assert (signatures > 1).mean() >= 0.08


def test_signatures_are_small_in_some_pages_and_fill_others(pages: list[Page]) -> None:
    widths = [
        (box[2] - box[0]) / page.pixels.shape[1] for page in pages for box in labelled(page, "signature")[0].tolist()
    ]
    assert np.quantile(widths, 0.1) < 0.15
    assert np.quantile(widths, 0.8) > 0.4


def test_signatures_are_handwriting_in_the_source_and_notes_are_nothing_in_the_target(pages: list[Page]) -> None:
    notes = 0
    for page in pages:
        source, kinds = labelled(page, "source")
        target, labels = labelled(page, "signature")
        assert source.dtype == target.dtype == np.float32
        assert kinds.dtype == labels.dtype == np.int64
        assert source.shape[1] == target.shape[1] == 4
        assert (labels == 0).all()
        assert len(source) == len(page.elements)
        pens = set(map(tuple, source[kinds == SOURCE_CLASSES.index("handwriting")].tolist()))
        assert set(map(tuple, target.tolist())) <= pens
        notes += len(pens) - len(target)
    assert notes > 20
