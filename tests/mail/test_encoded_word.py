"""Words and character sets, right and wrong."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailclad.mail import encoded_word
from mailclad.mail.encoded_word import MAX_ENCODED_WORDS, decode_charset, decode_text, fold_text


@pytest.mark.rfc("2047", "8")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=\r\n =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII*EN?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=", "If you can read this yo"),
    ],
)
def test_words_are_decoded(value: bytes, text: str) -> None:
    assert decode_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"=?utf-8?b?5pel?= =?utf-8?b?5pys?=", "日本"),
        (b"=?utf-8?q?=E6=97?= =?utf-8?q?=A5?=", "日"),  # a character split in two
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        (b"=?gb2312?B?1tDOxA?=", "中文"),
        (b"x=?utf-8?q?=C3=A9?=y", "xéy"),  # not apart from its neighbours
        (b"=?utf-8?q?a b?=", "a b"),
        (b"=?unknown?q?caf=C3=A9?=", "café"),
        (b"=?x-nothing?q?caf=E9?=", "café"),
        (b"=?idna?q?xn--bcher-kva?=", "xn--bcher-kva"),
        (b"=?zlib?b?eJwDAAAAAAE=?=", "x\u0153 \u0001"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?x?abc?=", "=?utf-8?x?abc?="),
        (b"=?utf-8?q?abc", "=?utf-8?q?abc"),
        ("grüße".encode(), "grüße"),
        (b"gr\xfc\xdfe", "grüße"),
        (b" a\r\n\tb\0c ", "a b c"),
    ],
)
def test_what_senders_do_is_read(value: bytes, text: str) -> None:
    assert decode_text(value) == " ".join(text.replace("\x01", " ").split())


def test_words_beyond_the_limit_stay_as_they_are() -> None:
    text = decode_text(b" ".join([b"=?utf-8?q?a?="] * (MAX_ENCODED_WORDS + 1)))

    assert text == "a" * MAX_ENCODED_WORDS + " =?utf-8?q?a?="


def test_every_known_character_set_decodes_any_octets_to_text_that_can_be_stored() -> None:
    octets = bytes(range(256)) + b"+2AA- \xd8\x00\x00\xd8 ~{ \x1b$B \\u1234"
    for name in encoded_word._CHARSETS:
        decode_charset(octets, name).encode("utf-8")


@pytest.mark.parametrize(
    "name",
    ["punycode", "idna", "unicode_escape", "raw-unicode-escape", "zlib", "rot13", "os.path"],
)
def test_codecs_that_are_no_character_sets_are_never_used(name: str) -> None:
    assert decode_charset(b"\\u0041-x", name) == "\\u0041-x"


@given(st.binary(), st.text())
def test_no_name_and_no_octets_make_it_fail(octets: bytes, charset: str) -> None:
    decode_charset(octets, charset).encode("utf-8")


PIECES = [b"=?utf-8?q?", b"?=", b"=", b"?", b"=?x?b?", b" ", b"\n", b"a", b"\xff", b"_", b"=4"]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_a_text_is_one_line_whatever_comes(value: bytes) -> None:
    text = decode_text(value)

    assert "\n" not in text
    assert "\0" not in text
    text.encode("utf-8")


@given(st.text())
def test_folded_texts_are_composed_and_blind_to_case(text: str) -> None:
    folded = fold_text(text)

    assert unicodedata.is_normalized("NFC", folded)
    assert fold_text(unicodedata.normalize("NFD", text)) == folded
