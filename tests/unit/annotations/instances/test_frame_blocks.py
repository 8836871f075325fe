from __future__ import annotations

import pytest

from tlbench.annotations.instances.frame_blocks import frame_blocks, label_rows
from tlbench.annotations.instances.label_rows import label_leak
from tlbench.errors import DataError

FRACTIONS = {"test": 0.2, "val": 0.2}


def rows(numbers) -> list[tuple[int, ...]]:
    """A label row of its own for each number."""
    return [(0, n % 50, n // 50, 60, 60) for n in numbers]


@pytest.fixture
def video(listing):
    """`video([1, 2, 3])`: frames with those numbers; `rows_of(number)` are the numbers of their label rows."""

    def make(numbers, rows_of=lambda n: [n], name: str = "f_{}.jpg"):
        return listing({name.format(n): rows(rows_of(n)) for n in numbers})

    return make


def runs(blocks, frames) -> list[str]:
    """The splits in the order of the frames' numbers, each once where it goes on."""
    of = {i: split for split, index in blocks.index.items() for i in index.tolist()}
    order = sorted(range(len(frames)), key=lambda i: int(frames.names[i].split("_")[1].split(".")[0]))
    found = [of[i] for i in order]
    return [split for i, split in enumerate(found) if i == 0 or found[i - 1] != split]


@pytest.mark.parametrize("seed", range(5))
def test_each_split_is_one_block_of_about_the_wanted_size(video, seed: int):
    frames = video(range(100))
    blocks = frame_blocks(frames, FRACTIONS, seed)
    assert sorted(runs(blocks, frames)) == ["test", "train", "val"]
    assert sorted(i for index in blocks.index.values() for i in index.tolist()) == list(range(100))
    sizes = {split: len(index) for split, index in blocks.index.items()}
    assert sum(abs(sizes[split] - wanted) for split, wanted in (("train", 60), ("val", 20), ("test", 20))) <= 5
    assert len(blocks.borders) == 2
    assert blocks.rows_apart


def test_train_is_not_in_the_middle_where_that_spares_a_border(video):
    frames = video(range(100))
    assert {runs(frame_blocks(frames, FRACTIONS, seed), frames)[1] for seed in range(10)} == {"val", "test"}


def test_the_seed_chooses(video):
    frames = video(range(100))
    found = [frame_blocks(frames, FRACTIONS, seed).index["test"].tolist() for seed in range(10)]
    assert len(set(map(tuple, found))) > 3
    assert found[3] == frame_blocks(frames, FRACTIONS, 3).index["test"].tolist()


def test_frames_are_ordered_by_number_whatever_their_folders_and_names(listing):
    """As when official train and val are put together; Roboflow adds a hash to each name."""
    names = [f"images/{'val' if n % 5 == 0 else 'train'}/f_{n}_jpg.rf.{n:032x}.jpg" for n in range(95, 135)]
    names = names[1::2] + names[0::2]
    numbers = [int(name.split("_")[1]) for name in names]
    blocks = frame_blocks(listing({name: [] for name in names}), FRACTIONS, 0)
    for index in blocks.index.values():
        found = sorted(numbers[i] for i in index.tolist())
        assert found == list(range(found[0], found[-1] + 1))
    assert [abs(numbers[a] - numbers[b]) for a, b in blocks.borders] == [1, 1]


def test_images_with_an_identical_row_and_those_between_stay_together(video):
    """Rows change at 0, 30, 55 and 80 alone; the row of 40 comes again at 50."""
    frames = video(range(100), lambda n: [0 if n < 30 else 1000 + n if n < 80 else 99] if n not in (40, 50) else [777])
    for seed in range(5):
        blocks = frame_blocks(frames, {"val": 0.45}, seed)
        (border,) = blocks.borders
        assert border[1] not in [*range(1, 30), *range(41, 51), *range(81, 100)]
        assert blocks.rows_apart
        assert not label_leak(frames.take(blocks.index["train"]), frames.take(blocks.index["val"]))


def test_a_gap_between_scenes_is_no_border(video):
    """Two scenes; test and val share the smaller one though other cuts come nearer to the wanted sizes."""
    frames = video([*range(0, 76, 2), *range(200, 324, 2)])  # 38 and 62 frames
    for seed in range(5):
        blocks = frame_blocks(frames, {"test": 0.2, "val": 0.15}, seed)
        assert blocks.index["train"].tolist() == list(range(38, 100))
        assert len(blocks.borders) == 1
        assert blocks.blocks["train"] == [(38, 99)]


def test_whole_scenes_have_no_border(video):
    frames = video([n for start in (0, 1000, 2000, 3000, 4000) for n in range(start, start + 20)])
    blocks = frame_blocks(frames, FRACTIONS, 0)
    assert blocks.borders == []
    assert {split: len(index) for split, index in blocks.index.items()} == {"train": 60, "val": 20, "test": 20}
    assert len(blocks.blocks["train"]) == 3


def test_names_before_the_number_are_videos(listing):
    frames = listing({f"images/{v}/x{n}.png": [] for v in "abcde" for n in range(10)})
    blocks = frame_blocks(frames, FRACTIONS, 0)
    assert blocks.borders == []
    for split in ("val", "test"):
        assert len({frames.names[i].split("/")[1] for i in blocks.index[split].tolist()}) == 1


def test_where_a_row_recurs_all_over_the_data_it_binds_in_its_scene_or_not_at_all(video):
    scenes = [n for start in (0, 1000, 2000, 3000, 4000) for n in range(start, start + 20)]
    blocks = frame_blocks(video(scenes, lambda n: [n % 1000 // 7]), FRACTIONS, 0)
    assert (blocks.borders, blocks.rows_apart) == ([], False)
    blocks = frame_blocks(video(range(100), lambda n: [5]), FRACTIONS, 0)
    assert len(blocks.borders) == 2
    assert not blocks.rows_apart


def test_few_frames_and_odd_sizes(video):
    blocks = frame_blocks(video(range(3)), {"test": 0.05, "val": 0.05}, 0)
    assert [len(index) for index in blocks.index.values()] == [1, 1, 1]
    with pytest.raises(DataError, match=r"data\.split: 2 frames cannot be divided into train, test, val"):
        frame_blocks(video(range(2)), FRACTIONS, 0)
    with pytest.raises(DataError, match=r"data\.split: 20 frames cannot be divided"):
        frame_blocks(video(range(20)), {"test": 0.5, "val": 0.5}, 0)


def test_name_without_a_number(listing):
    with pytest.raises(DataError) as caught:
        frame_blocks(listing({"images/a1.jpg": [], "images/cat.jpg": []}), FRACTIONS, 0)
    assert str(caught.value) == (
        "images/cat.jpg: no number at the end of the name, so its neighbours in time are not known, and images are "
        "divided by blocks of them; wanted are names such as frame_0012.jpg, or data=yolo data.split=official, which "
        "takes no notice of time"
    )


def test_label_rows_are_millionths(listing):
    found = label_rows(listing({"a": [(1, 0, 25, 50, 100), (0, 1, 2, 3, 4)], "b": []}))
    assert found == [frozenset({(1, 0, 250000, 500000, 1000000), (0, 10000, 20000, 30000, 40000)}), frozenset()]


def test_label_leak_needs_all_rows_in_one_training_image(listing):
    a, b, c = (0, 1, 1, 5, 5), (0, 2, 2, 6, 6), (1, 1, 1, 5, 5)
    train = listing({"t0": [a], "t1": [b, c], "t2": [a, b], "t3": []})
    other = listing({"o0": [a], "o1": [c, b], "o2": [a, c], "o3": [], "o4": [(0, 1, 1, 5, 6)], "o5": [b]})
    assert label_leak(train, other) == [("o0", "t0"), ("o1", "t1"), ("o5", "t1")]
