"""The worker process itself, as far as it can be looked at without forking one."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
from mailclad.app.worker import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        pieces = [b"x" * (400 * 1024) for _ in range(3)]
        del pieces
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told")
def test_memory_that_a_message_took_is_there_for_the_next() -> None:
    """Without it these are 100 to 300 faults a message: pages are mapped anew each time."""
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) < 100
