"""Property-based tests of a pump's control logic and of devices, for whoever writes them.

    pytest --logic my.module:Logic             the whole suite, on your logic
    pytest --rig serial:///dev/ttyUSB0         what of it a device alone can be asked

The parts are there to be imported: `strategies` (what Hypothesis draws), `machine` (a state machine
in which time passing is a rule), `oracle` (what a pump must do, from what was done to it), `desk`
(logic on a table, with readings a person can reckon). See docs/testing.md.
"""

try:
    import hypothesis as _hypothesis
except ModuleNotFoundError as error:
    message = "hil.testing needs Hypothesis: pip install 'pumpsim[test]'"
    raise ModuleNotFoundError(message, name=error.name) from None

del _hypothesis
