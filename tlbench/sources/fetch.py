"""Download of a file of weights, given up early where the network does not answer."""

from __future__ import annotations

from pathlib import Path

from tlbench.system.download import Unreachable, check_reachable, download


def fetch(url: str, destination: Path, sha256: str) -> None:
    """Download to a temporary name beside the destination, check the hash, rename.

    Args:
        url: An http or https address.
        destination: The file to write; its folder is created.
        sha256: The file's SHA-256 in hex, or its first digits.

    Raises:
        Unreachable: Whatever went wrong: no answer, a stall, another file, a folder that cannot be written.
    """
    check_reachable(url)
    try:
        download(url, destination, f"sha256:{sha256}")
    except OSError as error:
        raise Unreachable(" ".join(str(error).split()) or type(error).__name__) from error
