"""`python -m hil` is `hil`."""

from hil.cli import program

program()
