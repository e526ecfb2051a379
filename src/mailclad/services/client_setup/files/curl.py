"""curl: a shell script that sends what it is given and reads the newest message."""

from shlex import quote
from urllib.parse import quote as percent_encoded

from mailclad.mail.endpoint import MailProtocol
from mailclad.services.client_setup.files import quoting
from mailclad.services.client_setup.files.choice import address_of, outgoing
from mailclad.services.client_setup.files.terminal import url
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import NotPossible, PasswordCommand, SetupFile

_SCRIPT = """\
#!/bin/sh
# Sends:  sh mail.sh send TO < MESSAGE      (MESSAGE begins with its header)
# Reads:  sh mail.sh read                   (the newest message of the inbox)
set -eu

address={address}

# The password goes to curl by a file descriptor: other users can read a command line.
mail() {{
  password=$({command}
  )
  quoted=$(printf '%s:%s' "$address" "$password" | sed 's/[\\\\"]/\\\\&/g')
  curl --silent --show-error --fail --ssl-reqd {trust}--config /dev/fd/3 "$@" 3<<END
user = "$quoted"
END
}}

case ${{1-}} in
  send) mail --mail-from "$address" --mail-rcpt "$2" --upload-file - {smtp} ;;
{read}  *) echo "sh mail.sh {usage}" >&2; exit 2 ;;
esac
"""

_READ = "  read) mail {imap} ;;\n"


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    address = address_of(settings)
    if ":" in address:
        raise NotPossible("curl ends the name at a colon: this address cannot sign in with it")
    imap = settings.best(MailProtocol.IMAP)
    trust = settings.trust_file
    text = _SCRIPT.format(
        address=quote(quoting.plain(address)),
        command=command,
        trust=f"--cacert {quote(trust)} " if trust else "",
        smtp=quote(url(outgoing(settings)) + "/" + percent_encoded(settings.domain)),
        read=_READ.format(imap=quote(url(imap) + "/INBOX;MAILINDEX=*")) if imap else "",
        usage="send TO | read" if imap else "send TO",
    )
    return (SetupFile("mail.sh", text),)
