"""Replies to one question, made with dnspython."""

import dns.message
import dns.rrset
from dns.rcode import Rcode

from mailclad.engines.dns.message import Kind, make_question
from mailclad.engines.dns.name import read_name


def name_of(text: str) -> bytes:
    name = read_name(text)
    assert name is not None
    return name


NAME = name_of("mail.example.test")
QUESTION = make_question(NAME, Kind.MX)
THEIRS = dns.message.from_wire(QUESTION)


def reply_octets(*records: str, rcode: Rcode = Rcode.NOERROR, soa: str = "") -> bytes:
    """Records as in a zone file; ``soa``: the zone of an SOA in the authority section."""
    made = dns.message.make_response(THEIRS)
    made.set_rcode(rcode)
    for record in records:
        name, ttl, rdclass, rdtype, text = record.split(maxsplit=4)
        made.answer.append(dns.rrset.from_text(name, int(ttl), rdclass, rdtype, text))
    if soa:
        made.authority = [dns.rrset.from_text(soa, 900, "IN", "SOA", ". . 1 2 3 4 500")]
    return made.to_wire()
