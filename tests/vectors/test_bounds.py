"""The bounds of files and of the control API are the pinned ones. See tests/vectors/make.py."""

import json

from tests.vectors.bounds import bounds
from tests.vectors.make import BOUNDS_FILE


def test_every_bound_is_the_pinned_one() -> None:
    """Fails with the lines that changed: a change of what people may write is made knowingly."""
    assert bounds() == json.loads(BOUNDS_FILE.read_text(encoding="utf-8"))
