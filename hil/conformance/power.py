"""A device that loses its supply, or its broker, and comes back."""

from collections.abc import Callable
from functools import partial
from typing import Final

from hil.clock import Countdown
from hil.conformance import check
from hil.conformance.deeds import id_of
from hil.conformance.errors import NoEffectError
from hil.conformance.probe import ERROR_S, Probe
from hil.errors import RigError
from hil.port import Broker, LinkPort
from hil.rig import duration_ns
from protocol import messages as m

OFF_TIME: Final = "2 s"
"""The supply is off for so long; what the electronics hold in capacitors is gone then."""
BOOT_S: Final = 5.0
"""Wall time in which a device that lost its supply answers again."""


def cycle(probe: Probe) -> None:
    """The electronics lose their supply, and start anew; NoEffectError when they do not lose it."""
    broker = _broker(probe)
    if probe.rig.has_laboratory:
        probe.rig.laboratory.stimulate({"kind": "power_cycle"})
    elif broker is None:
        _switch_off_and_on(probe)
    else:  # it leaves its broker, which is no broken link
        broker.joins_anew(partial(_switch_off_and_on, probe), BOOT_S)
    _await_boot(probe)


def find_retained(probe: Probe, data: bytes) -> None:
    """The device joins its broker anew, and finds there a request it has never seen.

    An emulated pump is put back to before the request went out; any other has no supply when it
    does. NoEffectError when the device does not come back.
    """
    broker = check.given(_broker(probe), "a link by way of a broker")
    probe.later(lambda: broker.retain(b""))
    if probe.rig.has_laboratory:
        laboratory = probe.rig.laboratory
        before = laboratory.save()
        broker.retain(data)
        probe.settle()
        probe.collect()
        probe.strays.clear()
        joined = broker.joins_anew(lambda: laboratory.restore(before), BOOT_S)
    else:
        leave = partial(_switch_off_and_on, probe, lambda: broker.retain(data))
        joined = broker.joins_anew(leave, BOOT_S)
    if not joined:
        raise NoEffectError(f"{probe.port.name} did not join its broker anew")
    _await_boot(probe)
    probe.settle()


def _broker(probe: Probe) -> Broker | None:
    return probe.port.broker if isinstance(probe.port, LinkPort) else None


def _switch_off_and_on(probe: Probe, meanwhile: Callable[[], None] = lambda: None) -> None:
    """NoEffectError when the device lives on without the supply, which then stays off."""
    supply = probe.rig.instruments.supply
    supply.switch(on=False)
    probe.pass_ns(duration_ns(OFF_TIME))
    if _answers(probe):
        lives = f"{probe.port.name} still answers {OFF_TIME} after the supply was switched off"
        raise NoEffectError(f"{lives}: does it feed the device, in place of any battery?")
    meanwhile()
    supply.switch(on=True)
    probe.rig.instruments.let_go("supply")  # it feeds the device, as it did before


def _await_boot(probe: Probe) -> None:
    countdown = Countdown(BOOT_S)
    while not _answers(probe):
        if not countdown.remaining_s():
            raise RigError(f"{probe.port.name} does not answer {BOOT_S:g} s after its reset")
        probe.pass_ns(int(ERROR_S * 1e9))


def _answers(probe: Probe) -> bool:
    identify = probe.asking(m.Identify())
    probe.send(identify)
    return probe.await_reply(id_of(identify), ERROR_S) is not None
