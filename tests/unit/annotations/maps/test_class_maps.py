from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tlbench.annotations.maps.class_maps import VOID, ClassMaps
from tlbench.errors import DataError

MAPS = [
    np.array([[0, 1, 1], [2, VOID, 1]], np.uint8),
    np.full((4, 2), 2, np.uint8),
    np.full((1, 1), VOID, np.uint8),
]
NAMES = ("sky", "road", "car")


def packed(maps=MAPS, names=NAMES) -> ClassMaps:
    return ClassMaps.of(maps, names)


def unpacked(maps: ClassMaps) -> list[list[list[int]]]:
    return [maps.unpacked(i).tolist() for i in range(len(maps))]


def fingerprint(maps: ClassMaps) -> list[object]:
    return [part if isinstance(part, bytes) else part.tolist() for part in maps.hashed()]


def test_maps_are_kept_as_they_are() -> None:
    maps = packed()
    assert unpacked(maps) == [each.tolist() for each in MAPS]
    assert maps.sizes.tolist() == [[2, 3], [4, 2], [1, 1]]
    assert maps.counts.tolist() == [[1, 3, 1], [0, 0, 8], [0, 0, 0]]  # ignored pixels are of no class
    assert maps.labels.tolist() == [0, 1, 2, 2]


def test_maps_take_less_room_than_their_pixels() -> None:
    scene = np.repeat(np.arange(16, dtype=np.uint8), 4096).reshape(256, 256)
    assert len(packed([scene], [str(i) for i in range(16)]).packed) < scene.size / 50


def test_some_are_taken_in_the_order_asked_for() -> None:
    some = packed().take(torch.tensor([2, 0]))
    assert unpacked(some) == [MAPS[2].tolist(), MAPS[0].tolist()]
    assert some.counts.tolist() == [[0, 0, 0], [1, 3, 1]]
    none = packed().take(torch.zeros(0, dtype=torch.int64))
    assert len(none) == 0
    assert none.starts.tolist() == [0]


def test_those_that_follow_one_another_are_not_copied() -> None:
    maps = packed()
    some = maps.take(torch.tensor([1, 2]))
    assert unpacked(some) == [MAPS[1].tolist(), MAPS[2].tolist()]
    assert some.packed.untyped_storage().data_ptr() == maps.packed.untyped_storage().data_ptr()
    assert some.starts[0] == 0
    assert unpacked(some.take(torch.tensor([1]))) == [MAPS[2].tolist()]
    apart = maps.take(torch.tensor([0, 2]))
    assert len(apart.packed) == len(maps.packed) - (maps.starts[2] - maps.starts[1])
    assert unpacked(ClassMaps.joined([apart, some])) == [MAPS[i].tolist() for i in (0, 2, 1, 2)]


def test_maps_are_joined_one_after_another() -> None:
    maps = packed()
    twice = ClassMaps.joined([maps.take(torch.tensor([1])), maps])
    assert unpacked(twice) == [MAPS[1].tolist(), *(each.tolist() for each in MAPS)]
    assert twice.counts.tolist() == [[0, 0, 8], *maps.counts.tolist()]


def test_pixels_of_classes_that_are_not_wanted_are_ignored() -> None:
    stay, chosen = packed().chosen(["car", "sky"])
    assert stay.tolist() == [0, 1, 2]
    assert chosen.class_names == ("car", "sky")
    assert unpacked(chosen)[0] == [[1, VOID, VOID], [0, VOID, VOID]]
    assert chosen.counts.tolist() == [[1, 1], [8, 0], [0, 0]]
    with pytest.raises(DataError, match="no class 'bus'"):
        packed().chosen(["bus"])


def test_a_fingerprint_is_of_pixels_and_sizes_not_of_how_they_are_packed() -> None:
    maps = packed()
    assert fingerprint(maps) == fingerprint(packed())
    assert fingerprint(replace(maps, packed=maps.packed + 1)) == fingerprint(maps)
    turned = packed([MAPS[0].reshape(3, 2), *MAPS[1:]])
    changed = packed([MAPS[0].clip(1), *MAPS[1:]])
    assert fingerprint(turned) != fingerprint(maps)
    assert fingerprint(changed) != fingerprint(maps)


def test_a_value_that_is_no_class_is_refused() -> None:
    with pytest.raises(ValueError, match="a map holds 3; there are 3 classes"):
        packed([np.array([[0, 3, VOID]], np.uint8)])
    with pytest.raises(ValueError, match="256 classes; a class map tells at most 255 apart"):
        packed([], [str(i) for i in range(256)])


def test_an_empty_set_has_the_shapes_of_one() -> None:
    none = packed([])
    assert len(none) == 0
    assert none.counts.shape == (0, 3)
    assert none.digests.shape == (0, 16)
    assert none.sizes.shape == (0, 2)


def test_the_map_of_a_kept_image_is_of_the_nearest_pixels_in_its_corner() -> None:
    own = np.arange(12, dtype=np.uint8).reshape(2, 6)
    maps = packed([own], [str(i) for i in range(12)]).resized((4, 3))
    assert maps.inside.tolist() == [[1, 3]]
    assert maps.plane(0, (4, 3)).tolist() == [[7, 9, 11], [VOID] * 3, [VOID] * 3, [VOID] * 3]
    assert maps.unpacked(0).tolist() == own.tolist()
