"""What a refusal means, in words for the sender: cause and remedy (RFC 3463).

In comes an answer of another server, or of our own making, that may begin with a reply code
and an enhanced status code; out come the status and two sentences.  The other server's own
words are never trusted to be an explanation: they are shown beside this.
"""

import re

from mailclad.mail.dsn import Action

_ANSWER = re.compile(r"([245])[0-9]{2}(?:[ -]([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.]))?")

_NOT_THERE = (
    "There is no such address there.",
    "Check the address for a typing error, or ask the recipient for the new one.",
)
_NO_DOMAIN = (
    "The domain behind the @ does not exist, or does not receive mail.",
    "Check the part behind the @ for a typing error.",
)
_NOT_SECURE = (
    "The recipient's mail server could not be reached over a connection proven to be secure.",
    "Tell the recipient: their mail administrator must repair its certificate or its policy.",
)
_NOT_ALLOWED = (
    "The recipient's mail server refuses this message, by its rules or as suspected spam.",
    "Read its answer; send plainer text without attachments, or write from another address.",
)

_WORDS = {
    "1.1": _NOT_THERE,
    "1.2": _NO_DOMAIN,
    "1.3": (
        "The recipient's mail server does not understand the address.",
        "Check the address for a typing error.",
    ),
    "1.6": (
        "The recipient has moved and left no new address.",
        "Ask the recipient for the new address.",
    ),
    "1.10": (
        "The domain behind the @ says that it takes no mail at all.",
        "Check the part behind the @ for a typing error.",
    ),
    "2.1": (
        "The recipient's mailbox is switched off.",
        "Reach the recipient by another way.",
    ),
    "2.2": (
        "The recipient's mailbox is full.",
        "Ask the recipient to make room, then send it again.",
    ),
    "2.3": (
        "The message is larger than the recipient may receive.",
        "Send a smaller one, or put large files where they can be fetched.",
    ),
    "3.3": (
        "The message is to arrive in time or not at all, and the next mail server cannot promise.",
        "Send it without that demand (BY with R) if it may come late.",
    ),
    "3.4": (
        "The message is larger than the recipient's mail server takes.",
        "Send a smaller one, or put large files where they can be fetched.",
    ),
    "4.1": (
        "The recipient's mail server did not answer.",
        "Send it again tomorrow; should it fail again, tell the recipient by another way.",
    ),
    "4.4": _NO_DOMAIN,
    "4.6": (
        "The message ran in a circle between mail servers.",
        "Tell your mail administrator: an alias or a forwarding leads back to itself.",
    ),
    "4.7": (
        "It could not be delivered in the time there was for it.",
        "Send it again if it still matters, or reach the recipient by another way.",
    ),
    "6.7": (
        "The recipient's mail server does not take addresses with letters beyond ASCII.",
        "Ask the recipient for an address in plain letters.",
    ),
    "7.0": _NOT_ALLOWED,
    "7.1": _NOT_ALLOWED,
    "7.4": _NOT_SECURE,
    "7.5": _NOT_SECURE,
    "7.10": _NOT_SECURE,
    "7.11": _NOT_SECURE,
    "7.30": (
        "The message asks for encryption all the way, and the recipient's mail server cannot.",
        "Send it without that demand if it may be read on the way, or by another way.",
    ),
}
_EXPIRED = "5.4.7"
"""RFC 3463 §3.5: what was tried until there was no time left."""

_UNKNOWN = (
    "The recipient's mail server refuses this message.",
    "Read its answer, and tell the recipient by another way if you cannot mend it.",
)
_DELAYED = (
    "It could not be delivered yet.",
    "You need do nothing.",
)
_DONE = {
    Action.DELIVERED: ("It was delivered.", "You need do nothing."),
    Action.RELAYED: ("The next mail server has taken it.", "You need do nothing."),
    Action.EXPANDED: ("It was handed on to several people.", "You need do nothing."),
}


def status_of(answer: str, action: Action) -> str:
    """RFC 3463's code, from the answer where it has one that fits the action."""
    kind, code = _codes(answer)
    if action is Action.FAILED and kind != "5":
        return _EXPIRED
    expected = {Action.FAILED: "5", Action.DELAYED: "4"}.get(action, "2")
    return code if code.startswith(expected) else f"{expected}.0.0"


def _codes(answer: str) -> tuple[str, str]:
    """The reply's first digit and its enhanced status code, "" where there is none."""
    found = _ANSWER.match(answer)
    return (found[1], found[2] or "") if found is not None else ("", "")


def explain(answer: str, action: Action) -> tuple[str, str]:
    """Cause and remedy."""
    if action in _DONE:
        return _DONE[action]
    kind, code = _codes(answer)
    known = _WORDS.get(code[2:])
    if action is Action.DELAYED:
        return (known or _DELAYED)[0], _DELAYED[1]
    if kind == "5":
        return known or _UNKNOWN
    cause, remedy = _WORDS[_EXPIRED[2:]]
    return (f"{known[0]}  {cause}", known[1]) if known is not None else (cause, remedy)
