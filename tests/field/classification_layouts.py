"""Layouts of data sets with a label an image, made after the documentation named with each, not after the reader."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

Images = Mapping[str, tuple[str, str]]


@dataclass(frozen=True)
class Layout:
    """A data set as somebody gives it out.

    Args:
        source: Where its layout is described.
        images: Path → split and label of each image that counts.
        drawn: Path → class that an image shows which has no label in the layout.
        others: Path → content of other files.
        table: The file that lists the images; None: folders do.
    """

    source: str
    images: Images
    drawn: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, bytes] = field(default_factory=dict)
    table: str | None = None


def _folders(
    splits: Mapping[str, str], labels: tuple[str, ...], name: str, each: int = 2
) -> dict[str, tuple[str, str]]:
    """`splits`: folder → split; `name`: of a file, with {label} and {i}."""
    return {
        f"{folder}/{label}/{name.format(label=label, i=i, folder=folder)}".lstrip("/"): (split, label)
        for folder, split in splits.items()
        for label in labels
        for i in range(each)
    }


def _table(header: str, rows: list[str]) -> bytes:
    return "\n".join([header, *rows, ""]).encode()


_IDS = {f"{'0123456789abcdef' * 2}{i:02}"[i:]: ("beagle", "pug")[i % 2] for i in range(6)}
_HAM = {f"ISIC_002{i:04}": ("nv", "mel")[i % 2] for i in range(6)}
_CASSAVA = {f"{1000015157 + i}.jpg": str(i % 3) for i in range(6)}
_TASKS = {f"upload/3/{i:08x}-photo_{i}.jpg": ("ok", "scratched")[i % 2] for i in range(4)}
_CELLS = _folders({"cell_images": "train"}, ("Parasitized", "Uninfected"), "C33P1thinF_{i}.png")
_XRAYS = _folders(
    {f"chest_xray/{s}": s for s in ("train", "val", "test")}, ("NORMAL", "PNEUMONIA"), "IM-{i:04}-0001.jpeg"
)
_SUBSETS = {
    f"{subset}/label_{i % 2}/image_name_{i}.jpg": (subset, f"label_{i % 2}")
    for subset, numbers in (("train", range(4)), ("val", range(4, 7)))
    for i in numbers
}

LAYOUTS = {
    "ILSVRC 2012": Layout(
        "https://github.com/pytorch/examples/blob/main/imagenet/extract_ILSVRC.sh",
        _folders({"train": "train", "val": "val"}, ("n01440764", "n01443537"), "ILSVRC2012_{folder}_0000029{i}.JPEG"),
        others={"train/.gitkeep": b"", "ILSVRC2012_devkit_t12.tar.gz": b"\x1f\x8b"},
    ),
    "Intel image classification": Layout(
        "https://www.kaggle.com/datasets/puneet6060/intel-image-classification",
        _folders(
            {"seg_train/seg_train": "train", "seg_test/seg_test": "test"},
            ("buildings", "forest", "sea"),
            "{i}00{i}.jpg",
        ),
        drawn={"seg_pred/seg_pred/10004.jpg": "sea", "seg_pred/seg_pred/10005.jpg": "forest"},
    ),
    "brain tumour MRI": Layout(
        "https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset",
        _folders({"Training": "train", "Testing": "test"}, ("glioma", "notumor", "pituitary"), "Te-{label}_001{i}.jpg"),
    ),
    "dog breeds, a table of ids": Layout(
        "https://www.kaggle.com/competitions/dog-breed-identification/data",
        {f"train/{name}.jpg": ("train", breed) for name, breed in _IDS.items()},
        drawn={"test/ffff.jpg": "pug"},
        others={
            "labels.csv": _table("id,breed", [f"{name},{breed}" for name, breed in _IDS.items()]),
            "sample_submission.csv": b"id,beagle,pug\nffff,0.5,0.5\n",
        },
        table="labels.csv",
    ),
    "HAM10000, a table of ids in two folders": Layout(
        "https://dataverse.harvard.edu/dataset.xhtml?persistentId=doi:10.7910/DVN/DBW86T",
        {f"HAM10000_images_part_{1 + i // 3}/{name}.jpg": ("train", dx) for i, (name, dx) in enumerate(_HAM.items())},
        others={
            "HAM10000_metadata.csv": _table(
                "lesion_id,image_id,dx,dx_type,age,sex,localization",
                [f"HAM_{i},{name},{dx},histo,8{i}.0,male,scalp" for i, (name, dx) in enumerate(_HAM.items())],
            )
        },
        table="HAM10000_metadata.csv",
    ),
    "cassava leaves, numbers for labels": Layout(
        "https://www.kaggle.com/competitions/cassava-leaf-disease-classification/data",
        {f"train_images/{name}": ("train", label) for name, label in _CASSAVA.items()},
        drawn={"test_images/2216849948.jpg": "4"},
        others={
            "train.csv": _table("image_id,label", [f"{name},{label}" for name, label in _CASSAVA.items()]),
            "label_num_to_disease_map.json": b"{}",
        },
        table="train.csv",
    ),
    "Caltech-101": Layout(
        "https://data.caltech.edu/records/mzrjq-6wc02",
        _folders(
            {"caltech-101/101_ObjectCategories": "train"},
            ("BACKGROUND_Google", "Faces", "accordion"),
            "image_000{i}.jpg",
        ),
        others={
            "caltech-101/Annotations/Faces_2/annotation_0001.mat": b"MATLAB 5.0",
            "caltech-101/show_annotation.m": b"function",
            "__MACOSX/caltech-101/._show_annotation.m": b"\0\5\x16\7",
        },
    ),
    "EuroSAT": Layout(
        "https://github.com/phelber/EuroSAT",
        _folders({"2750": "train"}, ("AnnualCrop", "Forest", "SeaLake"), "{label}_{i}.jpg"),
    ),
    "imagenette": Layout(
        "https://github.com/fastai/imagenette",
        _folders(
            {"imagenette2-160/train": "train", "imagenette2-160/val": "val"},
            ("n01440764", "n02102040"),
            "{label}_{i}.JPEG",
        ),
        others={
            "imagenette2-160/noisy_imagenette.csv": b"path,noisy_labels_0,noisy_labels_1,is_valid\n",
            "imagenette2-160/.DS_Store": b"\0\0\0\1Bud1",
        },
    ),
    "MNIST as PNG": Layout(
        "https://github.com/myleott/mnist_png",
        _folders({"mnist_png/training": "train", "mnist_png/testing": "test"}, tuple("0123456789"), "{i}.png", 1),
    ),
    "malaria cells, with a copy within": Layout(
        "https://www.kaggle.com/datasets/iarunava/cell-images-for-detecting-malaria",
        _CELLS,
        drawn={f"cell_images/{path}": label for path, (_, label) in _CELLS.items()},
        others={"cell_images/Uninfected/Thumbs.db": b"\xd0\xcf\x11\xe0"},
    ),
    "chest X-rays, with a copy within": Layout(
        "https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
        _XRAYS,
        drawn={f"chest_xray/{path}": label for path, (_, label) in _XRAYS.items()},
        others={"chest_xray/__MACOSX/._train": b"\0\5\x16\7", "chest_xray/train/.DS_Store": b"\0"},
    ),
    "Roboflow, folders": Layout(
        "https://docs.roboflow.com/datasets/dataset-versions/exporting-data",
        _folders(
            {"train": "train", "valid": "val", "test": "test"}, ("dented", "pass"), "IMG_{i}_jpg.rf.0a1b2c3d{i}.jpg"
        ),
        others={"README.dataset.txt": b"# cans > 1", "README.roboflow.txt": b"cans - v1"},
    ),
    "Roboflow, a table with a column a class": Layout(
        "https://openvinotoolkit.github.io/datumaro/latest/docs/data-formats/formats/roboflow.html",
        {f"train/{i}_jpg.rf.{i}f.jpg": ("train", ("dented", "pass")[i % 2]) for i in range(4)},
        others={
            "train/_classes.csv": _table(
                "filename, dented, pass", [f"{i}_jpg.rf.{i}f.jpg, {1 - i % 2}, {i % 2}" for i in range(4)]
            ),
            "README.roboflow.txt": b"cans - v1",
        },
        table="train/_classes.csv",
    ),
    "CVAT, ImageNet": Layout(  # no_label: cvat-ai/datumaro datumaro/plugins/imagenet_format.py, ImagenetConverter
        "https://docs.cvat.ai/docs/dataset_management/formats/format-imagenet/",
        _folders({"": "train"}, ("label1", "label2"), "{label}_image{i}.jpg"),
        drawn={"no_label/frame_000007.jpg": "label1"},
    ),
    # labels.json's content and no_label: cvat-ai/datumaro datumaro/plugins/yolo_format/converter.py,
    # YOLOv8ClassificationConverter
    "CVAT, YOLO classification": Layout(
        "https://docs.cvat.ai/docs/dataset_management/formats/format-yolo-ultralytics-classification",
        _SUBSETS,
        drawn={"train/no_label/image_name_7.jpg": "label_1"},
        others={
            f"{subset}/labels.json": json.dumps(
                {
                    Path(path).stem: {"labels": [label], "path": path.removeprefix(f"{subset}/")}
                    for path, (split, label) in _SUBSETS.items()
                    if split == subset
                }
                | ({"image_name_7": {"labels": [], "path": "no_label/image_name_7.jpg"}} if subset == "train" else {})
            ).encode()
            for subset in ("train", "val")
        },
    ),
    "FiftyOne, directory tree": Layout(
        "https://docs.voxel51.com/user_guide/export_datasets.html#imageclassificationdirectorytree",
        _folders({"": "train"}, ("airplane", "ship"), "{i:06}.jpg"),
        drawn={"_unlabeled/000007.jpg": "ship"},
    ),
    # HumanSignal/label-studio-sdk src/label_studio_sdk/converter/exports/csv2.py: columns in the order of the alphabet,
    # texts in quotation marks and numbers without
    "Label Studio, CSV": Layout(
        "https://labelstud.io/guide/export#CSV",
        {f"media/{name}": ("train", choice) for name, choice in _TASKS.items()},
        others={
            "project-3-at-2024-05-01-10-00-0a1b2c3d.csv": _table(
                '"annotation_id","annotator","choice","created_at","id","image","lead_time","updated_at"',
                [
                    f'{i},"me@example.org","{c}","2024-05-01T10:00:0{i}.728353Z",{i},"/data/{name}",3.1,'
                    f'"2024-05-01T10:00:0{i}.728378Z"'
                    for i, (name, c) in enumerate(_TASKS.items(), 1)
                ],
            )
        },
        table="project-3-at-2024-05-01-10-00-0a1b2c3d.csv",
    ),
    # huggingface/datasets docs/source/image_dataset.mdx, and repository_structure.mdx for the folder validation
    "Hugging Face imagefolder": Layout(
        "https://huggingface.co/docs/datasets/image_dataset#imagefolder",
        _folders({"train": "train", "validation": "val", "test": "test"}, ("dog", "cat"), "{i:04}.png"),
        others={"README.md": b"---\n", ".gitattributes": b""},
    ),
    "names that browsers give": Layout(
        "https://developer.mozilla.org/en-US/docs/Web/Media/Guides/Formats/Image_types#jpeg_joint_photographic_experts_group_image",
        {
            f"{label}/{name}": ("train", label)
            for label in ("kestrel", "merlin")
            for name in ("download.jfif", "images (1).jpg", "0f343b0931126a20f133d67c2b018a3b")
        },
        others={"kestrel/photo.avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "kestrel/sources.txt": b"http://"},
    ),
}
