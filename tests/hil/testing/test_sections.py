"""The suite's sections are all there is of it."""

from pathlib import Path

from hil.testing import suite


def test_every_module_of_the_suite_is_a_section() -> None:
    """Whoever names a logic runs them all."""
    folder = Path(suite.__file__).parent
    assert sorted(suite.files()) == sorted(str(path) for path in folder.glob("test_*.py"))
