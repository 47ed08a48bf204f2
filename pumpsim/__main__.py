"""`python -m pumpsim` is `pumpsim`."""

from pumpsim.cli import program

program()
