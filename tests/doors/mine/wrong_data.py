import numpy as np
import torch
from PIL import Image

IMAGE = np.zeros((20, 30, 3), np.uint8)


class Named(list):
    def __init__(self, items, classes):
        super().__init__(items)
        self.classes = classes


class Endless(list):
    def __len__(self):
        raise RuntimeError("nobody knows")


class Failing(list):
    def __getitem__(self, i):
        raise KeyError(i)


def given(case):
    pairs = [(IMAGE, "ab"[i % 2]) for i in range(30)]
    numbers = [(IMAGE, i % 2) for i in range(30)]
    return {
        "one class": [(IMAGE, "a")] * 20,
        "no images": [],
        "no data set": 3,
        "parts": {"training": pairs},
        "no pair": [IMAGE] * 20,
        "fails": Failing(pairs),
        "no length": Endless(pairs),
        "floats": [(IMAGE.astype(np.float32), 0), *numbers],
        "a shape": [(np.zeros((2, 8, 8, 3), np.uint8), 0), *numbers],
        "no area": [(IMAGE[:0], 0), *numbers],
        "no image": [(7, 0), *numbers],
        "mixed": [("images/cat/0.png", "a"), *pairs],
        "mixed parts": {"train": pairs, "val": [("images/cat/0.png", "a")]},
        "classes differ": {"train": Named(numbers, ["a", "b"]), "val": Named(numbers, ["b", "a"])},
        "classes twice": Named(numbers, ["a", "a"]),
        "classes that are no names": Named(numbers, [("a", 0), ("b", 1)]),
        "a label beyond": Named([(IMAGE, 2), *numbers], ["a", "b"]),
        "a negative label": [(IMAGE, -1), *numbers],
        "a label of no kind": [(IMAGE, 0.5), *numbers],
        "an unknown name": Named([(IMAGE, "emu"), *numbers], ["cat", "dog"]),
        "no file": [("nothing/there.png", 0), *(("images/cat/0.png", i % 2) for i in range(20))],
        "names and numbers": [(IMAGE, "a"), *numbers],
        "one string": Named(numbers, "ab"),
        "huge label": [(IMAGE, 10**9), *numbers],
    }[case]


class Boxes(list):
    classes = ("stamp", "photo")


def boxes(case, pixels):
    image = IMAGE if pixels else "images/cat/0.png"
    good = {"boxes": [[1, 1, 9, 9]], "labels": [0]}
    first = {
        "no mapping": [[1, 1, 9, 9]],
        "no numbers": {"boxes": ["a"], "labels": [0]},
        "a side": {"boxes": [[1, 1, 9]], "labels": [0]},
        "count": {"boxes": [[1, 1, 9, 9]], "labels": [0, 1]},
        "width": {"boxes": [[1, 1, 1, 5]], "labels": [0]},
        "nan": {"boxes": [[1, float("nan"), 3, 5]], "labels": [0]},
        "beyond": {"boxes": [[0, 0, 50, 5]], "labels": [0]},
        "label": {"boxes": [[1, 1, 9, 9]], "labels": [7]},
        "one label": {"boxes": [[1, 1, 9, 9]], "labels": 0},
    }[case]
    return Boxes([(image, first), *[(image, good)] * 20])


class Masks(list):
    classes = ("sky", "road")


def masks(case, pixels):
    image = IMAGE if pixels else "images/cat/0.png"
    good = np.zeros((20, 30), np.uint8)
    good[10:] = 1
    first = {
        "a value beyond": np.full((20, 30), 7),
        "a negative value": np.full((20, 30), -1),
        "a huge value": np.full((20, 30), 70000),
        "floats": np.full((20, 30), 0.5, np.float32),
        "half floats": torch.ones(20, 30, dtype=torch.bfloat16),
        "colours": np.zeros((20, 30, 3), np.uint8),
        "a PIL image in colours": Image.new("RGB", (30, 20), (128, 0, 0)),
        "a PIL image of floats": Image.new("F", (30, 20)),
        "a plane a class": torch.zeros(2, 20, 30, dtype=torch.uint8),
        "another size": good[:, :29],
        "sideways": good.T,
        "no mask": [[0, 1], [1, 0]],
        "a sparse tensor": torch.zeros(20, 30, dtype=torch.int64).to_sparse(),
        "a tensor without values": torch.zeros(20, 30, dtype=torch.uint8, device="meta"),
        "a file that ends too soon": Image.open("short.tif"),
        "no file": "nothing/there.png",
        "a file in colours": "images/dog/0.png",
        "labels": {"boxes": [], "labels": []},
    }[case]
    return Masks([(image, good), (image, first), *[(image, good)] * 20])
