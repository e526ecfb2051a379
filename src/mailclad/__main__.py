"""``python -m mailclad``."""

from mailclad.cli import main

if __name__ == "__main__":
    main()
