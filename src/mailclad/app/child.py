"""Runs a piece of work in a child process, so that the parent stays small and without threads."""

import os
import sys
import traceback
from collections.abc import Callable


class ChildFailed(Exception):
    """The work was not done; the text says why."""


def in_child(work: Callable[[], None]) -> None:
    """Run to the end; raises ChildFailed with the text of the exception in the child."""
    read, write = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _run(work, write)
    os.close(write)
    with os.fdopen(read, encoding="utf-8", errors="replace") as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise ChildFailed(told or f"It ended with status {os.waitstatus_to_exitcode(status)}.")


def _run(work: Callable[[], None], write: int) -> None:
    status = 1
    try:
        work()
        status = 0
    except BaseException as problem:
        text = str(problem) or type(problem).__name__
        os.write(write, text.encode(errors="replace")[:4096])
        traceback.print_exc()
    finally:
        os._exit(status)
