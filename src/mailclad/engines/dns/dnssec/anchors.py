"""What all trust begins with: the keys of the root (RFC 4033 §2, RFC 7958).

Source: https://data.iana.org/root-anchors/root-anchors.xml; a test compares them with Debian's
``dns-root-data``.  A new key is published two years before it signs, so it comes with a release;
nothing is learnt from the network (no RFC 5011).
"""

from mailclad.engines.dns.dnssec.records import Ds

ROOT_ANCHORS = (
    Ds(  # in use since 2018-10-11
        20326,
        8,
        2,
        bytes.fromhex("e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"),
    ),
    Ds(  # published since 2025-01-11
        38696,
        8,
        2,
        bytes.fromhex("683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16"),
    ),
)
