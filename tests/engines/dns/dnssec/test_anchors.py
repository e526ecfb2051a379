"""The root's keys are those that Debian ships (package dns-root-data, from IANA)."""

import base64
import re
from pathlib import Path

import pytest

from mailclad.engines.dns.dnssec.anchors import ROOT_ANCHORS
from mailclad.engines.dns.dnssec.records import Ds, fits, read_dnskey

DEBIAN = Path("/usr/share/dns")

pytestmark = pytest.mark.skipif(not DEBIAN.exists(), reason="dns-root-data is not installed")


def test_ds_records() -> None:
    lines = (DEBIAN / "root.ds").read_text().splitlines()
    words = [line.split()[3:] for line in lines if line]
    theirs = {Ds(int(a), int(b), int(c), bytes.fromhex(d)) for a, b, c, d in words}
    assert set(ROOT_ANCHORS) == theirs


def test_they_fit_the_keys() -> None:
    keys = re.findall(r"DNSKEY 257 3 8 (\S+)", (DEBIAN / "root.key").read_text())
    read = [read_dnskey(b"\x01\x01\x03\x08" + base64.b64decode(key)) for key in keys]
    for anchor in ROOT_ANCHORS:
        assert any(key is not None and fits(key, anchor, b"\0") for key in read)
