"""A web for tests: what is at which URL is a dict; everything else does not exist."""

from collections.abc import Mapping

from mailclad.base.https import Https, HttpsProblem, Request, Response


class FakeWeb(Https):
    def __init__(self, known: Mapping[str, bytes | Response | HttpsProblem] | None = None) -> None:
        self._known = dict(known or {})
        self.asked: list[str] = []

    async def fetch(self, request: Request) -> Response:
        self.asked.append(request.url)
        found = self._known.get(request.url, HttpsProblem("nobody there"))
        if isinstance(found, HttpsProblem):
            raise found
        return Response(200, {}, found) if isinstance(found, bytes) else found


def redirect(url: str) -> Response:
    return Response(302, {"location": url}, b"")
