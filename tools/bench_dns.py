"""A DNS server for benchmarks: the tests' stub, in a process of its own.

PYTHONPATH=. python tools/bench_dns.py PORT ZONES.json
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.dns.server import StubDns  # found from the checkout


async def main(port: int, zones: str) -> None:
    async with StubDns(json.loads(zones), address=("127.0.0.1", port)):
        print("ready", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]).read_text()))
