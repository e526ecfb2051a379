"""Every message of the corpus goes in and comes out byte for byte, and lists without failing."""

import getpass
import os
import pwd
import re
import smtplib
import subprocess
import tempfile
import unittest.mock
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.interop.demo import Demo, flat
from tests.lacking import lacking

pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.timeout(300)]

CORPUS = Path(os.environ.get("MAILCLAD_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
BATCH = 50


@pytest.fixture(scope="session")
def corpus() -> list[bytes]:
    """The messages as they travel: lines end with CRLF."""
    if not CORPUS.is_dir():
        reason = f"no messages at {CORPUS}: name their folder in MAILCLAD_CORPUS"
        lacking(reason)
    files = sorted(path for path in CORPUS.glob("*/*") if path.is_file())
    return [re.sub(rb"\r?\n", b"\r\n", path.read_bytes()) for path in files]


def test_append_returns_every_octet(demo: Demo, token: str, corpus: list[bytes]) -> None:
    _append(demo, token, corpus)
    with demo.imap(demo.grace) as client:
        client.select(token, readonly=True)
        listed = 0
        for first in range(1, len(corpus) + 1, BATCH):
            last = min(first + BATCH - 1, len(corpus))
            _, answers = client.fetch(f"{first}:{last}", "(RFC822.SIZE BODY.PEEK[])")
            bodies = [answer[1] for answer in answers if isinstance(answer, tuple)]
            assert bodies == corpus[first - 1 : last]
            listed += _count_listed(
                client.fetch(f"{first}:{last}", "(ENVELOPE BODYSTRUCTURE BODY)")[1]
            )
        assert listed == len(corpus)
        client.close()
        client.delete(token)


def _append(demo: Demo, mailbox: str, messages: list[bytes]) -> None:
    """The octets as they are: imaplib would write CRLF for every bare CR."""
    with (
        unittest.mock.patch("imaplib.MapCRLF", re.compile(rb"(?!)")),
        demo.imap(demo.grace) as client,
    ):
        client.create(mailbox)
        for octets in messages:
            assert client.append(mailbox, "", "", octets)[0] == "OK"


def _count_listed(answers: Sequence[object]) -> int:
    """FETCH lines, whether imaplib split them at literals or not."""
    lines = [line[0] if isinstance(line, tuple) else line for line in answers]
    return sum(isinstance(line, bytes) and b"(ENVELOPE (" in line for line in lines)


def test_smtp_returns_every_octet_that_it_accepts(demo: Demo, corpus: list[bytes]) -> None:
    """What SMTP may carry (no NUL, no bare CR or LF, lines end) arrives unchanged."""
    fit = [octets for octets in corpus if _fits_smtp(octets)]
    assert len(fit) > len(corpus) * 0.9
    before = len(_inbox(demo))
    for first in range(0, len(fit), BATCH):
        with smtplib.SMTP("localhost", demo.ports["smtp", "starttls"]) as client:
            client.starttls(context=demo.context())
            client.ehlo()
            for octets in fit[first : first + BATCH]:
                client.mail("someone@elsewhere.example", ["BODY=8BITMIME"])
                client.rcpt(demo.ada)
                code, said = client.data(octets)
                assert code == 250, said

    arrived = _inbox(demo)[before:]

    assert [_without_trace(octets) for octets in arrived] == fit


def _fits_smtp(octets: bytes) -> bool:
    bare = re.search(rb"\r(?!\n)|(?<!\r)\n|\0", octets)
    return bare is None and octets.endswith(b"\r\n") and octets.count(b"\nReceived:") < 40


def _without_trace(octets: bytes) -> bytes:
    """Without the Return-Path and Received that delivery wrote on top."""
    trace = re.match(rb"Return-Path:[^\r]*\r\n(?:Delivered-To:[^\r]*\r\n)?", octets)
    assert trace is not None
    received = re.match(rb"Received:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*", octets[trace.end() :])
    assert received is not None
    return octets[trace.end() + received.end() :]


def _inbox(demo: Demo) -> list[bytes]:
    with demo.imap(demo.ada) as client:
        _, (count,) = client.select("INBOX", readonly=True)
        bodies: list[bytes] = []
        for first in range(1, int(count or 0) + 1, BATCH):
            last = min(first + BATCH - 1, int(count or 0))
            _, answers = client.fetch(f"{first}:{last}", "(BODY.PEEK[])")
            bodies += [answer[1] for answer in answers if isinstance(answer, tuple)]
    return bodies


# --- beside Dovecot -------------------------------------------------------------------

AGREE = 0.95
"""Share of the sample that must agree with Dovecot.  The rest is broken mail that may be read
either way: multipart without a boundary (we: text), boundaries and file names that should
have been quoted (we take them whole)."""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Dovecot gives up root: the folders that pytest makes are closed to who it then is."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o777)
        yield Path(name)


@pytest.mark.interop("dovecot")
def test_structure_agrees_with_dovecot(corpus: list[bytes], demo: Demo, open_folder: Path) -> None:
    """RFC822.SIZE and BODYSTRUCTURE of a sample, compared without case and white space."""
    plain = [octets for octets in corpus if octets.strip() and not re.search(rb"\r(?!\n)", octets)]
    sample = plain[::12]
    ours = list(_ours(demo, sample))
    theirs = list(_dovecot(open_folder, sample))

    agreed = sum(a == b for a, b in zip(ours, theirs, strict=True))
    differing = [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert agreed >= AGREE * len(sample), differing


def _ours(demo: Demo, sample: list[bytes]) -> Iterator[bytes]:
    _append(demo, "sample", sample)
    with demo.imap(demo.grace) as client:
        client.select("sample", readonly=True)
        for n in range(1, len(sample) + 1):
            yield _normal(client.fetch(str(n), "(RFC822.SIZE BODYSTRUCTURE)")[1])
        client.close()
        client.delete("sample")


def _dovecot(folder: Path, sample: list[bytes]) -> Iterator[bytes]:
    """Dovecot's own IMAP server on a Maildir, spoken to over a pipe."""
    owner = "nobody" if os.getuid() == 0 else getpass.getuser()
    configuration = folder / "dovecot.conf"
    configuration.write_text(
        f"mail_location = maildir:{folder}/maildir\nlog_path = {folder}/log\nssl = no\n"
        f"mail_uid = {owner}\nmail_gid = {pwd.getpwnam(owner).pw_gid}\n"
        "first_valid_uid = 1\nlast_valid_uid = 0\nlast_valid_gid = 0\n"
    )
    commands = [b"1 CREATE sample\r\n"]
    commands += [b"2 APPEND sample {%d+}\r\n%b\r\n" % (len(octets), octets) for octets in sample]
    commands.append(b"3 EXAMINE sample\r\n")
    commands.append(b"4 FETCH 1:* (RFC822.SIZE BODYSTRUCTURE)\r\n")
    commands.append(b"9 LOGOUT\r\n")
    said = subprocess.run(
        ["/usr/bin/doveadm", "-c", str(configuration), "exec", "imap"],
        input=b"".join(commands),
        capture_output=True,
        check=True,
        timeout=120,
        env={"USER": owner, "HOME": str(folder), "PATH": os.environ["PATH"]},
    ).stdout
    listed = said[said.index(b"3 OK") : said.rindex(b"4 OK")]
    for answer in re.split(rb"^\* \d+ FETCH ", listed, flags=re.MULTILINE)[1:]:
        yield _normal([answer])


def _normal(answers: Sequence[object]) -> bytes:
    """One line without literals' marks, white space and case, which the standard leaves open."""
    whole = flat(answers)
    whole = whole[whole.find(b"(") :].strip()
    whole = re.sub(rb"\{\d+\}", b"", whole)
    whole = re.sub(rb'[\s"\\]+', b"", whole).lower()
    return re.sub(rb"\(([a-z]{2}-[a-z]{2})\)", rb"\1", whole)  # one language, as a list or not
