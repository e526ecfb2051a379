"""Starting the server, in order: ports, certificates, no more root, what workers share, fork.

Comes in: a checked configuration.  Whatever fails here fails before the first connection,
with a text for people.  Keys and ports that only root may have are read and opened first;
everything made in the data directory is made as the server's user.
"""

import gc
import importlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog

from mailclad.app.build import prepare
from mailclad.app.certificates import Certificates
from mailclad.app.config import Config
from mailclad.app.installation import RunningInstallation, needs_certificate
from mailclad.app.logs import configure_logs
from mailclad.app.notices import NoticeBoard
from mailclad.app.open import ensure_directory
from mailclad.app.postbox import Postbox
from mailclad.app.privileges import UserProblem, find_user, give_up_root, no_new_privileges, own
from mailclad.app.running import note_running, settings_digest
from mailclad.app.settings.listen import is_local
from mailclad.app.sockets import inherited_sockets, open_sockets
from mailclad.app.supervise import Supervisor, write_pid_file
from mailclad.engines.sqlite.certificates import read_certificates
from mailclad.engines.sqlite.connection import migrations

SLOTS_EACH = 4
"""Worker slots for each worker: three generations may still end connections at a reload."""

IMPORTED_LATE = (
    "encodings.idna",
    "importlib.readers",
    "importlib.resources.abc",
    "unicodedata",
    "jinja2.ext",
)

_log = structlog.get_logger()


def serve(file: Path, config: Config, on_ready: Callable[[], None]) -> None:
    """Run until SIGTERM; ``on_ready`` is called when every port accepts."""
    configure_logs(config.log)
    digest = settings_digest(file)
    _read_what_comes_late()  # as root: Python and we ourselves may lie where only root can read
    certificates = Certificates(read_certificates)
    now = int(time.time())
    certificates.read_files(config, now)
    bound = open_sockets(config.listen, inherited_sockets())
    write_pid_file(config.server.pid_file)
    _become_server(config)
    certificates.root_was_given_up()
    chains = certificates.start(config, now).chains if needs_certificate(config) else ()
    board = NoticeBoard(max(SLOTS_EACH * config.server.worker_count(), 2 * SLOTS_EACH))
    shared = prepare(config, bound, chains)
    gc.collect()
    gc.freeze()  # what is there now stays shared with the workers: no collection writes to it
    note_running(config.server.data, digest, datetime.now(UTC))
    installation = RunningInstallation(file, shared, board, certificates)
    Supervisor(installation, board, Postbox(config.server.data, board)).run(on_ready)


def _read_what_comes_late() -> None:
    """Files that others read on first use: once here is once for all workers."""
    for name in IMPORTED_LATE:
        importlib.import_module(name)
    migrations()


def _become_server(config: Config) -> None:
    """Give up root for good, with a data directory that is the server's."""
    user = find_user(config.server.user)
    data = config.server.data
    fresh = not data.exists()
    ensure_directory(data)
    if user is not None:
        if fresh:
            own(data, user)
        if data.stat().st_uid != user.pw_uid:
            raise UserProblem(
                f"{data} does not belong to {user.pw_name}. "
                f"Hand it over with: chown -R {user.pw_name}: {data}"
            )
        give_up_root(user)
        _warn_of_unreadable_keys(config)
    elif os.geteuid() == 0 and not all(is_local(line.addresses) for line in config.listen):
        _log.warning("running as root: set user below [server] in the configuration")
    no_new_privileges()


def _warn_of_unreadable_keys(config: Config) -> None:
    for files in config.tls.files:
        for each in (files.certificate, files.key):
            if not os.access(each, os.R_OK):
                _log.warning(
                    "a renewed certificate can only be loaded by a restart: let the server's "
                    "user read the file",
                    file=str(each),
                    user=config.server.user,
                )
