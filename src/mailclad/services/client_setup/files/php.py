"""PHP: PHPMailer by itself, and WordPress, which has it inside."""

from mailclad.base.tls_policy import TlsMode
from mailclad.mail.endpoint import Endpoint
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, PasswordCommand, SetupFile

_WORDS = {TlsMode.IMPLICIT: "ssl", TlsMode.STARTTLS: "tls"}
"""Of PHPMailer, and so of everything that is built on it."""

_PHPMAILER = """\
<?php
// The password comes from the environment variable MAIL_PASSWORD.
use PHPMailer\\PHPMailer\\PHPMailer;

require 'vendor/autoload.php';

$mail = new PHPMailer(true);
{connection}
$mail->setFrom({address}, {name});
$mail->addAddress({address});
$mail->Subject = 'It works';
$mail->Body = 'Sent by PHPMailer.';
$mail->send();
"""

_CONNECTION = """\
$mail->isSMTP();
$mail->CharSet = PHPMailer::CHARSET_UTF8;
$mail->Host = {host};
$mail->Port = {port};
// PHPMailer's word "tls" means STARTTLS; "ssl" means TLS from the first byte.
$mail->SMTPSecure = {secure};
$mail->SMTPAuth = true;
$mail->Username = {address};
$mail->Password = getenv('MAIL_PASSWORD');"""

_TRUST = "\n$mail->SMTPOptions = ['ssl' => ['cafile' => {file}]];"

_MUST_USE = """\
<?php
/*
Plugin Name: Outgoing mail
Description: WordPress sends by your mail server. Needs no other plug-in for mail.

The password comes from the environment variable MAIL_PASSWORD.
*/
use PHPMailer\\PHPMailer\\PHPMailer;

add_action('phpmailer_init', function ($mail) {{
{connection}
}});
add_filter('wp_mail_from', function () {{ return {address}; }});
"""

_CONSTANTS = """\
// Lines for wp-config.php, with the plug-in WP Mail SMTP.
// The password comes from the environment variable MAIL_PASSWORD.
define('WPMS_ON', true);
define('WPMS_MAILER', 'smtp');
define('WPMS_MAIL_FROM', {address});
define('WPMS_MAIL_FROM_FORCE', true);
define('WPMS_SMTP_HOST', {host});
define('WPMS_SMTP_PORT', {port});
// The plug-in's word 'tls' means STARTTLS; 'ssl' means TLS from the first byte.
define('WPMS_SSL', {secure});
define('WPMS_SMTP_AUTOTLS', true);
define('WPMS_SMTP_AUTH', true);
define('WPMS_SMTP_USER', {address});
define('WPMS_SMTP_PASS', getenv('MAIL_PASSWORD'));
"""


def write_phpmailer(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """A program that sends a message to oneself."""
    text = _PHPMAILER.format(
        connection=_connection(settings, outgoing(settings)),
        address=quoting.php(address_of(settings)),
        name=quoting.php(settings.name),
    )
    return (SetupFile("", text),)


def write_wordpress(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """Without a plug-in, by a file in the site's folder; then for the plug-in most used."""
    endpoint = outgoing(settings)
    lines = _connection(settings, endpoint).replace("\n", "\n    ")
    text = _MUST_USE.format(connection=f"    {lines}", address=quoting.php(address_of(settings)))
    alone = SetupFile("wp-content/mu-plugins/outgoing-mail.php", text)
    if settings.trust_file:
        return (alone,)  # the plug-in has no constant for it
    return alone, SetupFile("", _CONSTANTS.format(**_values(settings, endpoint)))


def _connection(settings: ClientSettings, endpoint: Endpoint) -> str:
    text = _CONNECTION.format(**_values(settings, endpoint))
    if settings.trust_file:
        text += _TRUST.format(file=quoting.php(settings.trust_file))
    return text


def _values(settings: ClientSettings, endpoint: Endpoint) -> dict[str, object]:
    address = address_of(settings)
    if not address.isascii():
        raise NotPossible("PHPMailer cannot sign in with an address that is not ASCII")
    return {
        "host": quoting.php(endpoint.host),
        "port": endpoint.port,
        "secure": quoting.php(_WORDS[endpoint.tls]),
        "address": quoting.php(address),
    }
