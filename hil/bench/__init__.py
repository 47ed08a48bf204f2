"""Bench scripts: what is measured on a pump, on whatever rig there is."""
