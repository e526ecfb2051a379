from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint, MailProtocol
from mailclad.services.diagnose.programs import programs


def test_words_of_old_samsung_phones() -> None:
    samsung = programs()["samsung"]
    imap = Endpoint(MailProtocol.IMAP, "a.test", 993, TlsMode.IMPLICIT)
    submission = Endpoint(MailProtocol.SUBMISSION, "a.test", 587, TlsMode.STARTTLS)
    assert samsung.word(imap) == "SSL"
    assert samsung.word(submission) == "TLS"


def test_nobody_is_told_to_give_up_security() -> None:
    for program in programs().values():
        assert program.implicit
        assert program.starttls
        assert "None" not in (program.implicit, program.starttls)
        assert "accept" not in program.hint.lower() or "never" in program.hint.lower()
