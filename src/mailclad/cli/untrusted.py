"""Texts of strangers, made fit for a terminal: they must not move the cursor or turn lines."""

import unicodedata

_UNFIT = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Controls, marks that change the direction, halves of characters, foreign line ends."""

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
SHOWN_CHARACTERS = 200
"""What fits beside other words."""


def shown(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Each unfit character replaced; what is longer than ``most`` is cut."""
    fit = "".join(
        REPLACEMENT if unicodedata.category(one) in _UNFIT else one for one in text[:most]
    )
    return fit if len(text) <= most else f"{fit}…"
