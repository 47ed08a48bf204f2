"""Whose fault it is: every error of the bench says so by its type.

A refused command is none of these: it is a reply, and comes back as one.
"""


class BenchError(Exception):
    """One sentence for a person; the subclass tells where to look."""

    exit_code = 1


class LocalError(BenchError):
    """What was asked for cannot be: a bad URI, an unknown class, an impossible stimulus."""

    exit_code = 2


class PeerError(BenchError):
    """The device answered something the protocol does not allow."""

    exit_code = 3


class RigError(BenchError):
    """The rig failed: says nothing about the device's logic."""

    exit_code = 4


class LinkError(RigError):
    """A link is absent, was unplugged, or stays silent."""


class NotSafeError(RigError):
    """Something could not be made safe: a sentence for each, for whoever stands beside the rig."""

    def __init__(self, sentences: list[str]) -> None:
        """All else was made safe."""
        super().__init__("; ".join(sentences))
        self.sentences = sentences


class UncertainError(LinkError):
    """A command was sent and no reply came: whether it was carried out is not known yet (COM-09).

    Once the link is back, `Client.query_outcome(command_id)` tells; to try again give the same id
    to `Exchange.command`: it is still executed at most once.
    """

    def __init__(self, message: str, command_id: int) -> None:
        """Name the command."""
        super().__init__(f"{message}; whether command {command_id} was carried out is not known")
        self.command_id = command_id


def reason(error: Exception) -> str:
    """Why a system call failed, in the system's words and without its number."""
    return getattr(error, "strerror", None) or str(error)
