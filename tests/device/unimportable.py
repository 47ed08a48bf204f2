"""A module of somebody's that fails while it is imported."""

raise RuntimeError("no board is connected")
