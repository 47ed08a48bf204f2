"""The balance weighs what the catheter has delivered, drop by drop, as closely as it says."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpsim.instruments.balance import UNDER_SHARE, water_density_mg_per_ul
from pumpsim.instruments.decay import left
from tests.instruments.usual import DAY, HOUR, MINUTE, SECOND, Lab

QUIET = {"noise": "0 mg", "evaporation": "0 mg/h"}
IN_AIR = {**QUIET, "drop": "12 uL"}


def weights(lab: Lab, count: int, every_ns: int) -> list[float]:
    seen = []
    for _ in range(count):
        lab.wait(every_ns)
        seen.append(lab.value("balance", "mass"))
    return seen


@pytest.mark.slow
def test_days_of_weight_agree_with_the_ledger_once_evaporation_is_added() -> None:
    lab = Lab()
    lab.wait(HOUR)
    lab.do("balance", kind="zero")
    start_mg, start_ns = lab.delivered_mg(), lab.now_ns
    for _ in range(5):
        lab.wait(DAY + 777 * SECOND)
        shown = lab.bench.read("balance", lab.now_ns)["mass"]
        gone_mg = 0.1 * (lab.now_ns - start_ns) / HOUR
        true_mg = lab.delivered_mg() - start_mg
        assert true_mg > 1_200
        assert shown.value + gone_mg == pytest.approx(true_mg, abs=shown.uncertainty)
        assert shown.uncertainty < 0.012 * true_mg


BALANCES = st.fixed_dictionaries(
    {
        "drop": st.sampled_from(["0 uL", "0.5 uL", "12 uL", "50 uL"]),
        "drop_jitter": st.sampled_from([0.0, 0.02, 0.15]),
        "resolution": st.sampled_from(["0.01 mg", "0.1 mg", "1 mg"]),
        "noise": st.sampled_from(["0 mg", "0.05 mg", "2 mg"]),
        "settling": st.sampled_from(["10 ms", "500 ms", "1 min"]),
        "evaporation": st.sampled_from(["0 mg/h", "0.1 mg/h", "5 mg/h"]),
    }
)


@settings(deadline=None, max_examples=40)
@given(
    balance=BALANCES,
    seed=st.integers(0, 2**32),
    waits=st.lists(st.integers(0, HOUR), min_size=1, max_size=8),
    kpa=st.integers(-10, 60),
)
def test_the_truth_lies_within_the_stated_uncertainty_of_a_stable_weight(
    balance: dict[str, str], seed: int, waits: list[int], kpa: int
) -> None:
    lab = Lab(seed, balance=balance)
    lab.wait(waits[0])
    for _ in range(60):  # a slow balance under small drops may never settle
        if lab.bench.balance.weigh(lab.now_ns).stable:
            break
        lab.wait(SECOND)
    else:
        return
    lab.do("balance", kind="zero")
    zero_mg, zero_ns = lab.delivered_mg(), lab.now_ns
    lab.act(kind="outlet_pressure", pressure=f"{kpa} kPa", ramp="20 s")
    hourly_mg = lab.section.balance.evaporation / 1e3
    for wait_ns in waits:
        lab.wait(wait_ns)
        shown = lab.bench.read("balance", lab.now_ns)["mass"]
        true_mg = lab.delivered_mg() - zero_mg - hourly_mg * (lab.now_ns - zero_ns) / HOUR
        if shown.stable:
            assert abs(shown.value - true_mg) <= shown.uncertainty + 1e-9


@pytest.mark.slow
def test_drops_fall_one_by_one_and_settle() -> None:
    lab = Lab(balance=IN_AIR)
    seen = []
    for _ in range(7_200):  # an hour: 54 uL
        lab.wait(SECOND // 2)
        seen.append(lab.bench.balance.weigh(lab.now_ns))
    masses = [shown.mass_mg for shown in seen]
    assert masses == sorted(masses)
    falls = sum(one.stable and not next_.stable for one, next_ in itertools.pairwise(seen))
    assert falls in (4, 5)
    assert masses[-1] == pytest.approx(falls * 12.0 * 0.99777, abs=1.0)


@pytest.mark.slow
def test_a_weight_is_dynamic_from_the_fall_of_a_drop_until_it_has_settled() -> None:
    lab = Lab(balance={**IN_AIR, "settling": "2 s"})
    unstable: list[float] = []
    while not unstable or not lab.bench.balance.weigh(lab.now_ns).stable:
        shown = lab.bench.balance.weigh(lab.now_ns)
        if not shown.stable:
            unstable.append(shown.mass_mg)
        assert lab.now_ns < HOUR
        lab.wait(SECOND // 10)
    assert unstable == sorted(unstable)
    assert unstable[0] < 0.5 * unstable[-1]
    assert 100 <= len(unstable) <= 200  # e**-8 of 12 mg are half a digit: 8 x 2 s


def test_drops_differ_and_each_is_the_same_whenever_it_is_asked_for() -> None:
    jittery = {**IN_AIR, "drop_jitter": 0.1, "resolution": "0.001 mg"}
    labs = [Lab(balance=jittery), Lab(balance=jittery), Lab(2, balance=jittery)]
    seen = [weights(labs[0], 60, 20 * MINUTE), weights(labs[1], 20, HOUR)]
    assert seen[0][2::3] == seen[1]
    sizes = {round(b - a, 3) for a, b in itertools.pairwise(sorted(set(seen[0])))}
    assert len(sizes) > 20
    assert weights(labs[2], 20, HOUR) != seen[1]


def test_a_submerged_tip_is_smooth_and_a_fast_flow_is_dynamic() -> None:
    lab = Lab(balance={**QUIET, "resolution": "0.001 mg"})
    lab.act(kind="outlet_pressure", pressure="12 kPa", ramp="1 s")
    lab.wait(HOUR)
    seen = weights(lab, 1_800, SECOND // 10)
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert min(steps) > 0.0
    assert max(steps) < 0.005  # 54 mg/h are 0.0015 mg in a tenth of a second
    assert not lab.bench.balance.weigh(lab.now_ns).stable  # at a microgram a digit
    coarse = Lab(balance=QUIET)
    assert coarse.bench.balance.weigh(coarse.now_ns).stable
    coarse.do("syringe", kind="inject_bolus", volume="2 mL", duration="2 min")
    coarse.wait(30 * SECOND)
    assert not coarse.bench.balance.weigh(coarse.now_ns).stable


def test_what_the_outlets_pressure_presses_out_arrives_once() -> None:
    lab = Lab(balance=QUIET)
    lab.act(kind="outlet_pressure", pressure="50 kPa", ramp="1 s")
    lab.wait(HOUR + 10 * SECOND)
    lab.do("balance", kind="zero")
    lab.act(kind="outlet_pressure", pressure="0 kPa", ramp="2 s")
    seen = weights(lab, 300, SECOND // 10)
    assert seen == sorted(seen)
    assert seen[25] == pytest.approx(50.0, abs=1.5)  # 1 uL/kPa of the catheter's compliance
    assert seen[-1] - seen[25] < 1.0


def test_only_a_tip_under_the_liquid_sucks_it_back() -> None:
    for drop, sucked_mg in (("0 uL", -27.6), ("12 uL", 0.0)):  # 1 uL/kPa above 12.4 kPa
        lab = Lab(balance={**QUIET, "drop": drop})
        lab.wait(HOUR)
        lab.do("balance", kind="zero")
        lab.act(kind="outlet_pressure", pressure="40 kPa", ramp="1 s")
        lab.wait(MINUTE)
        assert lab.value("balance", "mass") == pytest.approx(sucked_mg, abs=1.5)


def test_an_overload_is_told_until_the_beaker_is_emptied() -> None:
    lab = Lab(balance={**QUIET, "capacity": "52 g"})
    lab.do("syringe", kind="inject_bolus", volume="3 mL", duration="5 min")
    lab.wait(10 * MINUTE)
    assert lab.bench.balance.weigh(lab.now_ns).range == "over"
    before = lab.bench.save()
    with pytest.raises(ValueError, match="empty its beaker"):
        lab.do("balance", kind="zero")
    assert lab.bench.save() == before
    lab.do("balance", kind="empty")
    assert lab.bench.balance.weigh(lab.now_ns) == (0.0, True, "ok")


def test_less_than_nothing_on_the_pan_is_told() -> None:
    lab = Lab(balance=QUIET)
    lab.do("syringe", kind="inject_bolus", volume="5 mL", duration="5 min")
    lab.wait(10 * MINUTE)
    lab.do("balance", kind="zero")
    lab.do("balance", kind="empty")
    assert UNDER_SHARE * 220 < 5.0
    assert lab.bench.balance.weigh(lab.now_ns).range == "under"


def test_a_unit_it_does_not_have_is_refused() -> None:
    lab = Lab()
    lab.do("balance", kind="unit", unit="mg")
    with pytest.raises(ValueError, match="use g or mg"):
        lab.do("balance", kind="unit", unit="lb")
    assert lab.bench.settings("balance")["unit"] == "mg"


@pytest.mark.parametrize(
    ("degc", "kg_per_m3"), [(10, 999.70), (20, 998.21), (22, 997.77), (30, 995.65), (37, 993.33)]
)
def test_water_weighs_what_tables_say(degc: int, kg_per_m3: float) -> None:
    density = water_density_mg_per_ul(degc + 273.15)
    assert density * 1e3 == pytest.approx(kg_per_m3, abs=0.02)


def test_an_approach_leaves_half_after_each_half_life() -> None:
    half_life_ns = SECOND * 0.6931471805599453
    shares = [left(n * half_life_ns, SECOND) for n in (0, 1, 2, 3)]
    assert shares == pytest.approx([1, 0.5, 0.25, 0.125])
    assert left(1e9 * SECOND, SECOND) == 0.0
