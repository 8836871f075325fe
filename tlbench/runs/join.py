"""Entry of a run's further processes: `python -m tlbench.runs.join` by the first process, or torchrun."""

from __future__ import annotations

import os
import sys
import threading
import warnings

from tlbench.console import complain, console
from tlbench.processes.rank import process_rank
from tlbench.system.streams import prepare_streams


def join() -> int:
    """Take part in the run that the first process begins; nothing is printed or written here.

    Returns:
        The exit code; what went wrong, the first process says, unless it is no more.
    """
    prepare_streams()
    console.quiet = True
    warnings.simplefilter("ignore")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # as in `execute`
    from tlbench.config.parse import parse
    from tlbench.processes.store import await_order, tell
    from tlbench.runs.run import run
    from tlbench.system.interrupts import Interrupted
    from tlbench.system.voice import SILENT

    try:
        order = await_order()
        if order is not None:
            config, folder = order
            run(parse(config), folder, voice=SILENT)
    except Interrupted as error:
        tell(f"{error}: interrupted")  # where all stop together, nobody asks
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        if not tell(message):
            complain(f"process {process_rank()}: {message}")
        return 1
    return 0


def main() -> int:
    """Join, and leave when the first process is gone."""
    threading.Thread(target=_leave_with_the_first, daemon=True).start()
    return join()


def _leave_with_the_first() -> None:
    """Its end of the pipe closes, however it ends; a process that waits for it in NCCL would wait for ever."""
    os.read(sys.stdin.fileno(), 1)
    complain(f"process {process_rank()}: the first process of the run has ended, so this one ends too")
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
