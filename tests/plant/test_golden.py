"""One life, one hash: on every platform and every Python (decision 0001).

The hash changes whenever the physics does; then set it anew, and say so in the commit.
"""

import hashlib
import json

from pumpsim.plant.ledger import Fluid
from pumpsim.plant.parameters import PatientParameters, PumpParameters
from pumpsim.plant.plant import Plant

SECOND_NS = 1_000_000_000
HOUR_NS = 3_600 * SECOND_NS
DAY_NS = 24 * HOUR_NS
GOLDEN = "c9fdeca264734cbb841b661d77f855fad84518eda7e91003799aa1138ab83808"


def eventful() -> Plant:
    """Six days in which something of everything happens."""
    pump = PumpParameters(restrictor_ageing_per_year=0.02, charge_loss_per_year=0.1)
    plant = Plant(pump, PatientParameters(), seed=7)
    plant.fill(0, 28_000_000, Fluid((("FUDR", 6_460_000),), 1.014))
    plant.inject_bolus(HOUR_NS + 5, 2_000_000, Fluid((("heparin", 30_000),)), 95 * SECOND_NS)
    for number, kelvin in enumerate((0.1, 0.7, 1.3)):  # overlapping
        start_ns = DAY_NS + number * 17 * SECOND_NS
        plant.warm(start_ns, [(start_ns, 0.0), (start_ns + HOUR_NS, kelvin), (2 * DAY_NS, 0.0)])
    climb_ns = DAY_NS + HOUR_NS + 11
    plant.climb(climb_ns, [(climb_ns, 0.0), (climb_ns + HOUR_NS, 2_400.0), (2 * DAY_NS, 0.0)])
    plant.set_condition(2 * DAY_NS, "catheter_extra_resistance_ratio", 0.3)
    plant.set_condition(2 * DAY_NS, "septum_leak_ml_per_day", 1.0)
    plant.fill_gas(3 * DAY_NS + 1, 500_000)
    plant.dive(
        3 * DAY_NS + 1, [(3 * DAY_NS + 1, 0.0), (3 * DAY_NS + HOUR_NS, 3e5), (4 * DAY_NS, 0)]
    )
    plant.withdraw(4 * DAY_NS)
    plant.fill(4 * DAY_NS + 300 * SECOND_NS, 20_000_000, Fluid((), 8.17))
    plant.set_condition(5 * DAY_NS, "propellant_charge_factor", 0.3)
    plant.advance(6 * DAY_NS)
    return plant


def test_a_life_has_the_same_bits_everywhere() -> None:
    plain = json.dumps(eventful().snapshot(), sort_keys=True)
    assert hashlib.sha256(plain.encode()).hexdigest() == GOLDEN
