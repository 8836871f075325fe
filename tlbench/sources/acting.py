"""Which of the things that a pickle names are no part of weights by any account: they act, they do not build.

Nothing that a pickle names is ever called here, whatever it is. This list decides only whether a file is read without
what it would have called, or refused as one that somebody made to harm those who open it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable

_MODULES = frozenset(
    """
    os posix nt sys subprocess shutil socket ctypes _ctypes importlib runpy pty webbrowser urllib urllib2 http ftplib
    smtplib telnetlib asyncio multiprocessing threading _thread signal ensurepip marshal timeit pdb bdb doctest requests
    httpx aiohttp paramiko pickle _pickle
    """.split()  # noqa: SIM905 - seventy of them are read more easily so
)
_PARTS = ("torch.hub", "torch.utils.cpp_extension")
_FUNCTIONS = frozenset(
    """
    system popen eval exec execfile compile __import__ import_module open input breakpoint globals locals vars setattr
    delattr load loads spawn call check_output check_call run getoutput getstatusoutput urlopen urlretrieve methodcaller
    runstring read_pickle fromfile memmap safe_download attempt_download check_requirements mknod mkdir makedirs touch
    unlink rmdir rmtree remove rename write_text write_bytes symlink_to hardlink_to chmod kill
    """.split()  # noqa: SIM905
)


def acting(names: Iterable[str]) -> str | None:
    """The first of some names, such as `posix.system`, that acts; None where none does."""
    for name in names:
        *modules, last = name.removesuffix("()").split(".")
        if last in _FUNCTIONS or ".".join(modules[:1]) in _MODULES or ".".join(modules[:3]).startswith(_PARTS):
            return name
    return None
