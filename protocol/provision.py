"""How control logic is told what it controls: by the same requests a programmer sends."""

from protocol.messages import (
    BeginRefill,
    Command,
    CommitRefill,
    ConfigurationReport,
    WriteConfiguration,
)


def provision(report: ConfigurationReport) -> list[Command]:
    """The commands that make blank logic know its configuration and its last refill."""
    if report.configuration is None:
        return []
    commands: list[Command] = [
        WriteConfiguration(base_config_id=0, configuration=report.configuration)
    ]
    if report.last_refill is not None:
        commands += [BeginRefill(), CommitRefill(refill=report.last_refill)]
    return commands
