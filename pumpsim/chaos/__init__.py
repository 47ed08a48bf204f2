"""Chaos on links: what lines, gateways and brokers do to what passes, by seed and number alone."""
