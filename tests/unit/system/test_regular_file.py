import os
import socket
import tracemalloc

import pytest

from tlbench.system.regular_file import NotRegularError, TooLargeError, open_regular, read_regular


def test_a_file_and_a_link_to_one_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "file") == read_regular(tmp_path / "link", at_most=3) == b"abc"


@pytest.mark.timeout(10)
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(NotRegularError, match="not a regular file but a FIFO"):
        open_regular(tmp_path / "fifo")


@pytest.mark.timeout(10)
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(tmp_path, device):
    (tmp_path / "link").symlink_to(device)
    with pytest.raises(NotRegularError, match="but a device"):
        read_regular(tmp_path / "link", at_most=10)


def test_a_socket_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its path may have some 100 characters
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        with pytest.raises(NotRegularError, match="but a socket"):
            open_regular("s")


def test_a_folder_and_nothing_are_what_the_system_says(tmp_path):
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def test_more_bytes_than_agreed_are_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"abcd")
    assert read_regular(tmp_path / "file", at_most=4) == b"abcd"
    with pytest.raises(TooLargeError, match="more than 3 bytes in it"):
        read_regular(tmp_path / "file", at_most=3)


def test_no_more_memory_is_asked_for_than_the_file_holds(tmp_path):
    (tmp_path / "file").write_bytes(b"abcd")
    tracemalloc.start()
    try:
        assert read_regular(tmp_path / "file", at_most=1 << 40) == b"abcd"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc on this system")  # noqa: PTH110
def test_a_file_that_says_no_size_is_read_whole():
    assert read_regular("/proc/self/status", at_most=1 << 20).startswith(b"Name:")
    with pytest.raises(TooLargeError):
        read_regular("/proc/self/status", at_most=10)
