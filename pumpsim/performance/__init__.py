"""Alarm performance as numbers: the fault catalogue over seeds, ordinary life over years."""
