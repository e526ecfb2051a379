"""Mailclad beside Dovecot and Postfix, in one run, with the mail benchmark: `make bench`.

Comes in: the benchmark's folder (``MAILBENCH``, by default ``../shared/bench`` beside the
checkout) and arguments for its ``run compare``.  It needs root, because the peers do.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BENCHMARK = Path(os.environ.get("MAILBENCH", ROOT.parent / "shared" / "bench"))
HOME = Path(os.environ.get("MAILBENCH_HOME", "/var/cache/mailbench"))
MAIL = HOME / "mailclad"
PEERS = ("maildir", "tuned")


def benchmark(*command: str) -> None:
    environment = {**os.environ, "MAILBENCH_HOME": str(HOME)}
    subprocess.run(command, cwd=BENCHMARK, env=environment, check=True)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments.add_argument("--keep", action="store_true", help="keep the mail of the last run")
    given, compare = arguments.parse_known_args()
    if not (BENCHMARK / "run").exists():
        print(f"No benchmark at {BENCHMARK}: name its folder in MAILBENCH.", file=sys.stderr)
        return 1
    benchmark("./run", "peers", *PEERS)
    if not given.keep:
        shutil.rmtree(MAIL, ignore_errors=True)
    command = [sys.executable, str(ROOT / "tools" / "bench_target.py"), str(HOME), str(MAIL)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            line = server.stdout.readline()
            json.loads(line)
            (MAIL / "line.json").write_text(line)
            benchmark("./mailclad-target.py", str(MAIL / "line.json"))
            targets = ",".join(["mailclad", *(f"dovecot-{peer}" for peer in PEERS)])
            benchmark("./run", "compare", "--targets", targets, *(compare or ["--quick"]))
        finally:
            server.send_signal(signal.SIGTERM)
    return 0


if __name__ == "__main__":
    sys.exit(main())
