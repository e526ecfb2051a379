"""A queue id as people see it and type it back: eleven letters and digits.

Seven say the second it was queued, four count within it, in base 32 without the letters that
look like digits (I, L, O) and without U.  They sort as the ids do.
"""

from mailclad.store.queue import QueueId

LETTERS = 11
_DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)} | {"o": 0, "i": 1, "l": 1}
_BITS = 5


def queue_name(message: QueueId) -> str:
    places = range((LETTERS - 1) * _BITS, -1, -_BITS)
    return "".join([_DIGITS[message >> place & 31] for place in places])


def parse_queue_name(text: str) -> QueueId | None:
    """None where the text cannot be one; small and capital letters, and O for 0, are alike."""
    if len(text) != LETTERS:
        return None
    number = 0
    for letter in text.lower():
        value = _VALUES.get(letter)
        if value is None:
            return None
        number = number << _BITS | value
    return QueueId(number)
