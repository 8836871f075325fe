from __future__ import annotations

import torch

from tests.composed import config
from tlbench.data.open import open_target
from tlbench.system.voice import SILENT
from tlbench.tasks.classification.on_data import ClassifierOnData
from tlbench.tasks.wings import wing_of
from tlbench.tools.data_overrides import with_data


def test_batches_hold_every_image_in_order_however_it_is_kept(tmp_path, draw_tree):
    draw_tree(tmp_path / "few", {"cat": 20, "dog": 10})
    seen = []
    for cache in ("memory", "none"):
        some = with_data(config(), ["data=image_folder", "data.root=few", f"data.cache={cache}", "data.workers=0"])
        samples, batches = open_target(some.data, 0, SILENT).splits["train"], wing_of(some).batches(some)
        assert samples.on_disk is (cache == "none")
        seen.append([batches.plain(samples, batch) for batch in ClassifierOnData(None, some).loader(samples)])
    for a, b in zip(*seen, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert torch.cat([index for _, _, index in seen[0]]).tolist() == list(range(len(samples)))
