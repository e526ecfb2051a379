"""What stands in front of a domain in the names of hosts that are found by everybody there.

draft-ietf-mailmaint-autoconfig, MS-OXDSCLI, draft-ietf-mailmaint-pacc.  The host of policies,
which other servers ask, is :mod:`mta_sts`'s.
"""

SETTINGS_LABELS = ("autoconfig", "autodiscover", "ua-auto-config")
"""Where programs ask for settings."""

PERSONAL_LABELS = ("mail", "webmail")
"""What people type."""
