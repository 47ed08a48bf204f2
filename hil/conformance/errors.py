"""What ends a case before its last line."""


class FailedError(Exception):
    """The device did not do what was required."""

    def __init__(self, expected: str, seen: str) -> None:
        """Both for a person."""
        super().__init__(f"expected {expected}; seen {seen}")
        self.expected = expected
        self.seen = seen


class NoEffectError(Exception):
    """The stimulus took no effect, so that nothing was shown."""


class NotOfferedError(Exception):
    """Rig or device turn out not to have what the case needs."""
