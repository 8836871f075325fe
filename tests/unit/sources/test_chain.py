from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tlbench.sources.chain import RunLink, WeightsLink, earlier_chain, shown_chain


def run_link(**changed: Any) -> RunLink:
    fields: dict[str, Any] = {
        "study": "s",
        "arm": "tin200-full",
        "seed": 2,
        "data": "digits",
        "classes": 10,
        "fingerprints": {},
        "model": "resnet18",
        "config_hash": "h",
        "file": "best.ckpt",
        "sha256": "c",
        "metrics": {"test/oa": None},
        "stand_ins": [],
    }
    return RunLink(**{**fields, **changed})


def weights_link(source: str, title: str | None = None) -> WeightsLink:
    return WeightsLink(source=source, title=title, file="w.pth", sha256="a", licence=None)


def test_a_chain_comes_back_from_a_record_as_it_was() -> None:
    chain = [weights_link("imagenet", "T"), run_link(), run_link(study="t")]
    assert earlier_chain({"chain": [link.model_dump(mode="json") for link in chain]}) == chain


def test_a_chain_is_shown_oldest_first() -> None:
    chain = [weights_link("timm", "resnet18.a1_in1k"), weights_link("checkpoint"), weights_link("tin200"), run_link()]
    assert shown_chain(chain) == "resnet18.a1_in1k → w.pth → tin200 → s/tin200-full/seed_2"


@pytest.mark.parametrize(
    "link", [{"kind": "run"}, {"kind": "other"}, {**weights_link("x").model_dump(), "folder": "/"}]
)
def test_what_is_no_chain_is_refused(link: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        earlier_chain({"chain": [link]})
