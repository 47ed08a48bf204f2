"""A rig: what a bench script sees."""

import pytest

from hil.errors import LinkError, LocalError, NotSafeError
from hil.exchange import Exchange
from hil.instruments.bench import Instruments
from hil.instruments.errors import InstrumentError
from hil.instruments.kinds import TemperatureBath
from hil.port import Item
from hil.record import Measurement
from hil.rig import Rig, duration_ns, open_rig
from protocol import messages as m
from protocol.vocabulary import Capability, RefillReason, Refusal, Sounder

HOUR_NS = 3_600 * 10**9


def test_a_fever_raises_the_flow_as_physics_says() -> None:
    with open_rig("sim:") as rig:
        flows = []
        for _ in range(2):
            status = rig.dut.status()
            assert isinstance(status, m.Status)
            assert status.status.flow_nl_per_h is not None
            flows.append(status.status.flow_nl_per_h.estimate)
            if len(flows) == 1:
                rig.laboratory.stimulate({"kind": "fever", "rise": "2 K", "duration": "1 d"})
                rig.wait("6 h")
        assert rig.clock.now_ns() == 6 * HOUR_NS == rig.laboratory.truth()["now_ns"]
    assert 1.08 < flows[1] / flows[0] < 1.18  # domain section 2: 6.2 % for each degree


def test_what_was_measured_is_on_record_with_unit_and_instant() -> None:
    with open_rig("sim:") as rig:
        rig.wait("1 h")
        rig.measure("flow", 1.3, "mL/day")
    assert rig.evidence == [Measurement("flow", 1.3, "mL/day", HOUR_NS)]


@pytest.mark.parametrize(
    "stimulus",
    [
        {"kind": "fewer"},
        {"kind": "fever", "rise": "2 mL"},
        {"kind": "fill", "volume": "31 mL", "drug": "FUDR", "concentration": "1 mg/mL"},
        {},
    ],
)
def test_an_impossible_stimulus_is_a_local_mistake_and_changes_nothing(
    stimulus: dict[str, str],
) -> None:
    with open_rig("sim:") as rig:
        before = rig.laboratory.truth()
        with pytest.raises(LocalError):
            rig.laboratory.stimulate(stimulus)
        assert rig.laboratory.truth() == before


@pytest.mark.parametrize("text", ["0 s", "-1 h", "1 mL", "soon", "1,5 h"])
def test_no_time_to_wait_is_a_local_mistake(text: str) -> None:
    with pytest.raises(LocalError):
        duration_ns(text)


class Severed:
    """A port whose line is cut."""

    name = "severed"

    def send(self, packet: m.Packet) -> None:
        raise LinkError(f"the line is cut before {type(packet.body).__name__}")

    def receive(self, timeout_s: float) -> Item | None:
        raise LinkError(f"the line is cut, no use waiting {timeout_s} s")

    def ready(self) -> bool:
        return True

    def close(self) -> None: ...


def sound_and_fail(rig: Rig) -> None:
    with rig:
        rig.dut.actuate(m.Actuate(sounder=Sounder.HIGH, patient_signal=True))
        assert rig.laboratory.truth()["actuation"]["sounder"] == Sounder.HIGH
        raise ZeroDivisionError


def lose_the_line(rig: Rig, error: type[Exception] | None) -> None:
    with rig:
        rig.dut.subscribe_samples(enabled=True)
        rig.dut.exchange = Exchange(Severed())
        if error is not None:
            raise error


def test_a_rig_is_left_safe_even_when_the_script_fails() -> None:
    rig = open_rig("sim:?bare=1")
    with pytest.raises(ZeroDivisionError):
        sound_and_fail(rig)
    assert rig.laboratory.truth()["actuation"]["sounder"] == Sounder.OFF
    assert rig.laboratory.truth()["actuation"]["patient_signal"] is False


@pytest.mark.parametrize("uri", ["sim:", "sim:?bare=1"])
def test_made_safe_a_device_sends_nothing_any_more(uri: str) -> None:
    with open_rig(uri) as rig:
        rig.dut.subscribe_samples(enabled=True)
        rig.dut.subscribe_telemetry(60_000)
        rig.wait("5 min")
        assert rig.dut.exchange.next_notice() is not None
        rig.make_safe()
        while rig.dut.exchange.next_notice() is not None:
            pass
        rig.wait("5 min")
        assert rig.dut.exchange.next_notice() is None


def test_a_failure_to_make_safe_hides_no_earlier_failure_and_is_told_with_it() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        lose_the_line(open_rig("sim:"), ZeroDivisionError)
    [sentence] = caught.value.__notes__
    assert sentence.startswith("not safe: the device was not told: the line is cut")


def test_a_failure_to_make_safe_is_told_when_all_went_well() -> None:
    with pytest.raises(NotSafeError, match="not safe: the device was not told: the line is cut"):
        lose_the_line(open_rig("sim:"), None)


def take_all(rig: Rig) -> None:
    """A bench at work."""
    rig.instruments.bath.set_temperature(40.0)
    rig.instruments.pressure.set_pressure(20.0)
    rig.instruments.supply.switch(on=True)
    rig.wait("5 h")


def set_to(rig: Rig) -> dict[str, bool]:
    """What the instruments do, as the emulator knows it."""
    assert rig.save is not None
    told = rig.save()["bench"]
    return {
        "bath": told["bath"]["circulating"],
        "pressure": told["pressure"]["regulating"],
        "supply": told["supply"]["on"],
    }


