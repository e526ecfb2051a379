"""Code for frameworks and scripts, run unchanged: it sends, and refuses who it cannot know."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.demo import Demo
from tests.interop.set_up import Home, demo_settings, home, unknown_ca, wrong_name
from tests.interop.stripped import stripped

pytestmark = pytest.mark.slow

SUBJECT = "It works"

Run = Callable[[Home, str], subprocess.CompletedProcess[bytes]]


def _execute(
    place: Home, *command: str | Path, given: str = "", **more: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [str(part) for part in command],
        input=given.encode(),
        capture_output=True,
        check=False,
        cwd=place.folder,
        env={**place.environment, **more},
        timeout=100,
    )


def _arrived(demo: Demo) -> int:
    return len(demo.received(f'"{SUBJECT}"', demo.ada))


def _python(place: Home, _: str) -> subprocess.CompletedProcess[bytes]:
    return _execute(place, sys.executable, place.pieces[0])


def _django(place: Home, address: str) -> subprocess.CompletedProcess[bytes]:
    place.pieces[0].rename(place.folder / "project_settings.py")
    send = f"import django.core.mail as m; m.send_mail({SUBJECT!r}, 'Hello.', None, [{address!r}])"
    return _execute(
        place, sys.executable, "-c", send,
        PYTHONPATH=str(place.folder), DJANGO_SETTINGS_MODULE="project_settings",
    )  # fmt: skip


PHPMAILER = "/usr/share/php/libphp-phpmailer/autoload.php"

WP_MAIL = """<?php
// What wp_mail() does with its hooks, and no more of WordPress.
require 'vendor/autoload.php';
$hooks = [];
function add_action($hook, $callback) { global $hooks; $hooks[$hook] = $callback; }
function add_filter($hook, $callback) { add_action($hook, $callback); }
require $argv[1];
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
$mail->setFrom($hooks['wp_mail_from']('wordpress@localhost'), 'WordPress', false);
$mail->addAddress($argv[2]);
$mail->Subject = 'It works';
$mail->Body = 'Hello.';
$mail->isMail();
$hooks['phpmailer_init']($mail);
$mail->send();
"""

PLUGIN = """<?php
// What the plug-in makes of its constants.
require 'vendor/autoload.php';
eval(file_get_contents($argv[1]));
$mail = new PHPMailer\\PHPMailer\\PHPMailer(true);
assert(WPMS_ON);
$mail->Mailer = WPMS_MAILER;
$mail->Host = WPMS_SMTP_HOST;
$mail->Port = WPMS_SMTP_PORT;
$mail->SMTPSecure = WPMS_SSL;
$mail->SMTPAutoTLS = WPMS_SMTP_AUTOTLS;
$mail->SMTPAuth = WPMS_SMTP_AUTH;
$mail->Username = WPMS_SMTP_USER;
$mail->Password = WPMS_SMTP_PASS;
$mail->setFrom(WPMS_MAIL_FROM);
$mail->addAddress($argv[2]);
$mail->Subject = 'It works';
$mail->Body = 'Hello.';
$mail->send();
"""


LARAVEL = """<?php
// What Laravel 11 makes of its .env: its default configuration's names, its mailer's Symfony.
require 'Dotenv/autoload.php';
require 'Symfony/Component/Mailer/autoload.php';
require 'Symfony/Component/Mime/autoload.php';
use Symfony\\Component\\Mailer\\Transport\\Dsn;
use Symfony\\Component\\Mailer\\Transport\\Smtp\\EsmtpTransportFactory;
$env = Dotenv\\Dotenv::createImmutable(dirname($argv[1]), basename($argv[1]))->load();
$dsn = new Dsn($env['MAIL_SCHEME'], $env['MAIL_HOST'], $env['MAIL_USERNAME'],
    getenv('MAIL_PASSWORD'), (int) $env['MAIL_PORT'], []);
$mail = (new Symfony\\Component\\Mime\\Email())->from($env['MAIL_FROM_ADDRESS'])->to($argv[2]);
(new EsmtpTransportFactory())->create($dsn)->send($mail->subject('It works')->text('Hello.'));
"""


def _php(place: Home, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    (place.folder / "vendor").mkdir()
    (place.folder / "vendor" / "autoload.php").write_text(f"<?php require '{PHPMAILER}';\n")
    return _execute(place, "php", *arguments, **more)


def _phpmailer(place: Home, _: str) -> subprocess.CompletedProcess[bytes]:
    return _php(place, place.pieces[0])


def _wordpress(place: Home, address: str) -> subprocess.CompletedProcess[bytes]:
    (place.folder / "wp-mail.php").write_text(WP_MAIL)
    return _php(place, "wp-mail.php", place.pieces[0], address)


def _nodemailer(place: Home, _: str) -> subprocess.CompletedProcess[bytes]:
    return _execute(place, "node", place.pieces[0], NODE_PATH="/usr/share/nodejs")


def _go(place: Home, _: str) -> subprocess.CompletedProcess[bytes]:
    program = place.pieces[0].rename(place.folder / "main.go")
    return _execute(place, "go", "run", program, GO111MODULE="off")


def _git(place: Home, address: str) -> subprocess.CompletedProcess[bytes]:
    for command in (
        ("git", "init", "--quiet"),
        ("git", "config", "user.name", "Ada"),
        ("git", "config", "user.email", address),
        ("git", "commit", "--quiet", "--allow-empty", "--message", SUBJECT),
        ("git", "format-patch", "--quiet", "--always", "--subject-prefix=", "--root"),
    ):
        assert _execute(place, *command).returncode == 0
    return _execute(
        place, "git", "send-email", "--confirm=never", "--suppress-cc=all", "--to", address,
        *place.folder.glob("*.patch"),
    )  # fmt: skip


def _curl(place: Home, address: str) -> subprocess.CompletedProcess[bytes]:
    letter = f"From: {address}\r\nTo: {address}\r\nSubject: {SUBJECT}\r\n\r\nHello.\r\n"
    return _execute(place, "sh", place.pieces[0], "send", address, given=letter)


def _systemd(place: Home, address: str) -> subprocess.CompletedProcess[bytes]:
    """What systemd makes of the unit: specifiers, dollars and continued lines are its own."""
    unit = place.pieces[1].read_text().replace("\\\n", " ")
    command = unit.partition("\nExecStart=")[2].replace("%%", "%").replace("$$", "$")
    assert f"MAIL_TO={address} " in unit
    (place.folder / "systemctl").write_text("#!/bin/sh\necho $0 $*\n")
    (place.folder / "systemctl").chmod(0o700)
    return _execute(
        place, *shlex.split(command), PATH=f"{place.folder}:{os.environ['PATH']}",
        MAIL_TO=address, FAILED=SUBJECT,
    )  # fmt: skip


SENDERS: dict[str, Run] = {
    "curl": _curl,
    "django": _django,
    "git-send-email": _git,
    "go": _go,
    "nodemailer": _nodemailer,
    "phpmailer": _phpmailer,
    "python": _python,
    "systemd": _systemd,
    "wordpress": _wordpress,
}

PROGRAMS = {
    "curl": ("curl",),
    "django": (),
    "git-send-email": ("git", "/usr/lib/git-core/git-send-email"),
    "go": ("go",),
    "nodemailer": ("node",),
    "phpmailer": ("php",),
    "python": (),
    "systemd": ("msmtp",),
    "wordpress": ("php",),
}

PHPMAILER_REASON = b"could not connect to smtp host"
REASONS = {"phpmailer": PHPMAILER_REASON, "wordpress": PHPMAILER_REASON}
"""PHPMailer keeps OpenSSL's words for its debugging output."""

