"""Any conversation, cut anywhere: the same answers, the same messages; nothing ever raises."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailclad.base.tls_policy import TlsFacts
from mailclad.protocols.smtp.conversation import Role
from mailclad.protocols.smtp.limits import Limits
from tests.sessions.smtp.talk import TLS, Talk

SMALL = Limits(line=80, auth_line=120, message=300, recipients=3, transactions=6, errors=6)

COMMANDS = st.sampled_from(
    [b"EHLO client.example\r\n", b"LHLO c.example\r\n", b"HELO x\r\n", b"RSET\r\n", b"QUIT\r\n",
     b"MAIL FROM:<bob@elsewhere.example>\r\n", b"MAIL FROM:<ada@example.org> BODY=BINARYMIME\r\n",
     b"RCPT TO:<ada@example.org>\r\n", b"RCPT TO:<grace@example.org>\r\n", b"RCPT TO:<x@y>\r\n",
     b"DATA\r\n", b"BDAT 5\r\nhello", b"BDAT 0 LAST\r\n", b"BDAT 12 LAST\r\nhello\r\n.\r\nxy",
     b"AUTH PLAIN AGFkYUBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n", b"AUTH LOGIN\r\n", b"YQ==\r\n", b"*\r\n",
     b"NOOP\r\n", b"NOOP\n", b"x" * 130, b"\0", b"\x80", b"GET / HTTP/1.1\r\n"]
)  # fmt: skip
MESSAGES = st.sampled_from(
    [b"Subject: x\r\n\r\nhello\r\n.\r\n", b".\r\n", b"..\r\n.\r\n", b"a\r\n..b\r\n...\r\n.\r\n",
     b"\r\n.\r\n", b"a\n.\n", b"a\r\n.\rb\r\n.\r\n", b"\r", b"\n", b".", b"\r\n", b"\r\n.",
     b"y" * 310]
)  # fmt: skip
WHERE_IT_HURTS = b"\r\n."
ROLES = st.sampled_from([(Role.MX, None), (Role.LMTP, None), (Role.SUBMISSION, TLS)])


@pytest.mark.slow
@settings(max_examples=300)
@given(ROLES, st.lists(COMMANDS | MESSAGES | st.binary(max_size=8), max_size=25), st.data())
def test_any_bytes_any_cut(
    where: tuple[Role, TlsFacts | None], words: list[bytes], data: st.DataObject
) -> None:
    role, tls = where
    start = b"LHLO x\r\n" if role is Role.LMTP else b"EHLO x\r\n"
    sent = start + b"".join(words)
    borders = [at for at, octet in enumerate(sent) if octet in WHERE_IT_HURTS]
    places = st.integers(0, len(sent)) | st.sampled_from(borders)
    cuts = sorted(data.draw(st.lists(places, max_size=12)))
    pieces = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    cut, whole = Talk(role, SMALL, tls), Talk(role, SMALL, tls)

    assert b"".join(map(cut.feed, pieces)) == whole.feed(sent)
    assert cut.store.kept == whole.store.kept
    assert cut.closed == whole.closed
