"""What a run came to, for people, for programs and for build servers; made of its record alone."""

from hil.report.files import PAGE, RECORD, Paths, keep, put, read, render, write

__all__ = ["PAGE", "RECORD", "Paths", "keep", "put", "read", "render", "write"]
