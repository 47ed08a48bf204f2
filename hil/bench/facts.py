"""Whom and what a run was made with: facts for a record, and the check when a run goes on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from hil.exchange import told
from hil.provenance import of_rig, versions
from hil.record import InstrumentRow
from hil.rig import Rig
from protocol import messages as m
from protocol.plain import to_plain

SHOWN: Final = 16
"""Digits of a hash that are enough to tell two apart."""


def device_facts(rig: Rig) -> dict[str, Any]:
    """Who it is, in which life, and with which configuration."""
    identity = rig.identity
    rig.dut.exchange.settle()
    return {
        "device": identity.device_id,
        "model": identity.model,
        "firmware": identity.firmware,
        "boot_id": rig.dut.exchange.boot_id,
        "configuration": configuration_hash(rig),
    }


def configuration_hash(rig: Rig) -> str:
    """Of the configuration in force; why there is none, otherwise."""
    report = rig.dut.read_configuration()
    if isinstance(report, m.Refused):
        return told(report)
    if report.configuration is None:
        return "none"
    text = json.dumps(to_plain(report.configuration), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def changes(before: dict[str, Any], now: dict[str, Any]) -> tuple[list[str], list[str]]:
    """What forbids a run to go on, and what is only to be told."""
    names = {"device": "the device", "firmware": "its firmware", "configuration": "configuration"}
    forbidden = [
        f"{what} is {str(now[name])[:SHOWN]}, and was {str(before[name])[:SHOWN]}"
        for name, what in names.items()
        if now[name] != before[name]
    ]
    rebooted = now["boot_id"] != before["boot_id"]
    told_only = [f"the device rebooted: boot {before['boot_id']}, now {now['boot_id']}"]
    return forbidden, told_only if rebooted else []


def edited(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Files that are no longer what they were: told, since a replugged port has another name."""
    return [
        f"{what} is now {words}, and was {before.get(what, 'none')}"
        for what, words in now.items()
        if words != before.get(what)
    ]


def lines(uri: str, device: dict[str, Any]) -> dict[str, str]:
    """The head of a record."""
    return {
        "device": f"{device['device']} ({device['model']})",
        "firmware": str(device["firmware"]),
        "configuration": str(device["configuration"])[:SHOWN],
        **of_rig(uri),
        **versions(),
    }


def instrument_rows(rig: Rig) -> list[InstrumentRow]:
    """What stood around the pump; a rig file tells of its calibration."""
    if rig.rows:
        return rig.rows
    make = "emulated, in process"
    if rig.save is None:
        make = "emulated, over the control API"
    return [InstrumentRow(kind, make) for kind in sorted(rig.instruments.kinds())]
