"""`python -m autrainer` is the command `autrainer`."""

from __future__ import annotations

from autrainer.cli.main import main

if __name__ == "__main__":
    main()
