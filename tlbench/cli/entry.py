"""What all entries share: a wrong input or an outer stop is one line on stderr and an exit code, never a traceback.

Exit codes: 0 complete, 1 what was asked for failed, 2 the user's input is at fault, 130 / 143 interrupted.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from tlbench.config.compose import explain
from tlbench.console import complain
from tlbench.errors import ConfigError, Failure, OutputError, UserError
from tlbench.system.atomic import ANOTHER_FILE, describe_file_error, is_of_files
from tlbench.system.interrupts import Interrupted
from tlbench.system.library_warnings import tame_warnings
from tlbench.system.streams import lost_result, prepare_streams


def prepare_process() -> None:
    """See to it that any terminal can show what is printed, and that Hydra's errors come as exceptions."""
    prepare_streams()
    threading.excepthook = _end_of_thread
    # Hydra then raises what it finds wrong, instead of printing it in its own words and leaving with exit code 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    os.environ.setdefault("MPLBACKEND", "agg")  # else a `matplotlibrc` of the working folder may name a module
    _import_matplotlib_elsewhere()
    tame_warnings()
    warnings.filterwarnings("ignore", message="provider=hydra.searchpath")  # the error that follows says it


def _import_matplotlib_elsewhere() -> None:
    """Matplotlib reads a `matplotlibrc` of the working folder, be it a FIFO; where there is one, it must not see it."""
    if "matplotlib" in sys.modules or not os.path.lexists("matplotlibrc"):
        return
    here = Path.cwd()
    os.chdir(here.anchor)
    try:
        import matplotlib  # noqa: F401
    finally:
        os.chdir(here)


def _end_of_thread(end: threading.ExceptHookArgs) -> None:
    """TensorBoard's thread hands its error over to the main thread, which says it in one line: no traceback before."""
    if not type(end.thread).__module__.startswith("tensorboard."):
        threading.__excepthook__(end)


def exit_code_of(action: Callable[[], int | None], interrupted: str, before: str, otherwise: str = ANOTHER_FILE) -> int:
    """Do what a command line asks for.

    Args:
        action: Does it; returns the exit code, None for 0.
        interrupted: What a user should know when SIGINT or SIGTERM stopped it, such as "nothing was written".
        before: What had not begun where SIGINT came while modules were still being imported, such as "trained".
        otherwise: What the user can do about a file or folder but mend it.

    Returns:
        The exit code; anything wrong has been said on stderr.
    """
    code = _code_of(action, interrupted, before, otherwise)
    lost = lost_result()
    if lost is None or code:
        return code
    return _say(f"{lost}: what was asked for is lost", 1)


@contextmanager
def as_user_errors(otherwise: str = ANOTHER_FILE) -> Iterator[None]:
    """What the user's input causes in libraries and in the file system is raised as tlbench's own, with its line.

    Args:
        otherwise: As in `exit_code_of`.

    Raises:
        UserError: In place of Hydra's, OmegaConf's, YAML's and the file system's.
    """
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(error)) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"a configuration file cannot be read: {' '.join(str(error).split())}") from error
    except OSError as error:
        if not is_of_files(error):
            raise
        raise OutputError(describe_file_error(error, otherwise)) from error


def _code_of(action: Callable[[], int | None], interrupted: str, before: str, otherwise: str) -> int:
    try:
        with as_user_errors(otherwise):
            return action() or 0
    except UserError as error:
        return _say(f"{type(error).__name__}: {error}", 2)
    except Failure as error:
        return _say(str(error), 1)
    except Interrupted as error:
        return _say(f"{error}: interrupted; {interrupted}", error.exit_code)
    except KeyboardInterrupt:
        return _say(f"SIGINT: interrupted before anything was {before}", 130)
    except SystemExit as error:  # of argparse, which has said what is wrong
        return error.code if isinstance(error.code, int) else int(error.code is not None)


def _say(message: str, exit_code: int) -> int:
    complain(message)
    return exit_code
