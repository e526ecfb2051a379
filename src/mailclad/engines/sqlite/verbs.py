"""What all verbs of the embedded store are tied to: readers, and the committer."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from mailclad.engines.sqlite.committer import Committer
from mailclad.engines.sqlite.readers import Readers
from mailclad.engines.sqlite.transaction import Transaction

P = ParamSpec("P")
T = TypeVar("T")


class Verbs:
    def __init__(self, readers: Readers, committer: Committer) -> None:
        self._readers = readers
        self._committer = committer

    def _wake_queue(self) -> None:
        """This process has queued something: the store knows who waits for it."""

    async def _write(
        self,
        writer: Callable[Concatenate[Transaction, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run a writer in the next transaction; returns when that is durable."""

        def run(transaction: Transaction) -> T:
            return writer(transaction, *args, **kwargs)

        return cast("T", await self._committer.work(run))
