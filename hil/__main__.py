"""`python -m hil` is `hil`."""

from hil.cli import main

main(prog_name="hil")
