"""Images with key points, opened by their names in the config."""

from __future__ import annotations

from collections.abc import Mapping

from tlbench.data.decode import Decoding
from tlbench.data.listing import Listing
from tlbench.data.pixel_range import ALL
from tlbench.data.reading import all_of, read_files, target_of
from tlbench.data.samples import Samples
from tlbench.data.target import Target
from tlbench.system.voice import PRINTING, Voice
from tlbench_keypoints.carve import carve_points, check_points
from tlbench_keypoints.config import PointDataConfig
from tlbench_keypoints.figures import figures
from tlbench_keypoints.points import Points
from tlbench_keypoints.reach import own_root
from tlbench_keypoints.table_file import list_points


def open_figures(data: PointDataConfig, split_seed: int, *_: object) -> Target[Points]:
    """Draw the figures and divide them into train, val and test at random.

    Raises:
        DataError: A coordinate does not exist, or a split would be empty.
    """
    assert data.images is not None
    parts: dict[str, Samples[Points]] = {"train": figures(data.images, data.input_size)}
    splits, rule = carve_points(parts, data, split_seed)
    check_points("data=figures", splits)
    return Target("figures", splits, rule)


def open_points(
    data: PointDataConfig, split_seed: int, voice: Voice = PRINTING, how: Decoding | None = None
) -> Target[Points]:
    """Images that a CSV file lists; splits that it lacks are carved out of train.

    Raises:
        DataError: The files cannot be used; more than `data.max_unreadable` of them cannot be decoded.
    """
    listed = list_points(own_root(data), data, voice)

    def training(parts: Mapping[str, Listing[Points]]) -> Listing[Points]:
        return carve_points(parts, data.untrimmed(), split_seed, listed.named)[0]["train"]

    read = read_files(listed.parts, data, voice, how or training, unreadable=listed.unreadable, together=True)
    splits, rule = carve_points(read.parts, data, split_seed, listed.named)
    check_points(listed.root, splits)
    return target_of(listed, read, splits, rule, data, voice, how)


def open_all_points(data: PointDataConfig, how: Decoding, voice: Voice) -> tuple[Samples[Points], ...]:
    """Every image, nothing carved out, as `all_of`.

    Raises:
        DataError: The files cannot be used.
    """
    listed = list_points(own_root(data), data, voice)
    read = read_files(listed.parts, data, voice, how, unreadable=listed.unreadable, together=True)
    return all_of(listed, read, {ALL: read.facts}, data, how, voice)
