"""A reload is all or nothing: whatever is wrong leaves everything as it was."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailclad.app.build import prepare
from mailclad.app.certificate_state import read_state
from mailclad.app.certificates import Certificates
from mailclad.app.config import load_config, parse_config
from mailclad.app.control import Swap
from mailclad.app.installation import RunningInstallation, needs_certificate
from mailclad.app.notices import NoticeBoard
from mailclad.app.sockets import open_sockets, places
from mailclad.app.supervise import ReloadRefused
from mailclad.servers.loopback import Proof
from tests.app.served import issue
from tests.ports import free_ports

TLS = '[tls]\ncertificate = "chain.pem"\nkey = "key.pem"\n'


def write(folder: Path, port: int, *, tls: str = TLS, server: str = "", more: str = "") -> None:
    (folder / "mailclad.toml").write_text(
        f'[server]\nhostname = "localhost"\ndata = "data"\nworkers = 1\n{server}\n{tls}{more}\n'
        f'[[listen]]\nservice = "imap"\ntls = "implicit"\nport = {port}\n'
        'addresses = ["127.0.0.1"]\n'
    )


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningInstallation]:
    issue(tmp_path)
    (tmp_path / "data").mkdir()
    (port,) = free_ports(1)
    write(tmp_path, port)
    file = tmp_path / "mailclad.toml"
    config = load_config(file)
    certificates = Certificates()
    chains = certificates.start(config, int(time.time())).chains
    board = NoticeBoard(2)
    shared = prepare(config, open_sockets(config.listen, {}), chains)
    made = RunningInstallation(file, shared, board, certificates)
    yield made
    board.close()
    shared.throttle.close()
    for sock in places(made.shared.bound).values():
        sock.close()


def port_of(running: RunningInstallation) -> int:
    return running.shared.bound[0].port


def test_nothing_new_changes_no_worker_and_keeps_the_ports(running: RunningInstallation) -> None:
    before = running.shared
    reloaded = running.reload()
    reloaded.settle(True)
    assert not reloaded.workers_change
    assert running.shared.bound[0].sockets == before.bound[0].sockets
    assert running.shared.contexts is before.contexts


def test_certificates_alone_are_sent_to_running_workers(
    running: RunningInstallation, tmp_path: Path
) -> None:
    old = running.certificates.present.chains[0].chain_pem
    issue(tmp_path)
    reloaded = running.reload()
    assert not reloaded.workers_change
    assert reloaded.staged is not None
    assert reloaded.staged.swap is not None
    assert reloaded.staged.swap.certificates[0].chain_pem != old


def test_a_limit_needs_new_workers(running: RunningInstallation, tmp_path: Path) -> None:
    write(tmp_path, port_of(running), more="[limits]\nmessage_octets = 5\n")
    reloaded = running.reload()
    assert reloaded.workers_change
    reloaded.settle(True)
    assert running.shared.config.limits.message_octets == 5


def test_a_generation_that_could_not_start_is_taken_back(
    running: RunningInstallation, tmp_path: Path
) -> None:
    before = running.shared
    (port,) = free_ports(1)
    write(tmp_path, port)
    running.reload().settle(False)
    assert running.shared is before
    socket.create_server(("127.0.0.1", port)).close()  # let go of again


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"more": "[lmits]\n"}, "Did you mean limits?"),
        ({"server": 'user = "nobody"'}, "server.user: line 5: changes only with a restart"),
        ({"tls": '[tls]\ncertificate = "chain.pem"\nkey = "gone.pem"\n'}, "gone.pem is not there"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(
    running: RunningInstallation, tmp_path: Path, change: dict[str, str], said: str
) -> None:
    before = running.shared
    write(tmp_path, port_of(running), **change)
    with pytest.raises(ReloadRefused) as refused:
        running.reload()
    assert said in str(refused.value)
    assert running.shared is before


def test_a_port_that_another_program_has_refuses_the_reload(
    running: RunningInstallation, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        write(tmp_path, other.getsockname()[1])
        with pytest.raises(ReloadRefused, match="another program uses it"):
            running.reload()


def test_renewed_files_are_swapped_in_once_and_bad_ones_are_not(
    running: RunningInstallation, tmp_path: Path
) -> None:
    assert running.renewed_certificates() is None
    issue(tmp_path)
    staged = running.renewed_certificates()
    assert staged is not None
    staged.conclude(Proof())
    assert running.renewed_certificates() is None
    (tmp_path / "chain.pem").write_text("half a file")
    assert running.renewed_certificates() is None


def test_only_a_house_without_encrypted_ports_needs_no_certificate(tmp_path: Path) -> None:
    write(tmp_path, 1)
    text = (tmp_path / "mailclad.toml").read_text()
    assert needs_certificate(parse_config(text, tmp_path / "mailclad.toml"))
    lmtp = text.replace('"imap"', '"lmtp"').replace('"implicit"', '"none"')
    assert not needs_certificate(parse_config(lmtp, tmp_path / "mailclad.toml"))


def test_refuted_certificates_are_taken_back_and_not_tried_again(
    running: RunningInstallation, tmp_path: Path
) -> None:
    before = running.certificates.present
    issue(tmp_path)
    staged = running.renewed_certificates()
    assert staged is not None
    verdict = staged.conclude(Proof(refuted="imap 993 shows another certificate"))
    assert verdict.back == Swap.of(before.chains)
    assert running.certificates.present == before
    assert running.renewed_certificates() is None
    state = read_state(tmp_path / "data")
    assert state is not None
    assert [refused.reason for refused in state.refused] == ["imap 993 shows another certificate"]
    issue(tmp_path)
    staged = running.renewed_certificates()
    assert staged is not None
    staged.conclude(Proof(proven=("imap 993",)))
    state = read_state(tmp_path / "data")
    assert state is not None
    assert state.refused == ()
    assert state.served[0].proven_on == ("imap 993",)


def test_certificates_of_a_reload_that_is_given_up_may_be_tried_again(
    running: RunningInstallation, tmp_path: Path
) -> None:
    before = running.certificates.present
    issue(tmp_path)
    staged = running.reload().staged
    assert staged is not None
    assert staged.give_up().back == Swap.of(before.chains)
    assert running.renewed_certificates() is not None


def test_a_start_whose_proof_fails_has_nothing_to_go_back_to(
    running: RunningInstallation, tmp_path: Path
) -> None:
    staged = running.served_certificates()
    assert staged is not None
    assert staged.swap is None
    staged.conclude(Proof(refuted="smtp 25 shows another certificate"))
    state = read_state(tmp_path / "data")
    assert state is not None
    assert state.served[0].refuted == "smtp 25 shows another certificate"
