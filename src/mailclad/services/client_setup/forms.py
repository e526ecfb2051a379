"""The forms of settings that programs read by themselves: one table, for pages and commands."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailclad.services.client_setup import autoconfig, autodiscover, mobileconfig, pacc
from mailclad.services.client_setup.qr_thunderbird import write_qr_thunderbird
from mailclad.services.client_setup.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Form:
    """``write`` makes it without a password; ``file_name`` is what a person would save it as."""

    write: Callable[[ClientSettings], bytes]
    media_type: str
    file_name: str
    words: str


FORMS: Mapping[str, Form] = {
    "autoconfig": Form(
        autoconfig.write_autoconfig,
        autoconfig.MEDIA_TYPE,
        "config-v1.1.xml",
        "Thunderbird, Evolution, K-9 Mail, Delta Chat and others",
    ),
    "autodiscover": Form(
        autodiscover.write_autodiscover,
        autodiscover.MEDIA_TYPE,
        "autodiscover.xml",
        "Outlook and some telephones",
    ),
    "mobileconfig": Form(
        mobileconfig.write_mobileconfig,
        mobileconfig.MEDIA_TYPE,
        "mail.mobileconfig",
        "Mail on iPhone, iPad and Mac",
    ),
    "pacc": Form(
        pacc.write_pacc,
        pacc.MEDIA_TYPE,
        "user-agent-configuration.json",
        "Himalaya and newer programs",
    ),
    "qr": Form(
        write_qr_thunderbird,
        "application/json",
        "thunderbird-qr.json",
        "the text of a QR code for Thunderbird on Android and K-9 Mail",
    ),
}
