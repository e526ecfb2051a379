"""Replies to fates."""

import pytest

from mailclad.protocols.smtp.client.outcome import Fate, Stage, judged
from mailclad.protocols.smtp.client.server_reply import ServerReply


@pytest.mark.parametrize(
    ("code", "text", "stage", "fate", "status"),
    [
        (250, "ok", Stage.MESSAGE, Fate.DELIVERED, "2.0.0"),
        (250, "2.1.5 ok", Stage.RCPT, Fate.DELIVERED, "2.1.5"),
        (450, "later", Stage.RCPT, Fate.DEFERRED, "4.0.0"),
        (550, "5.1.1 nobody", Stage.RCPT, Fate.REFUSED, "5.1.1"),
        (550, "4.1.1 mixed", Stage.RCPT, Fate.REFUSED, "5.0.0"),
        (552, "too many", Stage.RCPT, Fate.DEFERRED, "5.0.0"),
        (552, "5.5.3 too many", Stage.RCPT, Fate.DEFERRED, "5.5.3"),
        (552, "5.2.2 full", Stage.RCPT, Fate.REFUSED, "5.2.2"),
        (552, "too large", Stage.MESSAGE, Fate.REFUSED, "5.0.0"),
    ],
)
def test_fates(code: int, text: str, stage: Stage, fate: Fate, status: str) -> None:
    verdict = judged(ServerReply(code, (text,)), stage)
    assert (verdict.fate, verdict.status, verdict.code) == (fate, status, code)
