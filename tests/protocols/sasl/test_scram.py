"""SCRAM-SHA-256: the RFC's vector, our own client with both bindings, scramp as a foreign one."""

from base64 import b64decode

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from mailclad.protocols.sasl.problem import SaslProblem, SaslRefused
from mailclad.protocols.sasl.scram import (
    MESSAGE_OCTETS,
    Bindings,
    ScramServer,
    derive_keys,
)
from tests.protocols.sasl.scram_client import ScramClient

SALT = b"sixteen octets.."
KEYS = derive_keys(b"pencil", SALT, 4096)
OTHER = derive_keys(b"eraser", SALT, 4096)
BINDINGS: Bindings = {
    "tls-exporter": lambda: b"exported",
    "tls-server-end-point": lambda: b"hash of the certificate",
    "tls-unique": lambda: None,
}


def server(*, plus: bool = False, bindings: Bindings = BINDINGS) -> ScramServer:
    return ScramServer("servernonce", bindings, plus=plus)


def exchange(server: ScramServer, client: ScramClient, *keys: tuple[bytes, bytes]) -> int | None:
    server.first(client.first())
    return server.final(client.final(server.challenge(SALT, 4096)), keys)


@pytest.mark.rfc("7677", "3")
def test_the_vector_of_the_rfc() -> None:
    salt = b64decode(b"W22ZaJ0SNY7soEsUEjb6gQ==")
    keys = derive_keys(b"pencil", salt, 4096)
    scram = ScramServer("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", {}, plus=False)

    assert scram.first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == "user"
    assert scram.challenge(salt, 4096) == (
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    final = (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert scram.final(final, [keys]) == 0
    assert scram.server_final(keys[1]) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


@pytest.mark.rfc("5802", "6")
@pytest.mark.parametrize(
    ("name", "data"),
    [(b"tls-exporter", b"exported"), (b"tls-server-end-point", b"hash of the certificate")],
)
def test_plus_with_each_binding(name: bytes, data: bytes) -> None:
    client = ScramClient(b"ada", b"pencil", b"p=" + name + b",,", data)
    scram = server(plus=True)

    assert exchange(scram, client, OTHER, KEYS) == 1
    assert scram.server_final(KEYS[1]) == client.server_final


@pytest.mark.rfc("5802", "6")
@pytest.mark.parametrize(
    ("plus", "header", "binding"),
    [
        (False, b"y,,", b""),  # someone took the -PLUS names out of our list
        (True, b"y,,", b""),
        (True, b"n,,", b""),
        (False, b"p=tls-exporter,,", b"exported"),
        (True, b"p=tls-exporter,,", b"exported elsewhere"),  # relayed from another channel
        (True, b"p=tls-exporter,,", b""),
        (True, b"p=tls-unique,,", b"finished"),  # this connection has none
        (True, b"p=tls-made-up,,", b"x"),
        (False, b"n,,", b"exported"),
    ],
)
def test_downgrades_and_foreign_bindings_fail(plus: bool, header: bytes, binding: bytes) -> None:
    with pytest.raises(SaslRefused):
        exchange(server(plus=plus), ScramClient(b"ada", b"pencil", header, binding), KEYS)


def test_y_is_right_where_no_binding_is_offered() -> None:
    assert exchange(server(bindings={}), ScramClient(b"ada", b"pencil", b"y,,"), KEYS) == 0


@pytest.mark.parametrize("text", [b"bi\tws", b"biws ", b"biw", b"BIWS", b"biws====", b"Ymk="])
def test_the_binding_is_compared_as_it_must_be_written(text: bytes) -> None:
    """A decoder that skips characters would let two texts mean one binding."""
    scram, client = server(), ScramClient(b"ada", b"pencil")
    scram.first(client.first())
    final = client.final(scram.challenge(SALT, 4096))

    with pytest.raises((SaslRefused, SaslProblem)):
        scram.final(final.replace(b"c=biws", b"c=" + text), [KEYS])


def test_a_wrong_password_proves_nothing() -> None:
    assert exchange(server(), ScramClient(b"ada", b"pen"), KEYS, OTHER) is None


def test_another_nonce_is_refused() -> None:
    """The proof of one exchange is worthless in the next."""
    scram, client = server(), ScramClient(b"ada", b"pencil")
    scram.first(client.first())
    final = client.final(scram.challenge(SALT, 4096))
    for wrong in (b"clientnonce", b"clientnonceservernoncf", b"servernonce"):
        with pytest.raises(SaslRefused):
            scram.final(final.replace(b"clientnonceservernonce", wrong), [KEYS])


@pytest.mark.rfc("5802", "5.1")
def test_names_are_written_with_escapes() -> None:
    assert server().first(b"n,a=b=2Cc,n=a=3Db=2Cc,r=x") == "a=b,c"
    for broken in (b"n,,n=a=b,r=x", b"n,,n=a=,r=x", b"n,,n=a=2c,r=x", b"n,,n=,r=x"):
        with pytest.raises(SaslProblem):
            server().first(broken)


@pytest.mark.rfc("5802", "5.1")
def test_mandatory_extensions_fail_and_optional_ones_do_not() -> None:
    assert server().first(b"n,,n=ada,r=x,z=1,y=2") == "ada"
    for first in (b"n,,m=1,n=ada,r=x", b"n,,n=ada,r=x,z=1,m=1"):
        with pytest.raises(SaslRefused):
            server().first(first)
    scram, client = server(), ScramClient(b"ada", b"pencil")
    scram.first(client.first())
    final = client.final(scram.challenge(SALT, 4096))
    with pytest.raises(SaslRefused):
        scram.final(final.replace(b",p=", b",m=1,p="), [KEYS])


@pytest.mark.parametrize(
    "message",
    [
        b"", b"x,,n=a,r=x", b"n=a,r=x", b"n,,r=x,n=a", b"n,,n=a", b"n,,n=a,r=", b"n,,n=a,r=\x01",
        b"n,,n=\xff,r=x", b"n,,n=a\0,r=x", b"p=,,n=a,r=x", b"n,,n=a,r=x,zz=1",
        b"n,,n=" + b"a" * MESSAGE_OCTETS + b",r=x",
    ],
)  # fmt: skip
def test_broken_first_messages(message: bytes) -> None:
    with pytest.raises(SaslProblem):
        server().first(message)


@pytest.mark.parametrize(
    "message",
    [
        b"", b"c=biws", b"c=biws,r=clientnonceservernonce", b"r=x,c=biws,p=AAAA",
        b"c=biws,r=clientnonceservernonce,p=", b"c=biws,r=clientnonceservernonce,p=AAAA",
        b"c=biws,r=clientnonceservernonce,p=" + b"\x80" * 44,
        b"c=biws,r=clientnonceservernonce,p=" + b"A" * MESSAGE_OCTETS,
    ],
)  # fmt: skip
def test_broken_final_messages(message: bytes) -> None:
    scram = server()
    scram.first(ScramClient(b"ada", b"pencil").first())
    scram.challenge(SALT, 4096)

    with pytest.raises(SaslProblem):
        scram.final(message, [KEYS])


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_any_messages_are_refused_or_read(first: bytes, final: bytes) -> None:
    scram = server()
    try:
        scram.first(b"n,,n=a,r=" + first)
        scram.challenge(SALT, 4096)
        assert scram.final(b"c=biws,r=" + first + final, [KEYS]) is None
    except (SaslProblem, SaslRefused):
        pass


@pytest.mark.parametrize("plus", [False, True])
def test_a_foreign_client(plus: bool) -> None:
    """scramp, written by others from the same RFC."""
    name = "SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256"
    binding = ("tls-server-end-point", b"hash of the certificate") if plus else None
    peer = scramp.ScramClient([name], "ada", "pencil", channel_binding=binding)
    scram = server(plus=plus)

    assert scram.first(peer.get_client_first().encode()) == "ada"
    peer.set_server_first(scram.challenge(SALT, 4096).decode())
    assert scram.final(peer.get_client_final().encode(), [OTHER, KEYS]) == 1
    peer.set_server_final(scram.server_final(KEYS[1]).decode())