def test_made_safe_every_instrument_that_was_in_hand_lets_go() -> None:
    with open_rig("sim:") as rig:
        take_all(rig)
        assert set(set_to(rig).values()) == {True}
    assert set(set_to(rig).values()) == {False}
    truth = rig.laboratory.truth()
    assert not truth["powered"]
    assert truth["held"]["outlet"] == 0.0


def test_the_device_is_told_before_its_supply_goes() -> None:
    with open_rig("sim:") as rig:
        take_all(rig)
        rig.dut.subscribe_telemetry(60_000)
        rig.make_safe()
        assert rig.dut.telemetry == 0


def test_what_nobody_took_in_hand_stays_as_it_was_found() -> None:
    """`hil status` beside a bath that a person has set stops no bath."""
    with open_rig("sim:") as rig:
        take_all(rig)
        assert rig.save is not None
        state = rig.save()
    with open_rig("sim:", state) as again:
        assert again.instruments.kinds() >= {"bath", "pressure", "supply"}
        again.instruments.need("bath")
    assert set(set_to(again).values()) == {True}
    with open_rig("sim:", state) as other:
        other.instruments.take({"bath", "pressure", "balance", "oven"})
    assert set_to(other) == {"bath": False, "pressure": False, "supply": True}


class Stuck:
    """A bath that does not hear, until somebody looks after it."""

    def __init__(self, bath: TemperatureBath) -> None:
        self.set_temperature, self.temperature = bath.set_temperature, bath.temperature
        self.stuck, self._bath = True, bath

    def stop(self) -> None:
        if self.stuck:
            raise InstrumentError("bath at /dev/ttyUSB2", "it does not answer")
        self._bath.stop()


def test_what_could_not_be_made_safe_is_told_and_tried_again() -> None:
    with open_rig("sim:") as rig:
        bath = Stuck(rig.instruments.bath)
        there = rig.instruments
        rig.instruments = Instruments(bath=bath, pressure=there.pressure, supply=there.supply)
        take_all(rig)
        with pytest.raises(NotSafeError) as caught:
            rig.make_safe()
        sentence = "not safe: the bath was not stopped: bath at /dev/ttyUSB2: it does not answer"
        assert caught.value.sentences == [sentence]
        assert set_to(rig) == {"bath": True, "pressure": False, "supply": False}
        assert rig.instruments.in_hand() == {"bath"}
        bath.stuck = False
    assert set(set_to(rig).values()) == {False}


def test_capabilities_tell_a_bare_device_from_one_that_decides() -> None:
    with open_rig("sim:") as rig, open_rig("sim:?bare=1") as bare:
        assert Capability.CONTROL_LOGIC in rig.capabilities - bare.capabilities
        assert Capability.ACTUATION in bare.capabilities - rig.capabilities


@pytest.mark.slow
def test_every_request_has_a_method() -> None:
    """One visit to the clinic, from the first look to the last log entry."""
    done = m.Done()
    with open_rig("sim:") as rig:
        dut = rig.dut
        assert dut.identify().device_id == "demo"
        assert dut.subscribe_telemetry(3_600_000) == done
        rig.wait("8 d")
        report = dut.read_configuration()
        assert isinstance(report, m.ConfigurationReport)
        assert report.configuration is not None
        assert report.last_refill is not None
        config_id = dut.exchange.config_id
        narrower = report.configuration.model_copy(update={"tolerance_permille": 100})
        assert isinstance(dut.write_configuration(narrower, config_id), m.Done)
        stale = dut.write_configuration(narrower, config_id)
        assert stale == m.Refused(reason=Refusal.STALE_CONFIGURATION)
        assert dut.begin_refill() == done
        refill = report.last_refill.model_copy(update={"withdrawn_nl": 17_000_000})
        assert isinstance(dut.commit_refill(refill), m.Done)
        assert dut.begin_refill() == done
        again = refill.model_copy(update={"withdrawn_nl": 28_000_000})
        soon = dut.commit_refill(again, RefillReason.OTHER, 99)
        assert soon == m.Refused(reason=Refusal.REFILL_TOO_EARLY)
        assert dut.abort_refill() == done
        assert dut.begin_bolus_access("contrast", 0) == done
        assert dut.end_bolus_access(1_000_000) == done
        assert dut.set_clock(1_800_000_000) == done
        assert dut.run_self_test() == m.SelfTestReport(passed=True, failed=())
        readings = dut.read_readings()
        assert isinstance(readings, m.ReadingsReport)
        assert dut.query_outcome(1).state.name == "UNKNOWN"
        actuated = dut.actuate(m.Actuate(sounder=Sounder.OFF, patient_signal=False))
        assert isinstance(actuated, m.Refused)
        sequences = [entry.sequence for entry in dut.read_log(3)]
        assert sequences == list(range(3, 3 + len(sequences)))
        assert len(sequences) > m.MAX_LIST


def test_alarms_are_listed_acknowledged_and_paused() -> None:
    with open_rig("sim:") as rig:
        condition = {"name": "restrictor_conductance_factor", "value": 3}
        rig.laboratory.stimulate({"kind": "plant_condition", **condition})
        rig.wait("12 h")
        alarms = rig.dut.alarms()
        assert isinstance(alarms, tuple)
        alarm = alarms[0]
        paused = rig.dut.pause_audio(alarm.alarm, alarm.occurrence, 60_000)
        assert paused == m.Done()
        assert rig.dut.acknowledge_alarm(alarm.alarm, alarm.occurrence) == m.Done()
        unknown = rig.dut.acknowledge_alarm(alarm.alarm, 99)
        assert unknown == m.Refused(reason=Refusal.UNKNOWN_OCCURRENCE)
        after = rig.dut.alarms()
        assert isinstance(after, tuple)
        assert after[0].acknowledged
