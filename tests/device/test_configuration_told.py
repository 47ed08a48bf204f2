"""Every header tells the configuration that the logic goes by (FLW-07)."""

import json

from protocol import messages as m
from protocol.vocabulary import ResetCause
from pumpsim import snapshot
from pumpsim.device import Device
from tests.device.test_device import Programmer, make, stimulus

SEEDS = range(1, 6)
OPERATIONS = 16
"""More than a write takes."""


def told_by(packet: m.Packet) -> tuple[int, int]:
    """The life and the configuration in a packet's header."""
    assert isinstance(packet.header, m.ReplyHeader | m.NoticeHeader)
    return packet.header.boot_id, packet.header.config_id


def used(device: Device) -> tuple[int, m.Configuration | None]:
    """What the header of a report tells, and the configuration in it."""
    programmer = Programmer(device, "reader")
    device.receive(device.now_ns, "reader", programmer.session.ask(m.ReadConfiguration()))
    (packet,) = programmer.collect()
    device.detach("reader")
    assert isinstance(packet.body, m.ConfigurationReport)
    return told_by(packet)[1], packet.body.configuration


def slower(device: Device) -> m.Configuration:
    configuration = used(device)[1]
    assert configuration is not None
    return configuration.model_copy(update={"nominal_flow_nl_per_h": 40_000})


def test_a_power_cut_at_any_operation_of_a_write_leaves_headers_true() -> None:
    """FLW-07, COM-08, COM-09: kept or not, each life and the reply tell what it goes by."""
    ends = set()
    for seed in SEEDS:
        for number in range(1, OPERATIONS + 1):
            device = make(seed=seed)
            programmer = Programmer(device)
            programmer.open()
            old, new = used(device)[1], slower(device)
            fault = device.stimulate(0, stimulus("memory_fault", cut_in=number))["fault"]
            reply = programmer.command(m.WriteConfiguration(base_config_id=1, configuration=new))
            assert not isinstance(reply, m.Done) or reply == m.Done(reference=2)
            cut = device.effects.instants[fault] is not None
            told, configuration = used(device)
            assert configuration == (old if told == 1 else new)
            lives = {told_by(packet) for packet in programmer.notices}
            assert {life for life in lives if life[0] == 2} == ({(2, told)} if cut else set())
            assert used(restored(device)) == (told, configuration)
            ends.add((cut, isinstance(reply, m.Done), told))
    assert ends == {(False, True, 2), (True, False, 1), (True, True, 2)}


def restored(device: Device) -> Device:
    return snapshot.restore(device.pump, json.loads(json.dumps(snapshot.take(device))))


def test_the_number_outlives_a_reset_and_is_told_from_the_first_word_on() -> None:
    """FLW-07: the notice of the boot, too, is of the configuration that was taken up."""
    device = make()
    programmer = Programmer(device)
    programmer.open()
    write = m.WriteConfiguration(base_config_id=1, configuration=slower(device))
    assert programmer.command(write) == m.Done(reference=2)
    device.reset(10**9, ResetCause.POWER_ON)
    programmer.collect()
    (booted,) = (p for p in programmer.notices if isinstance(p.body, m.Booted))
    assert told_by(booted) == (2, 2)
    assert used(device)[0] == 2


def test_without_a_configuration_in_force_the_number_is_0() -> None:
    """FLW-07: a bare device, and logic that never boots, go by none."""
    bare = make("bare")
    assert bare.config_id == 0
    dead = make("tests.device.broken_logic:Unbootable")
    assert dead.config_id == 0
    assert dead.beliefs is None
