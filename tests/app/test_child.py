"""Work in a child process is done, or its failure is told."""

from pathlib import Path

import pytest

from mailclad.app.child import ChildFailed, in_child


def test_the_work_is_done_in_another_process(tmp_path: Path) -> None:
    in_child((tmp_path / "made").touch)
    assert (tmp_path / "made").exists()


def test_its_failure_is_told() -> None:
    def fail() -> None:
        raise ValueError("the disk is full")

    with pytest.raises(ChildFailed, match="the disk is full"):
        in_child(fail)
