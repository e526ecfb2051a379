"""A calendar that programs read: folded, escaped, with alarms at fractions of the time."""

from hypothesis import given
from hypothesis import strategies as st

from mailclad.services.certificates.calendar import LINE_OCTETS, Ends, write_calendar
from tests.services.clock import NOW


def unfolded(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def value(text: str, name: str) -> str:
    found = next(line for line in unfolded(text) if line.startswith(f"{name}:"))
    plain = found.removeprefix(f"{name}:")
    return plain.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")


def event(what: str = "ends", ends: int = NOW + 1000) -> Ends:
    return Ends("key", what, "why", NOW, ends)


def test_alarms_are_fractions_and_events_keep_their_name() -> None:
    text = write_calendar([event()], NOW)
    assert "DTSTART:20260101T001640Z" in text
    assert "TRIGGER;VALUE=DATE-TIME:20260101T001320Z" in text
    assert "TRIGGER;VALUE=DATE-TIME:20260101T001550Z" in text
    assert value(text, "UID") == value(write_calendar([event("other")], NOW + 5), "UID")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=300))
def test_any_text_is_folded_and_comes_back(what: str) -> None:
    text = write_calendar([event(what)], NOW)
    assert all(len(line.encode()) <= LINE_OCTETS for line in text.split("\r\n"))
    assert value(text, "SUMMARY") == what or "\\" in what


def test_a_line_end_begins_no_line() -> None:
    text = write_calendar([event("one\r\nATTACH:x")], NOW)
    assert "SUMMARY:one\\nATTACH:x" in unfolded(text)
