from __future__ import annotations

import torch

from tlbench.data.ragged import reordered


def test_rows_go_with_their_images_into_the_order_of_positions() -> None:
    """As cut into pieces, one an image, and put together anew."""
    draws = torch.Generator().manual_seed(0)
    positions = torch.randperm(23, generator=draws)
    counts = torch.randint(0, 4, (23,), generator=draws)
    counts[:3] = 0  # a batch without any row
    total = int(counts.sum())
    whole = {
        "index": positions,
        "count": counts,
        "boxes": torch.rand(total, 4, generator=draws),
        "labels": torch.randint(0, 9, (total,), generator=draws, dtype=torch.int32),
        "target_count": torch.ones_like(counts),
        "target_labels": positions * 10,
    }
    rows = {"boxes": "count", "labels": "count", "target_labels": "target_count"}
    batches = []
    for first, end in ((0, 3), (3, 11), (11, 23)):
        batch = {key: whole[key][first:end] for key in ("index", "count", "target_count")}
        for key, count in rows.items():
            before, until = (int(whole[count][:i].sum()) for i in (first, end))
            batch[key] = whole[key][before:until]
        batches.append(batch)
    found = reordered(batches, {"count": ("boxes", "labels"), "target_count": ("target_labels",)})
    assert list(found) == ["index", "count", "boxes", "labels", "target_count", "target_labels"]
    assert torch.equal(found["index"], torch.arange(23))
    order = torch.argsort(positions).tolist()
    for key, count in rows.items():
        pieces = torch.split(whole[key], whole[count].tolist())
        wanted = torch.cat([pieces[i] for i in order])
        assert found[key].dtype == wanted.dtype
        assert torch.equal(found[key], wanted)
    assert torch.equal(found["count"], counts[torch.tensor(order)])


def test_images_without_any_row() -> None:
    nothing = {"index": torch.tensor([1, 0]), "count": torch.zeros(2, dtype=torch.int64), "boxes": torch.zeros(0, 4)}
    found = reordered([nothing], {"count": ("boxes",)})
    assert found["boxes"].shape == (0, 4)
    assert found["count"].tolist() == [0, 0]
