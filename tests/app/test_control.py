"""Frames between supervisor and worker arrive whole, however the stream is cut."""

import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.app.control import (
    FRAME_OCTETS,
    Failed,
    FrameReader,
    Ready,
    Retire,
    Retiring,
    Said,
    Swap,
    Swapped,
    frame,
    say,
)
from mailclad.base.secret import Secret
from mailclad.services.certificates.chain import CertificateChain, KeyKind

CHAIN = CertificateChain(
    ("mail.example.org",),
    b"chain",
    Secret(b"key"),
    KeyKind.EC,
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
    "a file",
)
ALL: list[Said] = [
    Ready(),
    Failed("no"),
    Swap.of([CHAIN]),
    Swapped(),
    Retire(2.5),
    Retiring(),
]


@given(st.integers(min_value=1, max_value=60))
def test_frames_cut_anywhere_are_the_same(step: int) -> None:
    data = b"".join(frame(said) for said in ALL)
    reader = FrameReader()
    heard: list[Said] = []
    for start in range(0, len(data), step):
        heard += reader.feed(data[start : start + step])
    assert heard == ALL


def test_a_frame_that_is_too_large_is_refused_before_it_is_gathered() -> None:
    with pytest.raises(ValueError, match="octets"):
        FrameReader().feed((FRAME_OCTETS + 1).to_bytes(4, "little"))


def test_saying_to_a_dead_process_is_reported() -> None:
    here, there = socket.socketpair()
    there.close()
    assert not say(here, Ready())
    here.close()


def test_a_key_is_never_shown() -> None:
    assert "key" not in repr(Swap.of([CHAIN]))


def test_a_certificate_crosses_whole() -> None:
    (heard,) = FrameReader().feed(frame(Swap.of([CHAIN])))
    assert isinstance(heard, Swap)
    (chain,) = heard.chains()
    assert chain.key_pem.reveal() == b"key"
    assert replace(chain, key_pem=CHAIN.key_pem) == CHAIN
