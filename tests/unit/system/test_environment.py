from __future__ import annotations

import importlib.metadata

from tlbench.system.environment import versions


def test_the_package_that_a_network_comes_from_is_among_the_versions():
    plain = versions()
    assert versions("torchvision") == versions("module") == plain
    assert not {"ultralytics", "timm"} & plain.keys()
    assert versions("ultralytics") == {**plain, "ultralytics": importlib.metadata.version("ultralytics")}
    assert versions("timm").keys() == {*plain, "timm"}
