"""What a server says, octet by octet."""

import pytest

from mailclad.protocols.imap import responses
from mailclad.protocols.imap.commands import StatusItem
from mailclad.protocols.imap.responses import (
    Bye,
    CapabilityData,
    Condition,
    EnabledData,
    ESearchData,
    Exists,
    ExpungeData,
    FlagsData,
    IdData,
    ListData,
    NamespaceData,
    Notice,
    Recent,
    Reply,
    SearchData,
    StatusData,
    Untagged,
)


@pytest.mark.rfc("9051", "7")
@pytest.mark.parametrize(
    ("response", "octets"),
    [
        (Notice(Condition.OK, "text", "UIDNEXT 3"), "OK [UIDNEXT 3] text"),
        (Bye("gone"), "BYE gone"),
        (Bye("gone", "UNAVAILABLE"), "BYE [UNAVAILABLE] gone"),
        (CapabilityData(("IMAP4rev1", "X")), "CAPABILITY IMAP4rev1 X"),
        (EnabledData(()), "ENABLED"),
        (EnabledData(("IMAP4rev2",)), "ENABLED IMAP4rev2"),
        (IdData((("name", "Mailclad"),)), 'ID ("name" "Mailclad")'),
        (IdData(()), "ID NIL"),
        (NamespaceData(), 'NAMESPACE (("" "/")) NIL NIL'),
        (ListData("a b", ("\\HasChildren", "\\Sent")), 'LIST (\\HasChildren \\Sent) "/" "a b"'),
        (ListData("", delimiter=None), 'LIST () NIL ""'),
        (ListData("x", lsub=True), 'LSUB () "/" x'),
        (
            ListData("x", child_info=("SUBSCRIBED",), old_name="y z"),
            'LIST () "/" x ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("y z"))',
        ),
        (
            StatusData("x", {StatusItem.MESSAGES: 3, StatusItem.SIZE: 9}),
            "STATUS x (MESSAGES 3 SIZE 9)",
        ),
        (FlagsData(("\\Seen", "$x")), "FLAGS (\\Seen $x)"),
        (Exists(3), "3 EXISTS"),
        (Recent(), "0 RECENT"),
        (ExpungeData((3,)), "3 EXPUNGE"),
        (SearchData((2, 84)), "SEARCH 2 84"),
        (SearchData(()), "SEARCH"),
        (ESearchData("a1", by_uid=True, all=((1, 3), (7, 7))), 'ESEARCH (TAG "a1") UID ALL 1:3,7'),
        (
            ESearchData('a"', by_uid=False, least=1, largest=9, count=2),
            'ESEARCH (TAG "a\\"") MIN 1 MAX 9 COUNT 2',
        ),
        (ESearchData("a", by_uid=False, all=(), count=0), 'ESEARCH (TAG "a") COUNT 0'),
    ],
)
def test_untagged(response: Untagged, octets: str) -> None:
    assert response.encode(rev2=False) == f"* {octets}\r\n".encode()


def test_tagged() -> None:
    assert Reply(Condition.NO, "no such mailbox", "NONEXISTENT").encode("a") == (
        b"a NO [NONEXISTENT] no such mailbox\r\n"
    )
    assert Reply(Condition.OK, "é").encode("a") == b"a OK ?\r\n"


def test_several_expunged_at_once() -> None:
    assert ExpungeData((5, 5, 1)).encode(rev2=True) == (
        b"* 5 EXPUNGE\r\n* 5 EXPUNGE\r\n* 1 EXPUNGE\r\n"
    )


@pytest.mark.rfc("9051", "7.1")
def test_codes() -> None:
    assert responses.uid_next(3) == "UIDNEXT 3"
    assert responses.uid_validity(9) == "UIDVALIDITY 9"
    assert responses.permanent_flags(("\\Seen", "\\*")) == "PERMANENTFLAGS (\\Seen \\*)"
    assert responses.append_uid(9, (3,)) == "APPENDUID 9 3"
    assert responses.append_uid(9, (3, 4, 5)) == "APPENDUID 9 3:5"
    assert responses.copy_uid(9, (5, 1, 2), (7, 8, 9)) == "COPYUID 9 5,1:2 7:9"
