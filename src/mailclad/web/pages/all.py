"""All pages for people, as routes."""

from starlette.routing import BaseRoute

from mailclad.web.assets import asset_routes
from mailclad.web.numbers import teach_numbers
from mailclad.web.pages.devices import device_routes
from mailclad.web.pages.parts import PageParts
from mailclad.web.pages.setup import setup_routes
from mailclad.web.pages.sign_in import sign_in_routes
from mailclad.web.pages.watch import watch_routes


def page_routes(parts: PageParts) -> list[BaseRoute]:
    teach_numbers()
    return [
        *asset_routes(),
        *sign_in_routes(parts),
        *watch_routes(parts),
        *device_routes(parts),
        *setup_routes(parts),
    ]
