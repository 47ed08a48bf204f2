"""Integers as wide as a microcontroller's: whatever is reckoned with them has to fit, too."""

from collections.abc import Callable
from typing import Any, Final

WIDEST: Final = 2**63


def _with(name: str) -> Callable[..., Any]:
    """The operation of `int`; what comes of it is of the kind that the left operand is."""
    operation = getattr(int, name)

    def reckon(self: int, *others: int) -> Any:
        result = operation(self, *others)
        if result is NotImplemented:  # a list, say, which is repeated
            return result
        if isinstance(result, tuple):
            return tuple(type(self)(each) for each in result)
        return type(self)(result)

    return reckon


class Int64(int):
    """Handed to the firmware as an input, it watches every intermediate that follows from it."""

    def __new__(cls, value: int) -> "Int64":
        """OverflowError for what 64 bits do not hold."""
        if not -WIDEST <= value < WIDEST:
            raise OverflowError(f"{value} is {int(value).bit_length()} bits long")
        return super().__new__(cls, value)

    __add__ = __radd__ = _with("__add__")
    __sub__, __rsub__ = _with("__sub__"), _with("__rsub__")
    __mul__ = __rmul__ = _with("__mul__")
    __floordiv__, __rfloordiv__ = _with("__floordiv__"), _with("__rfloordiv__")
    __mod__, __rmod__ = _with("__mod__"), _with("__rmod__")
    __divmod__, __rdivmod__ = _with("__divmod__"), _with("__rdivmod__")
    __lshift__, __rshift__ = _with("__lshift__"), _with("__rshift__")
    __neg__, __abs__ = _with("__neg__"), _with("__abs__")


class Wrapping(int):
    """An unsigned one that may wrap: a sum that is only ever compared (`Account.balance`)."""

    def __new__(cls, value: int) -> "Wrapping":
        """Modulo 2**64."""
        return super().__new__(cls, value % (2 * WIDEST))

    __add__ = __radd__ = _with("__add__")
    __sub__ = _with("__sub__")
