"""A server's own mail, from systemd and cron: msmtp sends it."""

from mailclad.services.client_setup.files import msmtp, quoting
from mailclad.services.client_setup.files.choice import address_of
from mailclad.services.client_setup.settings import ClientSettings
from mailclad.services.client_setup.setup_file import PasswordCommand, SetupFile

_UNIT = """\
# A unit tells by mail that it failed with this line in its section [Unit]:
#   OnFailure=mail-failure@%n.service
# Cron sends what its jobs print where /usr/sbin/sendmail is msmtp (Debian: msmtp-mta)
# and the crontab begins with:
#   MAILTO={address}
[Unit]
Description=Mail about the failure of %i

[Service]
Type=oneshot
Environment=MAIL_TO={address} FAILED=%i
ExecStart=/bin/sh -c '{{ printf "To: %%s\\nSubject: %%s failed\\n\\n" "$$MAIL_TO" "$$FAILED"; \\
  systemctl --user status --full "$$FAILED"; }} | msmtp --read-recipients'
"""


def write(settings: ClientSettings, command: PasswordCommand) -> tuple[SetupFile, ...]:
    """Units of the person's own; as root the same files belong into /etc."""
    unit = _UNIT.format(address=quoting.unquoted(address_of(settings)))
    return (
        *msmtp.write_msmtp(settings, command),
        SetupFile(".config/systemd/user/mail-failure@.service", unit),
    )
