"""Femtolitres neither come nor go, and the catheter is a row of plugs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpsim.plant import ledger as lg
from pumpsim.plant.ledger import BLOOD, FL_PER_ML, WATER, Fluid, Ledger, mix
from pumpsim.plant.properties import glycerol_ratio

FUDR = Fluid((("FUDR", 6_000_000),), 1.014)
SALINE = Fluid((("heparin", 0),), 1.014)
CATHETER_FL = 170_000_000_000


def primed() -> Ledger:
    ledger = Ledger()
    ledger.inject(CATHETER_FL, WATER)
    ledger.fill(20 * FL_PER_ML, FUDR)
    return ledger


def test_a_drug_arrives_when_the_catheter_has_passed_it_on() -> None:
    ledger = primed()
    ledger.infuse(CATHETER_FL)
    ledger.deliver(CATHETER_FL)
    assert ledger.doses_ng() == {}
    assert ledger.delivered_fl == CATHETER_FL
    ledger.infuse(FL_PER_ML)
    ledger.deliver(FL_PER_ML)
    assert ledger.doses_ng() == {"FUDR": 6_000_000}
    assert ledger.balance_fl() == 0


def test_what_is_about_to_arrive_stands_at_the_tip() -> None:
    ledger = primed()
    ledger.infuse(3 * FL_PER_ML)
    ledger.deliver(CATHETER_FL - 7)
    assert ledger.at_tip_ng(-1) == ledger.at_tip_ng(0) == ledger.at_tip_ng(7) == {}
    assert ledger.at_tip_ng(FL_PER_ML + 7) == {"FUDR": 6_000_000}
    assert ledger.at_tip_ng(9 * FL_PER_ML) == {"FUDR": 18_000_000}


def test_one_delivery_may_take_many_plugs() -> None:
    ledger = primed()
    ledger.infuse(3)
    ledger.inject(5 * FL_PER_ML, SALINE)
    ledger.infuse(2 * FL_PER_ML)
    ledger.deliver(CATHETER_FL + 3 + 5 * FL_PER_ML + FL_PER_ML)
    assert ledger.doses_ng() == {"FUDR": 6_000_000, "heparin": 0}
    assert [plug.fluid for plug in ledger.plugs] == [FUDR]
    assert ledger.balance_fl() == 0


def test_asking_for_doses_changes_nothing() -> None:
    ledger = primed()
    ledger.infuse(CATHETER_FL + 7)
    ledger.deliver(CATHETER_FL + 5)
    ledger.infuse(FL_PER_ML)
    ledger.deliver(FL_PER_ML // 2)
    before = ledger.snapshot()
    ledger.doses_ng()
    ledger.accounts()
    assert ledger.snapshot() == before


def test_what_is_spilled_gives_no_dose() -> None:
    ledger = primed()
    ledger.infuse(2 * FL_PER_ML)
    ledger.deliver(CATHETER_FL + FL_PER_ML // 2)
    ledger.spill(FL_PER_ML)
    assert ledger.doses_ng() == {"FUDR": 3_000_000}
    assert ledger.leaked_fl == FL_PER_ML
    assert ledger.balance_fl() == 0


def test_a_dose_counts_although_its_plug_is_gone_since() -> None:
    for undo in (Ledger.suck, Ledger.spill):
        ledger = primed()
        ledger.infuse(CATHETER_FL + FL_PER_ML)
        ledger.deliver(CATHETER_FL)  # the water
        ledger.deliver(FL_PER_ML // 2)
        undo(ledger, ledger.catheter_fl)
        assert not ledger.plugs
        ledger.inject(FL_PER_ML, SALINE)
        ledger.deliver(FL_PER_ML // 2)
        assert ledger.doses_ng() == {"FUDR": 3_000_000, "heparin": 0}


def test_reflux_brings_the_newest_back_and_blood_in() -> None:
    ledger = primed()
    ledger.infuse(10)
    ledger.aspirate(CATHETER_FL)
    ledger.suck(CATHETER_FL + 10)
    assert [plug.fluid for plug in ledger.plugs] == [BLOOD]
    assert ledger.reservoir_fl == 20 * FL_PER_ML + CATHETER_FL
    (name, concentration), *_ = ledger.fluid.drugs
    assert (name, concentration) == ("FUDR", round(6_000_000 * 20 / 20.17))
    assert ledger.balance_fl() == 0


def test_mixing_keeps_mass_and_the_order_has_no_part() -> None:
    other = Fluid((("morphine", 1_000), ("FUDR", 2_000_000)), 2.0)
    mixed = mix(FUDR, FL_PER_ML, other, 3 * FL_PER_ML)
    assert dict(mixed.drugs) == {"FUDR": 3_000_000, "morphine": 750}
    assert mixed == mix(other, 3 * FL_PER_ML, FUDR, FL_PER_ML)
    assert mix(FUDR, 5, other, 0) == FUDR
    assert mix(FUDR, 0, other, 5) == other


@pytest.mark.parametrize("glycerol", [0.2, 0.4, 0.6])
@pytest.mark.parametrize("share", [0.03, 0.25, 0.5, 0.75, 0.97])
def test_viscosities_mix_near_the_glycerol_table(glycerol: float, share: float) -> None:
    thick_fl = round(share * FL_PER_ML)
    mixed = mix(Fluid((), glycerol_ratio(glycerol)), thick_fl, WATER, FL_PER_ML - thick_fl)
    assert mixed.viscosity_ratio == pytest.approx(glycerol_ratio(share * glycerol), rel=0.3)


def test_a_flow_that_turns_for_ever_stays_bounded() -> None:
    ledger = primed()
    for turn in range(2 * lg.MAX_PLUGS):
        ledger.inject(1_000, Fluid((("drug", turn),)))
    assert len(ledger.plugs) == lg.MAX_PLUGS
    assert ledger.balance_fl() == 0


AMOUNTS = st.integers(min_value=0, max_value=FL_PER_ML)
FLUIDS = st.sampled_from([WATER, FUDR, SALINE, BLOOD])
MOVES = st.one_of(
    st.tuples(st.sampled_from(["fill", "inject", "fill_pocket"]), AMOUNTS, FLUIDS),
    st.tuples(st.sampled_from(["withdraw", "leak", "infuse"]), AMOUNTS),
    st.tuples(st.sampled_from(["suck", "deliver", "spill"]), AMOUNTS),
    st.tuples(st.just("aspirate"), AMOUNTS),
)


@given(st.lists(MOVES, max_size=60))
def test_any_moves_balance(moves: list[Any]) -> None:
    ledger = primed()
    for name, amount_fl, *fluid in moves:
        if name in {"withdraw", "leak", "infuse"}:
            amount_fl = min(amount_fl, ledger.reservoir_fl)
        elif name in {"suck", "deliver", "spill"}:
            amount_fl = min(amount_fl, ledger.catheter_fl - 1)
        getattr(ledger, name)(max(amount_fl, 1) if name == "aspirate" else amount_fl, *fluid)
        assert ledger.balance_fl() == 0
        assert ledger.catheter_fl == sum(plug.volume_fl for plug in ledger.plugs)
        assert all(plug.volume_fl > 0 for plug in ledger.plugs)
        assert min(value for key, value in ledger.accounts().items() if key != "balance_fl") >= 0
    assert lg.restored(ledger.snapshot()) == ledger


@given(st.lists(st.tuples(AMOUNTS, FLUIDS), min_size=1, max_size=20), AMOUNTS)
def test_no_mass_is_lost_on_the_way(injections: list[tuple[int, Fluid]], rest_fl: int) -> None:
    ledger = Ledger()
    for amount_fl, fluid in injections:
        ledger.inject(amount_fl, fluid)
    taken = min(rest_fl, ledger.catheter_fl)
    if ledger.catheter_fl > taken:
        ledger.deliver(ledger.catheter_fl - taken)
    if taken:
        ledger.deliver(taken)
    put_in = sum(v * dict(fluid.drugs).get("FUDR", 0) for v, fluid in injections)
    assert ledger.doses.get("FUDR", 0) == put_in
