"""Download of a file of weights, given up early where the network does not answer."""

from __future__ import annotations

from http.client import HTTPException
from pathlib import Path

from tlbench.system.download import CHECK_SECONDS, Unreachable, check_reachable, stall_timeout

STALL_SECONDS = 5.0
"""How long a download may stand still."""


def fetch(url: str, destination: Path, sha256: str) -> None:
    """Download to a temporary name beside the destination, check the hash, rename.

    Args:
        url: An http or https address.
        destination: The file to write; its folder is created.
        sha256: The file's SHA-256 in hex, or its first digits.

    Raises:
        Unreachable: Whatever went wrong: no answer, a stall, another file, a folder that cannot be written.
    """
    check_reachable(url, CHECK_SECONDS)
    from torch.hub import download_url_to_file  # heavy, and needed only here

    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with stall_timeout(STALL_SECONDS):
            download_url_to_file(url, str(destination), hash_prefix=sha256)
    except (OSError, HTTPException, RuntimeError) as error:  # torch.hub raises RuntimeError for a wrong hash
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unreachable(reason) from error
