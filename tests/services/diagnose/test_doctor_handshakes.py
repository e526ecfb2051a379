"""Programs that could not agree on encryption: one finding, people of ours first."""

from dataclasses import replace

from mailclad.services.diagnose.catalogue import misfits, tell
from mailclad.services.diagnose.doctor_handshakes import judge_failures
from mailclad.services.diagnose.found import Found, Level
from mailclad.services.tls_watch.known import UNKNOWN
from mailclad.services.tls_watch.told import Account, Group
from mailclad.store.tls_use import FailureKind
from tests.services.diagnose.test_doctor_rules import NOW

ADA = Group(
    FailureKind.OLD_VERSIONS, UNKNOWN, ("ada@example.net",), "It offers only TLS 1.0.", "", ""
)
BOB = replace(ADA, who=("bob@example.net",), sentence="It waited.", kind=FailureKind.WAITED)
STRANGER = replace(ADA, who=(), sentence="It went.")


def judged(*groups: Group) -> list[Found]:
    found = list(judge_failures(Account(groups, noise={"nmap": 9})))  # type: ignore[arg-type]
    assert [text for one in found for text in misfits(one)] == []
    return found


def test_a_person_is_watched() -> None:
    (found,) = judged(ADA)
    assert found.level is Level.WATCH
    (told,) = tell([found], NOW)
    assert told.saw == (
        "In the last day, a program of one person could not agree on encryption with this server. "
        "It offers only TLS 1.0."
    )


def test_a_stranger_is_a_note() -> None:
    (found,) = judged(STRANGER)
    assert found.level is Level.NOTE
    assert found.values["who"] == "a program of a stranger"
    (found,) = judged(STRANGER, replace(STRANGER, sentence="It left."))
    assert found.values["who"] == "2 programs of strangers"


def test_people_come_first_and_not_all_is_told() -> None:
    (found,) = judged(ADA, BOB, STRANGER, STRANGER)
    assert found.level is Level.WATCH
    (told,) = tell([found], NOW)
    assert told.saw == (
        "In the last day, programs of 2 people and 2 of strangers could not agree on encryption "
        "with this server. It offers only TLS 1.0. It waited. And 2 more."
    )


def test_scanners_and_lost_strangers_are_left_out() -> None:
    assert judged() == []
    assert judged(replace(STRANGER, kind=FailureKind.BROKEN)) == []
    assert judged(replace(STRANGER, kind=FailureKind.TLS_TOO_SOON)) == []
