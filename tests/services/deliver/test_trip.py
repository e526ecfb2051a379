"""Whatever hosts say, in whatever order, each recipient has one fate in the end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail.address import parse_address
from mailclad.protocols.smtp.client.outcome import (
    Fate,
    MessageOutcome,
    RecipientOutcome,
    Stage,
    Unsendable,
    Verdict,
)
from mailclad.services.deliver.conclusion import conclude, untold
from mailclad.services.deliver.host import deferred, refused
from mailclad.services.deliver.trip import Trip, answer_of
from mailclad.store.model import ContentId
from mailclad.store.queue import (
    Notify,
    QueuedMessage,
    QueuedRecipient,
    QueueId,
    RecipientState,
    Work,
)

NOW = 1_700_000_000
CODES = {Fate.DELIVERED: 250, Fate.DEFERRED: 450, Fate.REFUSED: 550}


def work(count: int) -> Work:
    message = QueuedMessage(
        QueueId(NOW << 20), ContentId(1), 10, 0, "id", "a@x.test", NOW + 99, NOW + 9, 0, None,
        None, None, 0, False, False, False,
    )  # fmt: skip
    recipients = tuple(
        QueuedRecipient(
            n,
            f"r{n}@peer.test",
            "peer.test",
            Notify(0),
            None,
            RecipientState.LEASED,
            NOW,
            0,
            False,
            "",
            "me",
            NOW,
        )
        for n in range(count)
    )
    return Work("peer.test", message, recipients)


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    fate = draw(st.sampled_from(Fate))
    stage = draw(st.sampled_from([Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.MESSAGE, Stage.IDLE]))
    code = draw(st.sampled_from([0, CODES[fate], 452 if fate is Fate.DEFERRED else CODES[fate]]))
    return Verdict(fate, code, f"{CODES[fate] // 100}.0.0", "text", stage)


@given(st.integers(1, 6), st.data())
def test_one_fate_each(count: int, data: st.DataObject) -> None:
    trip = Trip(work(count))
    for host in range(data.draw(st.integers(0, 4))):
        for _ in range(10):
            batch = trip.pending[: data.draw(st.integers(1, 6))]
            if not batch:
                break
            found = [
                RecipientOutcome(parse_address(r.address), data.draw(verdicts())) for r in batch
            ]
            unsendable = data.draw(st.sampled_from([None, Unsendable.REQUIRETLS]))
            before = len(trip.pending)
            more = trip.take(batch, MessageOutcome(tuple(found), unsendable), f"h{host}")
            if not more:
                break
            # Asking the same host again makes sense only where somebody was taken.
            assert len(trip.pending) < before or unsendable is not None
    trip.end()
    assert trip.pending == []
    assert sorted(one.recipient.number for one in trip.fated) == list(range(count))
    conclusion = conclude(trip, NOW, lambda: 0.5)
    assert len(conclusion.settlement.results) == len(conclusion.traces) == count
    for result in conclusion.settlement.results:
        assert result.state is not RecipientState.WAITING or result.next_attempt > NOW


def test_what_we_found_out_is_not_put_into_a_servers_mouth() -> None:
    trip = Trip(work(2))
    ours = Verdict(Fate.REFUSED, 0, "5.3.4", "too large for the server", Stage.MAIL)
    theirs = Verdict(Fate.REFUSED, 550, "5.1.1", "who?", Stage.RCPT)
    addresses = [parse_address(one.address) for one in trip.pending]
    pairs = zip(addresses, (ours, theirs), strict=True)
    outcome = MessageOutcome(tuple(RecipientOutcome(*pair) for pair in pairs))
    trip.take(trip.pending, outcome, "mx.peer.test")
    conclusion = conclude(trip, NOW, lambda: 0.5)
    assert [event.remote for event in conclusion.events] == ["", "mx.peer.test"]
    assert [event.text for event in conclusion.traces] == [
        "not delivered, this server found: 550 5.3.4 too large for the server",
        "not delivered, mx.peer.test said: 550 5.1.1 who?",
    ]


def test_a_delay_that_could_not_be_told_of_is_told_the_next_time() -> None:
    trip = Trip(work(1))
    trip.failed(deferred("4.4.1", "no answer"))
    trip.end()
    late = conclude(trip, NOW + 10, lambda: 0.5)
    assert [one.warned for one in late.settlement.results] == [True]
    assert [one.warned for one in untold(late, NOW + 10).settlement.results] == [False]
    assert len(untold(late, NOW + 10).traces) == 1


@given(st.permutations([deferred("4.4.1", "a"), refused("5.4.4", "b"), refused("5.1.2", "c")]))
def test_a_delay_counts_more_than_a_refusal(order: list[Verdict]) -> None:
    trip = Trip(work(1))
    for verdict in order:
        trip.failed(verdict)
    trip.end()
    assert trip.fated[0].verdict.status == "4.4.1"


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (refused("5.4.6", "in a\ncircle"), "550 5.4.6 in a circle"),
        (deferred("4.4.1", "no answer"), "451 4.4.1 no answer"),
        (Verdict(Fate.DELIVERED, 250, "2.0.0", "ok", Stage.MESSAGE), "250 2.0.0 ok"),
        (Verdict(Fate.DELIVERED, 250, "2.0.0", "", Stage.MESSAGE), "250 2.0.0"),
    ],
)
def test_answers_begin_with_a_code(verdict: Verdict, text: str) -> None:
    assert answer_of(verdict) == text
