"""[reports]: daily reports about TLS and DMARC, sent to others and taken from them."""

from mailclad.app.strict import Strict


class ReportsConfig(Strict, frozen=True, kw_only=True):
    """``addresses`` take reports: a local part on every domain of ours, or a whole address.

    ``contact`` is where people may ask about reports of ours, else postmaster; ``from_address``
    is their author, else the first of ``addresses``.  ``organization`` else is the domain.
    """

    send: bool = True
    organization: str = ""
    contact: str = ""
    from_address: str = ""
    addresses: tuple[str, ...] = ("dmarc", "tlsrpt")
