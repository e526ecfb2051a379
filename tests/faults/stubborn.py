"""Mailclad whose workers say that they serve new certificates, and go on with the old ones."""

from mailclad.app.build import App
from mailclad.cli import main

App.swap = lambda self, chains: ""  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
