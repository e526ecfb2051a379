"""A running rspamd with a few rules of its own, and no network."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_ports

START_SECONDS = 60.0

_TEST = "JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
"""What rspamd's authors made for tests; the letter before it chooses the action."""

REJECT, ADD_HEADER, REWRITE_SUBJECT = (letter + _TEST for letter in "XYZ")

_RULES = """
rspamd_config:register_symbol{
  name = "WAIT", type = "postfilter",
  callback = function(task)
    local subject = task:get_subject() or ""
    if subject == "wait" then task:set_pre_result("soft reject", "Come back later") end
    if subject == "tidy" then
      task:set_milter_reply{
        add_headers = {["X-Seen"] = "by rspamd"}, remove_headers = {["X-Private"] = 0},
      }
    end
  end
}
"""


@dataclass(frozen=True)
class Rspamd:
    scanner: int
    milter: int


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Rspamd]:
    """Its ports; it runs until the end of the block."""
    rspamd = Rspamd(*free_ports(2))
    (folder / "rules.lua").write_text(_RULES)
    (folder / "conf").write_text(_configuration(folder, rspamd))
    user = ["-u", "_rspamd", "-g", "_rspamd"] if os.geteuid() == 0 else ["-i"]
    if os.geteuid() == 0:
        for each in (folder, *folder.parents[:2]):
            each.chmod(0o755)
        shutil.chown(folder, "_rspamd")
    command = ["rspamd", "-f", *user, "-c", str(folder / "conf")]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in (rspamd.scanner, rspamd.milter):
            _wait(child, port, folder / "log")
        yield rspamd
    finally:
        child.terminate()
        child.wait(30)


def _configuration(folder: Path, rspamd: Rspamd) -> str:
    return f"""
options {{
  pidfile = "{folder}/pid"; tempdir = "{folder}"; cache_file = "{folder}/cache";
  hs_cache_dir = "{folder}"; control_socket = "{folder}/control mode=0600";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat"; filters = "";
  disable_hyperscan = true; enable_test_patterns = true; local_addrs = []; task_timeout = 5s;
  gtube_patterns = "all";
  dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
}}
logging {{ type = "file"; filename = "{folder}/log"; level = "info"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{rspamd.scanner}"; count = 1; }}
worker "rspamd_proxy" {{
  bind_socket = "127.0.0.1:{rspamd.milter}"; count = 1; milter = yes; timeout = 10s;
  upstream "local" {{ default = yes; self_scan = yes; }}
}}
actions {{ reject = 15; add_header = 6; greylist = 4; }}
lua = "{folder}/rules.lua";
"""


def _wait(child: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        said = log.read_text()[-2000:] if log.exists() else ""
        assert child.poll() is None, f"rspamd ended: {said}"
        assert time.monotonic() < until, f"rspamd does not listen: {said}"
        time.sleep(0.05)
