"""How a process of tlbench's is started by another, without modules of the working folder getting in its way."""

from __future__ import annotations

import sys

from tlbench.system.search_path import began_with_working_folder

_WITHOUT_WORKING_FOLDER = (
    "import sys; sys.path[:] = [place for place in sys.path if place]; import runpy; "
    "runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
)


def command_of(module: str, *arguments: str) -> list[str]:
    """The command that runs a module as `python -m` does.

    `python -m` puts the working folder before the standard library on Python's search path. Where this process began
    without it, as a console script does, the child leaves it off before it imports anything (`-P` does so too, from
    Python 3.11 on). Then the module stands in the command line all the same, between quotes.

    Args:
        module: Its dotted name.
        arguments: Its command line.
    """
    if began_with_working_folder():
        return [sys.executable, "-m", module, *arguments]
    return [sys.executable, "-c", _WITHOUT_WORKING_FOLDER.format(module=module), *arguments]
