"""Vapour pressure of the propellants: what the reservoir's pressure must agree with."""

from typing import Final

from protocol.messages import Configuration
from protocol.vocabulary import Propellant

COLDEST_MK: Final = 283_150
HOTTEST_MK: Final = 323_150
VAPOUR_PRESSURE_PA: Final = {
    Propellant.N_BUTANE: (
        148_530, 153_772, 159_157, 164_686, 170_363, 176_189, 182_169, 188_304, 194_597,
        201_050, 207_667, 214_449, 221_401, 228_523, 235_820, 243_293, 250_946, 258_782,
        266_802, 275_010, 283_408, 292_000, 300_788, 309_774, 318_962, 328_355, 337_955,
        347_766, 357_789, 368_028, 378_485, 389_164, 400_067, 411_198, 422_558, 434_151,
        445_980, 458_047, 470_356, 482_909, 495_709,
    ),
    Propellant.ISOBUTANE: (
        220_759, 228_049, 235_521, 243_179, 251_026, 259_065, 267_299, 275_730, 284_362,
        293_197, 302_239, 311_491, 320_956, 330_636, 340_535, 350_657, 361_003, 371_577,
        382_382, 393_421, 404_697, 416_214, 427_973, 439_980, 452_236, 464_744, 477_508,
        490_531, 503_816, 517_366, 531_184, 545_273, 559_636, 574_277, 589_198, 604_402,
        619_893, 635_674, 651_748, 668_117, 684_785,
    ),
    Propellant.R_11: (
        60_695, 63_128, 65_638, 68_226, 70_895, 73_645, 76_479, 79_399, 82_406,
        85_502, 88_688, 91_968, 95_342, 98_812, 102_381, 106_050, 109_821, 113_696,
        117_677, 121_765, 125_964, 130_274, 134_699, 139_239, 143_897, 148_674, 153_574,
        158_597, 163_747, 169_025, 174_432, 179_972, 185_647, 191_458, 197_407, 203_497,
        209_730, 216_108, 222_633, 229_308, 236_134,
    ),
    Propellant.R_114: (
        128_647, 133_355, 138_196, 143_173, 148_287, 153_543, 158_941, 164_485, 170_178,
        176_022, 182_019, 188_172, 194_484, 200_958, 207_596, 214_400, 221_375, 228_521,
        235_843, 243_342, 251_022, 258_885, 266_933, 275_171, 283_600, 292_224, 301_044,
        310_065, 319_288, 328_717, 338_354, 348_202, 358_265, 368_544, 379_043, 389_764,
        400_711, 411_885, 423_291, 434_931, 446_808,
    ),
    Propellant.R_123: (
        50_580, 52_735, 54_963, 57_266, 59_644, 62_101, 64_637, 67_255, 69_957,
        72_744, 75_618, 78_581, 81_636, 84_783, 88_025, 91_365, 94_803, 98_342,
        101_984, 105_732, 109_586, 113_549, 117_624, 121_812, 126_115, 130_537, 135_078,
        139_740, 144_528, 149_441, 154_483, 159_656, 164_961, 170_402, 175_981, 181_699,
        187_560, 193_565, 199_717, 206_017, 212_469,
    ),
    Propellant.PERFLUOROBUTANE: (
        160_515, 166_385, 172_419, 178_621, 184_993, 191_540, 198_265, 205_169, 212_257,
        219_531, 226_996, 234_653, 242_506, 250_559, 258_815, 267_276, 275_946, 284_829,
        293_927, 303_244, 312_784, 322_549, 332_543, 342_769, 353_230, 363_930, 374_873,
        386_061, 397_498, 409_187, 421_132, 433_335, 445_801, 458_533, 471_534, 484_807,
        498_356, 512_184, 526_295, 540_692, 555_378,
    ),
}  # fmt: skip
"""At 10, 11 … 50 degrees Celsius, by the fits to reference equations of state (docs/domain.md)."""
NL_PER_ML: Final = 1_000_000


def vapour_pressure_pa(propellant: Propellant, temperature_mk: int) -> int:
    """Absolute saturation pressure, clamped to the table; linear between its points (30 Pa)."""
    table = VAPOUR_PRESSURE_PA[propellant]
    clamped = min(max(temperature_mk, COLDEST_MK), HOTTEST_MK - 1)
    index, rest_mk = divmod(clamped - COLDEST_MK, 1_000)
    below = table[index]
    return below + (table[index + 1] - below) * rest_mk // 1_000


def reservoir_pressure_pa(
    configuration: Configuration, temperature_mk: int, volume_nl: int | None
) -> int:
    """What the reservoir should read: the vapour's pressure, and the bellows' around half full.

    Without a volume the bellows are taken to be at rest. The propellant must be known.
    """
    pressure_pa = vapour_pressure_pa(configuration.propellant, temperature_mk)
    if volume_nl is None:
        return pressure_pa
    stretch_nl = volume_nl - configuration.capacity_nl // 2
    return pressure_pa + configuration.bellows_rate_pa_per_ml * stretch_nl // NL_PER_ML
