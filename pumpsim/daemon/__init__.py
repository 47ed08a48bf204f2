"""The daemon: one asyncio host that lets devices live in wall time, on real links."""
