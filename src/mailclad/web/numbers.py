"""Numbers in paths: ``{one:number}``.

Starlette's own ``int`` takes any length, and what neither Python nor the index can hold would
end as a mistake of the server.
"""

from starlette.convertors import Convertor, register_url_convertor

DIGITS_MOST = 15
"""No row of ours has a longer number, and SQLite's integers hold it."""


class _Number(Convertor[int]):
    regex = f"[0-9]{{1,{DIGITS_MOST}}}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


def teach_numbers() -> None:
    """Before the first route that has one."""
    register_url_convertor("number", _Number())
