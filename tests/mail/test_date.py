"""Dates as senders write them."""

# ruff: noqa: E501 - a case is one line of a table

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.date import format_date, parse_date, parse_sent_date


def at(*when: int, hours: float = 0) -> int:
    year, month, day, hour, minute, second = when
    zone = timezone(timedelta(hours=hours))
    return int(datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp())


@pytest.mark.rfc("5322", "3.3")
@pytest.mark.rfc("5322", "4.3")
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b" Fri, 21 Nov 1997 09:55:06 -0600\r\n", at(1997, 11, 21, 9, 55, 6, hours=-6)),
        (b"Thu,\r\n 13\r\n Feb\r\n 1969\r\n 23:32\r\n -0330 (Newfoundland Time)", at(1969, 2, 13, 23, 32, 0, hours=-3.5)),
        (b"21 Nov 97 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6)),
        (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", at(1997, 11, 21, 9, 55, 6, hours=-6)),
        (b"1 Jan 49 00:00 EST", at(2049, 1, 1, 0, 0, 0, hours=-5)),
        (b"1 Jan 103 00:00:00 +0000", at(2003, 1, 1, 0, 0, 0)),
        (b"31 Dec 2016 23:59:60 +0000", at(2016, 12, 31, 23, 59, 59)),
        (b"Sat, 1 Jan 2000 00:00:00 Z", at(2000, 1, 1, 0, 0, 0)),
        (b"Sat, 1 Jan 2000 00:00:00", at(2000, 1, 1, 0, 0, 0)),
        (b"Sat, 1-January-2000 00:00:00 nowhere", at(2000, 1, 1, 0, 0, 0)),
        (b"Mon Jan  1 02:03:04 2001", at(2001, 1, 1, 2, 3, 4)),
        (b"2020-01-02T03:04:05+02:00", at(2020, 1, 2, 3, 4, 5, hours=2)),
        (b"2020-01-02 03:04:05Z", at(2020, 1, 2, 3, 4, 5)),
        (b"Tue, 31 Jun 2020 10:00:00 +0000", None),
        (b"Tue, 1 Foo 2020 10:00:00 +0000", None),
        (b"Tue, 1 Jun 2020 24:00:00 +0000", None),
        (b"1 Jan 0000 00:00:00 +0000", None),
        (b"yesterday", None),
        (b"", None),
    ],
)  # fmt: skip
def test_a_date_is_read(text: bytes, seconds: int | None) -> None:
    assert parse_date(text) == seconds


@pytest.mark.rfc("9051", "6.4.4")
@pytest.mark.parametrize("zone", [b"+1400", b"-1200", b"+0000", b"PST", b""])
def test_the_day_is_the_one_that_is_written(zone: bytes) -> None:
    for clock in (b"00:00:00", b"23:59:59"):
        found = parse_sent_date(b"Fri, 3 Nov 2023 %b %b" % (clock, zone))
        assert found is not None
        assert found.day == at(2023, 11, 3, 0, 0, 0)


DAYS = st.datetimes(datetime(1900, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


@given(DAYS)
def test_what_is_written_can_be_read(when: datetime) -> None:
    seconds = int(when.replace(microsecond=0).timestamp())

    assert parse_date(format_date(seconds)) == seconds
    assert format_date(seconds) == format_datetime(when.replace(microsecond=0)).encode()


@given(st.binary())
def test_nothing_makes_it_fail(value: bytes) -> None:
    parse_date(value)
