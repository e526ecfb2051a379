"""What a machine lacks for a test: it is skipped there, and fails where CI is set."""

import os
from typing import NoReturn

import pytest

IN_CI = bool(os.environ.get("CI"))


def lacking(reason: str) -> NoReturn:
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)
