"""Node.js: nodemailer."""

from mailclad.base.tls_policy import TlsMode
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_PROGRAM = """\
// The password comes from the environment variable MAIL_PASSWORD.
const nodemailer = require("nodemailer");

const address = {address};
const transport = nodemailer.createTransport({{
  host: {host},
  port: {port},
  // true: TLS from the first byte. false means STARTTLS, and only requireTLS insists on it.
{secure}
{trust}  auth: {{ user: address, pass: process.env.MAIL_PASSWORD }},
}});

transport
  .sendMail({{
    from: {{ name: {name}, address }},
    to: {{ name: "", address }},
    subject: "It works",
    text: "Sent by nodemailer.",
  }})
  .catch((problem) => {{
    console.error(problem.message);
    process.exitCode = 1;
  }});
"""

_SECURE = {
    TlsMode.IMPLICIT: "  secure: true,",
    TlsMode.STARTTLS: "  secure: false,\n  requireTLS: true,",
}

_TRUST = '  tls: {{ ca: require("fs").readFileSync({file}) }},\n'


def write(settings: ClientSettings, _: PasswordCommand) -> tuple[SetupFile, ...]:
    """A program that sends a message to oneself."""
    endpoint = outgoing(settings)
    trust = settings.trust_file
    text = _PROGRAM.format(
        address=quoting.javascript(address_of(settings)),
        name=quoting.javascript(settings.name),
        host=quoting.javascript(endpoint.host),
        port=endpoint.port,
        secure=_SECURE[endpoint.tls],
        trust=_TRUST.format(file=quoting.javascript(trust)) if trust else "",
    )
    return (SetupFile("", text),)
