"""Property-based tests of a pump's control logic and of devices, for whoever writes them.

    pytest --logic my.module:Logic             the whole suite, on your logic
    pytest --rig serial:///dev/ttyUSB0         what of it a device alone can be asked

The parts are there to be imported: `strategies` (what Hypothesis draws), `machine` (a state machine
in which time passing is a rule), `oracle` (what a pump must do, from what was done to it), `desk`
(logic on a table, with readings a person can reckon). See docs/testing.md.
"""

from importlib.util import find_spec

if find_spec("hypothesis") is None:  # to import it takes longer than the hours of `eventful`
    raise ModuleNotFoundError(
        "hil.testing needs Hypothesis: pip install 'pumpsim[test]'", name="hypothesis"
    )
