"""What a client tried before TLS where only TLS will do: noted, never decoded.

What it sent with a sign-in is not read, but whether there was anything decides if a password has
crossed the network readable.
"""

from enum import IntEnum


class InClear(IntEnum):
    """The gravest so far."""

    NOTHING = 0
    TALKED = 1
    """A command that needs no encryption: who leaves after it did not want any."""
    WANTED = 2
    """A sign-in, or what needs one; nothing secret came with it."""
    SENT = 3
    """A sign-in with an argument that holds, or may hold, a password."""
