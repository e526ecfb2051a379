"""That the wire is really listened to: what proves that a password was not there must hear one."""

import socket
import threading
from base64 import b64encode

import pytest

from tests.interop.island import island, needs_root
from tests.interop.wire import Wire

pytestmark = [pytest.mark.interop("ip"), needs_root]


@pytest.mark.parametrize(
    "said", [b"LOGIN ada correct-horse\r\n", b64encode(b"\0ada\0correct-horse")]
)
def test_it_hears_what_is_said(said: bytes) -> None:
    with island(), Wire() as wire, socket.create_server(("45.0.2.1", 143)) as server:
        assert not wire.look().shows("correct-horse")
        with socket.create_connection(("45.0.2.1", 143)) as client, server.accept()[0] as taken:
            answering = threading.Thread(target=taken.recv, args=(1000,))
            answering.start()
            client.sendall(said)
            answering.join()

        assert wire.look().shows("correct-horse")
        assert wire.ports == {143}
