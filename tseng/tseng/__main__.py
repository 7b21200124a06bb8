"""`python -m tseng`."""

from tseng.cli import main

main()
