"""A zoo of broken mail servers, one port for each fault, and healthy ones to compare.

    from mailclad.testing.zoo import Zoo

    with Zoo() as zoo:
        zoo["expired"].port            # IMAP over TLS with a certificate that has ended
        zoo["starttls-stripped"].about

All at localhost.  Made to learn, to test a mail program, and to prove that every finding is found.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mailclad.testing.zoo.zoo import Exhibit, Zoo

__all__ = ["Exhibit", "Zoo"]


def __getattr__(name: str) -> object:
    if name in __all__:
        from mailclad.testing.zoo import zoo  # noqa: PLC0415 - its parts can be had alone

        return getattr(zoo, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
