"""A progress bar on standard error, where a person looks at one."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
"""How much is done, and of how much."""

NamedProgress = Callable[[str, int, int], None]
"""And at what."""


@contextmanager
def progress_bar(what: str, *, shown: bool) -> Iterator[Progress]:
    """Shown on a terminal only; elsewhere nothing is printed."""
    if not shown or not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, seldom needed
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415
    from rich.progress import TimeRemainingColumn as Remaining  # noqa: PLC0415

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), Remaining())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@contextmanager
def named_progress() -> Iterator[NamedProgress]:
    """One line that says what is looked at, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda _what, _done, _of: None
        return
    from rich.console import Console  # noqa: PLC0415 - slow to import, seldom needed

    with Console(stderr=True).status("…") as line:
        yield lambda what, done, of: line.update(f"{done} of {of}  {what}")
