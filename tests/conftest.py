"""What all tests share: hypothesis profiles, and what happens when a program is not there."""

import os
import shutil

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.lacking import lacking

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci" if os.environ.get("CI") else "dev")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Logging as it is at first, whatever an earlier test made of it; and

    ``@pytest.mark.interop("mutt")``: skipped without mutt, but failed where CI is set."""
    structlog.reset_defaults()
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin:/usr/local/sbin"
    for mark in item.iter_markers("interop"):
        for program in mark.args:
            if shutil.which(program, path=path) is None:
                tools = "tools/interop-programs, tools/foreign-mtas and tools/sslyze-venv"
                reason = f"{program} is not installed: as root run {tools}"
                lacking(reason)
