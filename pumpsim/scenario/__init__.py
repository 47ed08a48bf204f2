"""Scenarios: a care plan in TOML, and the clinic that carries it out in virtual time."""
