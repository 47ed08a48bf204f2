"""Does a device keep the protocol? Cases as data, against anything a rig URI can name.

    hil conformance --rig sim:
    pytest --pyargs hil.conformance --rig sim:

A case sees the rig through a `Probe` and nothing else; see docs/conformance.md.
"""
