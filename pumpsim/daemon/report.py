"""What the daemon tells a person: plain lines on standard error, each trouble once."""

import click


class Report:
    """Says a thing when it is new."""

    def __init__(self) -> None:
        """Nothing said."""
        self._last = ""

    def once(self, message: str) -> None:
        """Say it, unless it was said last."""
        if message != self._last:
            click.echo(message, err=True)
            self._last = message

    def over(self, message: str) -> None:
        """The trouble is over, which is news where it was told; should it come back, it is, too."""
        if self._last:
            click.echo(message, err=True)
            self._last = ""
