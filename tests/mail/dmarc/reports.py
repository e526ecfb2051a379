"""Aggregate reports as strategies and as one that stands for many."""

# ruff: noqa: E501 - a case is one line of a table

from hypothesis import strategies as st

from mailclad.mail.dmarc.record import Alignment, Policy
from mailclad.mail.dmarc.report import (
    DkimShown,
    Override,
    PolicyShown,
    Report,
    Row,
    SpfShown,
)

ROW = Row(
    source_ip="192.0.2.1",
    count=3,
    disposition=Policy.QUARANTINE,
    dkim=True,
    spf=False,
    header_from="a.example.com",
    envelope_from="bounce.example.net",
    envelope_to="receiver.example",
    overrides=(Override("mailing_list", "a list"),),
    dkim_results=(DkimShown("example.com", "s1", "pass"), DkimShown("x.example", "s", "fail", "why")),
    spf_results=(SpfShown("bounce.example.net", "softfail"), SpfShown("h.example", "none", "helo")),
)  # fmt: skip

REPORT = Report(
    organization='Größe & <b>"Sons"</b>',
    contact="reports@receiver.example",
    report_id="2002.02.15.1",
    begin=1013662812,
    end=1013749130,
    policy=PolicyShown(
        "example.com",
        Policy.REJECT,
        Policy.QUARANTINE,
        Policy.NONE,
        Alignment.STRICT,
        Alignment.RELAXED,
        testing=True,
        failure_options="1:d",
    ),
    rows=(ROW,),
    extra_contact="https://receiver.example/",
    errors=("one", "two"),
)

_text = st.text(
    alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
    max_size=20,
).map(str.strip)
_name = st.from_regex(r"[a-z]{1,5}(\.[a-z]{1,5}){0,2}", fullmatch=True)
_word = st.sampled_from(["pass", "fail", "none", "temperror"])
_policy = st.sampled_from(Policy)

rows = st.builds(
    Row,
    source_ip=st.ip_addresses().map(str),
    count=st.integers(0, 10**12),
    disposition=_policy,
    dkim=st.booleans(),
    spf=st.booleans(),
    header_from=_name,
    envelope_from=_name | st.just(""),
    envelope_to=_name | st.just(""),
    overrides=st.lists(st.builds(Override, _word, _text), max_size=2).map(tuple),
    dkim_results=st.lists(st.builds(DkimShown, _name, _name, _word, _text), max_size=2).map(tuple),
    spf_results=st.lists(st.builds(SpfShown, _name, _word), max_size=2).map(tuple),
)
reports = st.builds(
    Report,
    organization=_text,
    contact=_text,
    report_id=_text,
    begin=st.integers(0, 10**9),
    end=st.integers(10**9, 2 * 10**9),
    policy=st.builds(
        PolicyShown,
        _name,
        _policy,
        _policy,
        st.none() | _policy,
        st.sampled_from(Alignment),
        st.sampled_from(Alignment),
        st.booleans(),
    ),
    rows=st.lists(rows, max_size=3).map(tuple),
    extra_contact=_text,
    errors=st.lists(_text, max_size=2).map(tuple),
)
