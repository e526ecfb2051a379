"""The rules about a port as such, in their order, and what each makes superfluous."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailclad.services.diagnose.found import Found
from mailclad.services.diagnose.rules import modes, reach, tls
from mailclad.services.diagnose.rules.case import Case, Door

Judge = Callable[[Door, Case], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class DoorRule:
    """``ends``: nothing more is to be said of a port of which this was found."""

    code: str
    judge: Judge
    ends: bool = False


DOOR_RULES: tuple[DoorRule, ...] = (
    DoorRule("C44", reach.turned_away, ends=True),
    DoorRule("C28c", reach.wrong_service, ends=True),
    DoorRule("C28a", modes.words_instead_of_tls, ends=True),
    DoorRule("C28b", modes.tls_instead_of_words),
    DoorRule("C43", modes.says_nothing, ends=True),
    DoorRule("C27", modes.old_port_open),
    DoorRule("C27", modes.no_upgrade, ends=True),
    DoorRule("C41", modes.sign_in_before_tls),
    DoorRule("C41", modes.injected),
    DoorRule("C31", tls.wrong_alpn),
    DoorRule("C32", tls.personal_certificate, ends=True),
    DoorRule("C25", tls.old_versions),
    DoorRule("C22", tls.without_name),
    DoorRule("C26", tls.no_common_suite, ends=True),
    DoorRule("C26", tls.no_forward_secrecy),
    DoorRule("C26", tls.no_handshake, ends=True),
    DoorRule("C44", tls.no_talk),
)

NO_MAIL_HERE = frozenset({"CONN-104", "CONN-108"})
"""Where one of these was found, the certificate does not matter."""


def judge_door(door: Door, case: Case) -> Iterator[Found]:
    for rule in DOOR_RULES:
        found = list(rule.judge(door, case))
        yield from found
        if found and rule.ends:
            return
