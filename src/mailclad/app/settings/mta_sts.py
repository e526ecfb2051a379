"""[mta_sts]: what other servers are asked to demand of this one (RFC 8461)."""

from collections.abc import Mapping

from mailclad.app.strict import Strict
from mailclad.mail.mta_sts import StsMode, StsPolicy, make_policy

_DAY = 24 * 3600
MAX_AGE: Mapping[StsMode, int] = {
    StsMode.ENFORCE: 14 * _DAY,
    StsMode.TESTING: _DAY,
    StsMode.NONE: _DAY,
}
"""How long others hold to it.  A promise that is kept for weeks protects (RFC 8461 §3.2); one that
is tried, or taken back, is to be gone tomorrow."""


class MtaStsConfig(Strict, frozen=True, kw_only=True):
    """``mode``: ``testing`` tells of trouble and changes nothing, ``enforce`` holds mail back that
    would go unencrypted or to an impostor, ``none`` takes the promise back.
    """

    mode: StsMode = StsMode.TESTING

    def policy(self, domain: str, host_name: str) -> StsPolicy:
        """What is served for a domain of ours; its mail goes to ``host_name``."""
        return make_policy(domain, self.mode, (host_name.lower(),), MAX_AGE[self.mode])
