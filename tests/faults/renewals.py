"""Certificates that change on every port while connections stand and mail comes in.

with holding(house, count) as held:  ... renew(house) ...; for each in held: each.lives_on()
"""

import contextlib
import itertools
from collections.abc import Iterator

from mailclad.app.certificate_state import read_state
from tests.app.served import issue
from tests.faults.client import Client
from tests.faults.serving import House, wait_until


@contextlib.contextmanager
def holding(house: House, count: int) -> Iterator[list[Client]]:
    """So many connections under TLS, spread over all encrypted ports."""
    with contextlib.ExitStack() as stack:
        held: list[Client] = []
        ports = itertools.cycle([place for place in house.ports if place[1] != "none"])
        for service, tls in itertools.islice(ports, count):
            client = stack.enter_context(Client(house, service, tls))
            held.append(
                client.hello() if tls == "implicit" else client.hello().start_tls().hello()
            )
        yield held


def renew(house: House) -> None:
    """Put new files in the old ones' place, and return when every port has shown them."""
    before = _proven(house)
    issue(house.folder)
    wait_until(lambda: _proven(house) not in {"", before}, "the new one is not proven")


def _proven(house: House) -> str:
    """The fingerprint of what every port has shown, or empty."""
    state = read_state(house.data)
    if state is None or state.served[0].proven_at is None:
        return ""
    return state.served[0].fingerprint
