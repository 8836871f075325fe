"""Files that are small on the disk and of any size once torch reads them."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_network import tiny_network
from tests.ultralytics_files import published_network, write_published
from tests.weights_files import state_dict_of
from tlbench.errors import WeightsError
from tlbench.runs.checkpoints import UnusableCheckpointError, load_whole
from tlbench.sources.inert import ClaimError
from tlbench.sources.read import read_weights
from tlbench.sources.torch_claims import check_claims

HUGE = 10**11


def rezipped(source: Path, target: Path, **replaced: bytes | int) -> Path:
    """The archive with its parts compressed; `data_0=3` replaces that part by as many megabytes of zeros."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as new:
        for member in old.infolist():
            content = replaced.get(
                Path(member.filename).as_posix().split("/", 1)[1].replace("/", "_").replace(".", "_")
            )
            if isinstance(content, int):
                with new.open(member.filename, "w") as file:
                    for _ in range(content):
                        file.write(bytes(1 << 20))
            else:
                new.writestr(member.filename, old.read(member) if content is None else content)
    return target


def archive(path: Path, content: bytes) -> Path:
    """A checkpoint of which only the pickle is there."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", content)
        file.writestr("archive/version", "3\n")
        file.writestr("archive/byteorder", "little")
    return path


def call(module: str, name: str, *arguments: int | bytes) -> bytes:
    """A pickle {"w": module.name(*arguments)}."""
    parts = [b"\x80\x02}X\x01\0\0\0w", f"c{module}\n{name}\n(".encode()]
    for value in arguments:
        if isinstance(value, int):
            parts.append(b"\x8a\x08" + struct.pack("<q", value))
        else:
            parts.append(b"X" + struct.pack("<I", len(value)) + value)
    return b"".join([*parts, b"tRs."])


def saved(path: Path, content: Any, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


def bomb(path: Path) -> Path:
    return rezipped(saved(path.with_suffix(".small"), {"w": torch.zeros(1)}), path, data_0=40)


def nested(before: bytes, after: bytes) -> bytes:
    """A pickle that uses a tuple of one and the same tuple twice, of one and the same tuple twice, 60 times over."""
    deep = b")" + b"".join(b"q" + bytes([i]) + b"h" + bytes([i]) + b"\x86" for i in range(60))
    if after.startswith(b"}"):  # as a key
        return b"\x80\x02" + before + deep + after[1:]
    return b"\x80\x02" + before + deep + after


def expanded(path: Path) -> Path:
    return saved(path, {"w": torch.zeros(1).expand(5 * 10**9, 5)})


def many_views(path: Path) -> Path:
    one = torch.zeros(1 << 18)
    return saved(path, {str(i): one.view(-1) for i in range(40)})


def legacy_storage(path: Path) -> Path:
    saved(path, {"w": torch.zeros(1000)}, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"M\xe8\x03", b"\x8a\x05" + HUGE.to_bytes(5, "little")))
    return path


def tar(path: Path) -> Path:
    with tarfile.open(path, "w") as file:
        for name in ("storages", "tensors", "pickle"):
            member = tarfile.TarInfo(name)
            member.size = 4
            file.addfile(member, io.BytesIO(b"data"))
    return path


BOMBS = {
    "compressed": (bomb, "its parts would take 41.9 MB of memory, the file has .* \\(they are compressed"),
    "stride 0": (expanded, "its tensors would take 100.0 GB of memory"),
    "many views of one storage": (many_views, "its tensors would take 41.9 MB of memory, the file has 1.1 MB"),
    "a legacy file's storage": (legacy_storage, "its storages would take 400.0 GB of memory"),
    "a tar archive": (tar, "a tar archive, torch's format before 2017"),
    "bytearray": (lambda p: archive(p, call("builtins", "bytearray", HUGE)), "a call of builtins.bytearray would take"),
    "FloatTensor": (lambda p: archive(p, call("torch", "FloatTensor", 10**6, 10**6)), "a call of torch.FloatTensor"),
    "UntypedStorage": (
        lambda p: archive(p, call("torch.storage", "UntypedStorage", HUGE)),
        "UntypedStorage would take",
    ),
    "a layer": (lambda p: archive(p, call("torch.nn", "Linear", 10**6, 10**6)), "a call of torch.nn.Linear would take"),
    "bytearray alone": (lambda p: p.write_bytes(call("builtins", "bytearray", HUGE)) and p, "builtins.bytearray"),
    "a key that is hashed for ever": (lambda p: archive(p, nested(b"}", b"}K\x01s.")), "stands for far more than"),
    "such a key alone": (lambda p: p.write_bytes(nested(b"}", b"}K\x01s.")) and p, "stands for far more than"),
    "arguments without end": (
        lambda p: archive(p, nested(b"ctorch\nFloatTensor\n", b"R.")),
        "stands for far more than",
    ),
    "a product of large numbers": (
        lambda p: archive(p, b"\x80\x02ctorch\nFloatTensor\n(" + (b"\x8a\xff" + b"\x7f" * 255) * 2000 + b"tR."),
        "a call of torch.FloatTensor would take",
    ),
    "memory before bytes": (lambda p: p.write_bytes(b"\x80\x05\x96" + struct.pack("<Q", 6 << 30)) and p, "a bytearray"),
    "a slow codec": (lambda p: archive(p, call("_codecs", "encode", b"a" * 99, b"idna")), "a codec that torch"),
}


@pytest.mark.promise("weights that grow")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", list(BOMBS))
def test_what_would_grow_is_refused_before_torch_reads_it(kind: str, tmp_path: Path, monkeypatch) -> None:
    make, message = BOMBS[kind]
    path = make(tmp_path / "w.pt")

    def read(*_: Any, **__: Any) -> None:
        raise AssertionError("torch reads it")

    monkeypatch.setattr(torch, "load", read)
    monkeypatch.setattr(torch.serialization, "get_unsafe_globals_in_checkpoint", read)
    with pytest.raises(ClaimError, match=message):
        check_claims(path)
    with pytest.raises(WeightsError, match=message) as caught:
        read_weights(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(UnusableCheckpointError, match=message):
        load_whole(path)


def test_a_memo_of_four_thousand_million_entries_takes_no_memory(tmp_path: Path) -> None:
    path = archive(tmp_path / "w.pt", b"\x80\x02}r\xff\xff\xff\xff.")
    tracemalloc.start()
    check_claims(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10**7


@pytest.mark.parametrize("legacy", [False, True])
def test_what_honest_files_hold_is_read(tmp_path: Path, legacy: bool) -> None:
    network = tiny_network(10).module
    optimizer = torch.optim.AdamW(network.parameters())
    network(torch.zeros(2, 3, 16, 16)).sum().backward()
    optimizer.step()
    shared = torch.zeros(10, 10)
    content = {
        "state_dict": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "tied": [shared, shared.T, shared[2:]],
        "halves": torch.zeros(5, dtype=torch.bfloat16),
        "parameter": torch.nn.Parameter(torch.zeros(2)),
        "small and expanded": torch.zeros(1).expand(8, 3, 3, 3),
        "step": 10**12,
        "rng": torch.get_rng_state(),
    }
    path = saved(tmp_path / "w.pt", content, _use_new_zipfile_serialization=not legacy)
    check_claims(path)
    read = torch.load(path, weights_only=True)
    assert read.keys() == content.keys()
    assert read["step"] == 10**12


def test_types_without_a_storage_class_of_their_own_are_read(tmp_path: Path) -> None:
    path = saved(
        tmp_path / "w.pt", {"a": torch.zeros(400_000, dtype=torch.uint32), "b": torch.zeros(9).to(torch.uint16)}
    )
    check_claims(path)
    assert state_dict_of(path)["a"].shape == (400_000,)


def test_compressed_weights_that_do_not_grow_are_read(tmp_path: Path) -> None:
    values = {"w": torch.from_numpy(np.random.default_rng(0).normal(size=400_000))}
    path = rezipped(saved(tmp_path / "small.pt", values), tmp_path / "w.pt")
    check_claims(path)
    assert torch.equal(state_dict_of(path)["w"], values["w"].float())


def test_whole_networks_of_ultralytics_are_read(tmp_path: Path) -> None:
    path = tmp_path / "yolo11n.pt"
    network = published_network()
    write_published(path, network)
    check_claims(path)
    assert len(state_dict_of(path)) == len(network.state_dict())


def test_what_is_no_pickle_is_left_to_others(tmp_path: Path) -> None:
    (tmp_path / "w.pt").write_bytes(b"an ordinary text")
    with pytest.raises((pickle.UnpicklingError, IndexError)):
        check_claims(tmp_path / "w.pt")
