"""An Internet for one test module: all IPv4 addresses are this machine's, 25 and 443 free.

The thread that enters, and all threads and programs that it starts, are in a network namespace of
their own.  So mail servers and web servers stand where the DNS says, at public addresses, and
nothing of the server under test has to be told that this is a test.  Needs root, and Linux.
"""

import contextlib
import ctypes
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lacking import IN_CI, lacking

_CLONE_NEWNET = 0x40000000
_SCRIPT = """\
ip link set lo up && ip route add local 0.0.0.0/0 dev lo
# With the kernel's 10, Postfix's logger may wait for itself.
echo 512 > /proc/sys/net/unix/max_dgram_qlen
"""

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 and not IN_CI, reason="makes a network of its own, as root"
)


@contextlib.contextmanager
def island() -> Iterator[None]:
    """Skips the test where the kernel does not allow it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as outside:
        if libc.unshare(_CLONE_NEWNET) != 0:
            lacking(f"no network of its own: {os.strerror(ctypes.get_errno())}")
        try:
            subprocess.run(["sh", "-c", _SCRIPT], check=True)
            yield
        finally:
            assert libc.setns(outside.fileno(), _CLONE_NEWNET) == 0
