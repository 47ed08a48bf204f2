"""Defects of how readings are judged: rails, spikes, frozen, stale and contradicting channels."""

from pumpsim import device
from pumpsim.firmware import conditions, crosscheck, environment, fill, measure, reference, screen
from tests.defects.defect import defect
from tests.defects.patching import Constant, Edit

DEFECTS = (
    defect(
        "rail-is-a-reading",
        "SEN-01",
        "a reading at the end of its range is a reading",
        Edit(screen.Screen, "_judge", "LOWS[place] < value <", "LOWS[place] <= value <="),
    ),
    defect(
        "fault-with-the-fourth",
        "SEN-01",
        "a channel at its rail is a fault with the fourth sample",
        Edit(screen.Screen, "_judge", "track.absent >= MAX", "track.absent > MAX"),
    ),
    defect(
        "frozen-for-ever",
        "SEN-02",
        "a channel that repeats itself is never a fault",
        Edit(screen.Screen, "_judge", " or track.same >= MAX_SAME", ""),
    ),
    defect(
        "drift-in-kilopascals",
        "SEN-03",
        "the channels may differ by ten times as much",
        Constant(crosscheck, "LIMIT_PA", 50_000),
    ),
    defect(
        "spike-goes-through",
        "SEN-04",
        "a lone reading out of line goes on to the estimators",
        Edit(screen.Screen, "_follows", "return False", "return True"),
    ),
    defect(
        "spikes-forgiven",
        "SEN-04",
        "spikes again and again are no fault",
        Edit(screen.Screen, "_follows", "track.outliers += 1", "track.outliers = 1"),
    ),
    defect(
        "contradiction-unheard",
        "SEN-05",
        "the flow is what the pressures say, whatever the fill level does",
        Edit(measure, "_weigh", "not state.by_fill.disagrees", "True"),
    ),
    defect(
        "conflict-one-way",
        "SEN-05",
        "a reservoir pressure too high for the temperature is no conflict",
        Edit(crosscheck.CrossCheck, "feed", "excess_pa > limit_pa", "excess_pa > 99 * limit_pa"),
    ),
    defect(
        "last-value-for-ever",
        "SEN-06",
        "without new samples the last flow and volume go on being told",
        Edit(
            reference.ReferenceLogic,
            "advance",
            "state.flow = state.volume = state.readings = None",
            "pass",
        ),
    ),
    defect(
        "status-from-before-the-silence",
        "SEN-06",
        "in a pump without a date, a status that was told stands though samples are missing",
        Edit(reference.ReferenceLogic, "advance", "self._status = None", "pass"),
    ),
    defect(
        "gap-filled-with-the-last",
        "SEN-06",
        "in place of a missing reading stands the one before",
        Edit(
            screen.Screen,
            "_judge",
            "failed=failed)\n        return None",
            "failed=failed)\n        return self.lasts[place]",
        ),
    ),
    defect(
        "sample-given-twice",
        "SEN-06",
        "a converter that hangs has its last sample taken for a new one",
        Edit(device.Device, "_deliver", "if readings is not self.readings", "if readings"),
    ),
    defect(
        "loss-of-evidence-is-calm",
        "SEN-07",
        "a pump that sees neither pressures nor level is not unmonitored",
        Edit(conditions, "_unmonitored", "readings.fill_level_nl is None", "state.stale"),
    ),
    defect(
        "sound-at-once",
        "SEN-09",
        "a faulty channel is usable with its first sound reading",
        Edit(screen.Screen, "_decide", "track.good < MIN_GOOD", "track.good < 1"),
    ),
    defect(
        "slope-over-a-gap",
        "SEN-09",
        "the slope of the fill level goes on over any gap",
        Edit(fill.FillLevel, "add", "elapsed > MAX_GAP", "elapsed < 0"),
    ),
    defect(
        "altitude-flickers",
        "ENV-02",
        "noise ends an alarm of altitude or depth",
        Edit(environment, "_beyond", "-POCKET_ERROR_PA if", "POCKET_ERROR_PA if"),
    ),
)
