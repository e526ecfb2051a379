"""The forms of settings that programs read by themselves: one table, by name."""

from collections.abc import Callable, Mapping

from mailclad.services.client_setup.autoconfig import write_autoconfig
from mailclad.services.client_setup.autodiscover import write_autodiscover
from mailclad.services.client_setup.mobileconfig import write_mobileconfig
from mailclad.services.client_setup.pacc import write_pacc
from mailclad.services.client_setup.qr_thunderbird import write_qr_thunderbird
from mailclad.services.client_setup.settings import ClientSettings

FORMS: Mapping[str, Callable[[ClientSettings], bytes]] = {
    "autoconfig": write_autoconfig,
    "autodiscover": write_autodiscover,
    "mobileconfig": write_mobileconfig,
    "pacc": write_pacc,
    "qr": write_qr_thunderbird,
}
"""None of them holds a password."""
