"""When the next try may go in the clear."""

import pytest

from mailclad.mail.tls_verdict import TlsLevel
from mailclad.protocols.smtp.client.outcome import Fate, Stage, ours
from mailclad.protocols.smtp.client.report import ConnectionReport


@pytest.mark.parametrize("level", TlsLevel)
@pytest.mark.parametrize("stage", Stage)
def test_only_where_nothing_was_demanded_and_tls_was_what_failed(
    level: TlsLevel, stage: Stage
) -> None:
    problem = ours(Fate.DEFERRED, "4.7.5", "x", stage)
    report = ConnectionReport("192.0.2.1", 25, level, problem=problem)
    assert report.may_go_clear is (level is TlsLevel.MAY and stage is Stage.STARTTLS)
    assert not ConnectionReport("192.0.2.1", 25, level).may_go_clear
