"""What becomes of mail while a filter does not work."""

from enum import StrEnum

from mailclad.protocols.smtp.reply import Reply


class OnFailure(StrEnum):
    """The administrator's choice, for each filter."""

    ACCEPT = "accept"
    """As if the filter had nothing against it."""
    DEFER = "defer"
    """The sender is asked to come again."""


FILTER_DOWN = Reply(451, "4.7.1", "A filter does not work at the moment; try again later")
