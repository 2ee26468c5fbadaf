"""`python -m hub` is the command `guantong`."""

from hub.cli import main

main()