clients = pytest.mark.parametrize(
    "client", [pytest.param(one, marks=pytest.mark.interop(*PROGRAMS[one])) for one in SENDERS]
)
ways = pytest.mark.parametrize("tls", ["implicit", "starttls"])


@clients
@ways
def test_it_sends(demo: Demo, client: str, tls: str, tmp_path: Path) -> None:
    before = _arrived(demo)
    place = home(demo, client, demo_settings(demo, tls), tmp_path)

    done = SENDERS[client](place, demo.ada)

    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
    assert _arrived(demo) == before + 1


@clients
@ways
def test_an_unknown_authority_is_refused(
    demo: Demo, client: str, tls: str, tmp_path: Path
) -> None:
    before = _arrived(demo)
    place = home(demo, client, unknown_ca(demo_settings(demo, tls)), tmp_path)

    done = SENDERS[client](place, demo.ada)

    assert done.returncode != 0
    assert REASONS.get(client, b"certificate") in (done.stdout + done.stderr).lower()
    assert _arrived(demo) == before


@clients
@ways
def test_a_wrong_name_is_refused(demo: Demo, client: str, tls: str, tmp_path: Path) -> None:
    before = _arrived(demo)
    with wrong_name(demo_settings(demo, tls)) as settings:
        done = SENDERS[client](home(demo, client, settings, tmp_path), demo.ada)

    assert done.returncode != 0, done.stdout
    assert _arrived(demo) == before


@clients
def test_without_starttls_no_password_is_sent(demo: Demo, client: str, tmp_path: Path) -> None:
    with stripped(demo_settings(demo, "starttls")) as (settings, heard):
        done = SENDERS[client](home(demo, client, settings, tmp_path), demo.ada)

    assert done.returncode != 0
    assert any(line.upper().startswith(b"EHLO") for line in heard)
    assert not any(line.upper().startswith((b"AUTH", b"MAIL")) for line in heard)


@pytest.mark.interop("php")
@ways
def test_the_constants_for_wordpress_send(demo: Demo, tls: str, tmp_path: Path) -> None:
    before = _arrived(demo)
    place = home(demo, "wordpress", unknown_ca(demo_settings(demo, tls)), tmp_path)
    (tmp_path / "plugin.php").write_text(PLUGIN)

    done = _php(place, "plugin.php", place.pieces[1], demo.ada, SSL_CERT_FILE=demo.ca)

    assert done.returncode == 0, (done.stdout, done.stderr)
    assert _arrived(demo) == before + 1


@pytest.mark.interop("php")
@pytest.mark.parametrize("trusted", [True, False])
def test_the_lines_for_laravel_send(demo: Demo, trusted: bool, tmp_path: Path) -> None:
    before = _arrived(demo)
    place = home(demo, "laravel", demo_settings(demo, "implicit"), tmp_path)
    (tmp_path / "laravel.php").write_text(LARAVEL)
    authority = {"SSL_CERT_FILE": demo.ca} if trusted else {}

    done = _php(place, "laravel.php", place.pieces[0], demo.ada, **authority)

    assert (done.returncode == 0) is trusted, (done.stdout, done.stderr)
    assert _arrived(demo) == before + trusted


@pytest.mark.interop("curl")
@ways
def test_curl_reads(demo: Demo, tls: str, tmp_path: Path) -> None:
    demo.send("unread")
    place = home(demo, "curl", demo_settings(demo, tls), tmp_path)
    assert _curl(place, demo.ada).returncode == 0

    done = _execute(place, "sh", place.pieces[0], "read")

    assert SUBJECT.encode() in done.stdout, done.stderr


@ways
def test_python_reads(demo: Demo, tls: str, tmp_path: Path) -> None:
    done = _python(home(demo, "python", demo_settings(demo, tls), tmp_path), demo.ada)

    assert SUBJECT.encode() in done.stdout, done.stderr
