"""The plugin costs a pytest run nothing until its fixture is asked for."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.slow
def test_loading_the_plugin_imports_nothing_heavy() -> None:
    script = (
        "import sys, mailclad.testing.plugin\n"
        "heavy = {'asyncio', 'OpenSSL', 'cryptography', 'apsw', 'structlog', 'uvloop'}\n"
        "before = heavy & set(sys.modules)\n"
        "sys.stdout.write(' '.join(sorted(m for m in sys.modules if m.startswith('mailclad'))))\n"
        "sys.stdout.write(' ' + ' '.join(before - {'asyncio'}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["mailclad", "mailclad.testing", "mailclad.testing.plugin"]


@pytest.mark.slow
def test_the_fixture_works_in_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import imaplib

        def test_mail(mail):
            ada = mail.add_account("ada@example.test")
            mail.deliver(b"Subject: hello\\r\\n\\r\\n", ada.address)
            with imaplib.IMAP4_SSL(*mail.endpoint("imap"), ssl_context=mail.ssl_context) as imap:
                imap.login(ada.address, ada.password)
                assert imap.select()[1] == [b"1"]
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)


@pytest.mark.slow
def test_the_broken_servers_work_in_a_project_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import imaplib, ssl, pytest

        def test_expired(broken_mail):
            one = broken_mail["expired"]
            context = ssl.create_default_context(cafile=broken_mail.ca)
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                imaplib.IMAP4_SSL(one.host, one.port, ssl_context=context)
        """
    )
    pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=1)
