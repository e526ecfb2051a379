"""Queue ids as people see them."""

from hypothesis import given
from hypothesis import strategies as st

from mailclad.store.queue import QUEUE_ID_BITS, QueueId
from mailclad.store.queue_name import LETTERS, parse_queue_name, queue_name

ids = st.integers(0, 2 ** (5 * LETTERS) - 1).map(QueueId)


@given(ids)
def test_every_id_is_read_back(message: QueueId) -> None:
    name = queue_name(message)
    assert len(name) == LETTERS
    assert parse_queue_name(name) == message
    assert parse_queue_name(name.upper()) == message
    assert parse_queue_name(name.replace("0", "o").replace("1", "l")) == message


@given(ids, ids)
def test_names_sort_as_ids_do(one: QueueId, other: QueueId) -> None:
    assert (queue_name(one) < queue_name(other)) == (one < other)


@given(st.text(max_size=14))
def test_other_texts_are_no_name_or_the_name_of_something(text: str) -> None:
    found = parse_queue_name(text)
    assert found is None or parse_queue_name(queue_name(found)) == found


def test_the_last_four_count_within_a_second() -> None:
    assert queue_name(QueueId((1_796_000_000 << QUEUE_ID_BITS) + 1))[-4:] == "0001"
    assert parse_queue_name("1nt") is None
    assert parse_queue_name("u" * LETTERS) is None
