"""Who a program is on an MQTT broker: daemon and bench take it from the same variables.

Never from a command line: others can read those. Whoever calls lends the environment and the means
to read a file.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

USERNAME: Final = "PUMPSIM_MQTT_USERNAME"
PASSWORD: Final = "PUMPSIM_MQTT_PASSWORD"  # noqa: S105 - the name of it, not it
PASSWORD_FILE: Final = "PUMPSIM_MQTT_PASSWORD_FILE"  # noqa: S105 - likewise
HINT: Final = f"set {USERNAME}, and {PASSWORD} or {PASSWORD_FILE}"


class Credentials(NamedTuple):
    """None is what was not given."""

    username: str | None
    password: str | None


def credentials(environment: Mapping[str, str], read: Callable[[str], str]) -> Credentials:
    """What the environment gives, a file before a value; ValueError when it cannot be read."""
    password, file = environment.get(PASSWORD), environment.get(PASSWORD_FILE)
    if file is not None:
        try:
            password = read(file).rstrip("\n")
        except (OSError, ValueError) as error:  # no such file, no UTF-8
            message = f"{PASSWORD_FILE}: {file} cannot be read: {error}"
            raise ValueError(message) from None
    return Credentials(environment.get(USERNAME), password)
