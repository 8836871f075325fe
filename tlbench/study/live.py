"""Lines that are redrawn in place while runs go on: one for the study, and one for each run at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from tlbench import console
from tlbench.records.progress import Progress
from tlbench.study.eta import duration


@dataclass(frozen=True)
class Line:
    """A line that can be said in fewer words.

    Attributes:
        name: What it is about; its end is what tells it from others.
        forms: What it says, from the longest form to the shortest.
    """

    name: str
    forms: tuple[str, ...]

    def text(self, width: int | None = None, name_width: int = 0) -> str:
        """The longest form that fits into so many cells; the name is cut where none does.

        Args:
            width: Cells; None: as many as it takes.
            name_width: Cells that the name is filled up to, where there is room.
        """
        names = dict.fromkeys([self.name + " " * (name_width - cell_len(self.name)), self.name])
        for name in names:
            for form in self.forms if name == self.name else self.forms[:1]:
                text = "  ".join(part for part in (name, form) if part)
                if width is None or cell_len(text) <= width:
                    return text
        shortest, name = self.forms[-1], self.name
        while name and cell_len(f"…{name}  {shortest}") > (width or 0):
            name = name[1:]
        return f"…{name}  {shortest}" if name else shortest


def run_line(name: str, progress: Progress | None, left_s: float | None) -> Line:
    """What a run at work does, its best value so far, and how long it takes still.

    Args:
        name: Its own.
        progress: What it has told; None: it has not begun to train.
        left_s: Seconds; None: not known yet.
    """
    left = "" if left_s is None else f"{duration(left_s)} left"
    if progress is None:
        return Line(name, (_joined("starts", left),))
    epoch = f"{progress.epoch}/{progress.of}"
    phase = {"fit": f"epoch {epoch}", "validate": f"epoch {epoch}, validation", "test": "test"}[progress.phase]
    short = "test" if progress.phase == "test" else epoch
    value = "" if progress.value is None else f"{progress.value:.3f}"
    named = f"{progress.monitor} {value}" if value else ""
    return Line(name, (_joined(phase, named, left), _joined(short, value, left), _joined(short, left)))


def study_line(name: str, complete: int, total: int, failed: int, left_s: float | None, what: str = "runs") -> Line:
    """How many of a study's runs are complete and have failed, and how long all take still.

    Args:
        name: The study's.
        complete: Of its runs.
        total: Of its runs.
        failed: Of its runs.
        left_s: Seconds; None: not known yet.
        what: They are.
    """
    parts = [f"{failed} failed"] if failed else []
    long = [f"{complete} of {total} {what} complete", *parts, *([f"about {duration(left_s)} left"] if left_s else [])]
    short = [f"{complete}/{total}", *parts, *([f"{duration(left_s)} left"] if left_s else [])]
    return Line(name, (", ".join(long), ", ".join(short)))


def plain(lines: Iterable[Line | str]) -> Iterator[str]:
    """Their whole texts, where nothing can be redrawn."""
    for line in lines:
        yield line if isinstance(line, str) else line.text()


class Board:
    """Lines on a terminal, below what else is printed; `close` takes them away and gives the cursor back."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._shown: list[Line | str] = []

    def show(self, lines: Sequence[Line | str]) -> None:
        """Show these in place of those of before; what is the same is not drawn again."""
        if list(lines) == self._shown:
            return
        self._shown = list(lines)
        if self._live is None:
            self._live = Live(console=console.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_Lines(lines), refresh=True)

    def close(self) -> None:
        """The lines go; what was printed above them stays."""
        if self._live is not None:
            self._live.stop()
            self._live, self._shown = None, []


class _Lines:
    """As wide as the terminal is when they are drawn."""

    def __init__(self, lines: Sequence[Line | str]) -> None:
        self._lines = lines

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        widest = max((cell_len(each.name) for each in self._lines[1:] if isinstance(each, Line)), default=0)
        for number, each in enumerate(self._lines):
            if isinstance(each, Line):
                each = each.text(options.max_width, widest if number else 0)
            yield Text(each, no_wrap=True, overflow="ellipsis")


def _joined(*parts: str) -> str:
    return "  ".join(part for part in parts if part)
