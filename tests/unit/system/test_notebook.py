"""What a notebook shows: lines in the streams, one bar a loop, and pictures."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from matplotlib.figure import Figure

from tests.commands import TINY_RANDOM
from tlbench.api.plot import StudyFigure
from tlbench.callbacks.progress import _Display
from tlbench.console import console
from tlbench.system import notebook
from tlbench.tools.bar import bar


@pytest.fixture
def kernel(monkeypatch) -> list[list[str]]:
    """Pretends to be in a notebook; the texts that each of its displays showed, one after another."""
    shown: list[list[str]] = []

    def display(data, raw, display_id):
        shown.append([data["text/plain"]])
        own = shown[-1]
        return SimpleNamespace(update=lambda data, raw: own.append(data["text/plain"]))

    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    monkeypatch.setattr(notebook, "_REDRAW_S", 0.0)
    return shown


def test_outside_of_a_notebook_nothing_is_shown_unasked(capsys):
    assert not notebook.in_notebook()
    with bar("predicting") as show:
        show(1, 2)
    assert capsys.readouterr() == ("", "")
    with bar("predicting", progress=True) as show:
        show(2, 2)
    assert "predicting" in capsys.readouterr().err


def test_a_bar_is_one_output_that_is_written_over(kernel, capsys):
    with bar("predicting") as show:
        show(1, 4)
        show(4, 4)
    with bar("predicting") as show:
        show(3, None)
    with bar("predicting", progress=False) as show:
        show(3, None)
    with bar("predicting"):
        pass
    (first, second) = kernel
    assert first[0] == f"predicting  {'━' * 7}{'─' * 23}  1/4"
    assert first[-1] == f"predicting  {'━' * 30}  4/4"
    assert second[-1] == "predicting  3"
    assert capsys.readouterr() == ("", "")


def test_training_shows_lines_in_the_stream_and_one_bar(kernel, capsys, monkeypatch):
    monkeypatch.setattr("tlbench.callbacks.progress._REDRAW_S", 0.0)
    display = _Display()
    display.open("epoch 1/2", 0, 10)
    for step in (1, 2):
        assert display.due()
        display.show("epoch 1/2", step, f"step {step}/10")
    display.line("epoch 1/2", "val/oa 0.5")
    display.close()
    assert capsys.readouterr().out == "epoch 1/2  val/oa 0.5\n"
    assert len(kernel) == 1
    assert kernel[0][-1] == f"epoch 1/2  {'━' * 6}{'─' * 24}  step 2/10"


def test_the_console_and_figures_need_no_display_of_richs_or_pyplots():
    assert not console.is_jupyter
    assert isinstance(StudyFigure(), Figure)
    assert StudyFigure(figsize=(1, 1))._repr_png_().startswith(b"\x89PNG")


CELLS = (
    "import tlbench, numpy as np",
    f"record = tlbench.run_one(*{TINY_RANDOM!r}, {{'hydra.run.dir': 'run'}}); record.status",
    "tlbench.run_one('optimizer.lr=-1')",
    "len(tlbench.load('run', device='cpu')(np.zeros((20, 8, 8, 3), np.uint8)))",
)


@pytest.mark.promise("notebooks")
@pytest.mark.slow
def test_in_a_real_kernel(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="needs nbclient and ipykernel, which tlbench does not")
    nbclient = pytest.importorskip("nbclient", reason="needs nbclient and ipykernel, which tlbench does not")
    pytest.importorskip("ipykernel", reason="needs nbclient and ipykernel, which tlbench does not")
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    book = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(
        book, timeout=200, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    _, run, wrong, predicted = (cell.outputs for cell in book.cells)
    text = "".join(out.text for out in run if out.output_type == "stream" and out.name == "stdout")
    assert "epoch 2/2  train/loss" in text
    assert "\r" not in text
    assert [out.data["text/plain"] for out in run if out.output_type == "execute_result"] == ["'complete'"]
    assert len([out for out in run if out.output_type == "display_data"]) <= 2  # bars of training and test
    assert [(out.ename, out.evalue) for out in wrong] == [
        ("ConfigError", "optimizer.lr=-1: input should be greater than 0")
    ]
    assert [out.output_type for out in predicted] == ["display_data", "execute_result"]
    assert predicted[0].data["text/plain"].endswith("20/20")
