"""One declaration says everything about an option."""

import pytest

from uncork.config.kinds import FLAG
from uncork.config.option import group, option, options_of
from uncork.config.quantities import Integer


@group
class Kitchen:
    """A group with two options."""

    keep_warm: bool = option("keep-warm", "warm", short="k", kind=FLAG, default=False, help="keep warm")
    import_: int = option("import", kind=Integer(), default=3, help="a word of Python's")

    @property
    def is_cold(self) -> bool:
        """What follows from an option."""
        return not self.keep_warm


def test_declaration() -> None:
    """The class keeps the declarations in order, and the fields have the defaults."""
    assert Kitchen().keep_warm is False
    assert Kitchen().import_ == 3
    warm, imported = options_of(Kitchen)
    assert (warm.name, warm.names, warm.short) == ("keep-warm", ("keep-warm", "warm"), "k")
    assert (warm.field_name, imported.field_name) == ("keep_warm", "import_")


def test_values() -> None:
    """A group is a value: equal, hashable and shown by what was given, and it does not change."""
    warm = Kitchen(keep_warm=True)
    assert (warm.keep_warm, warm.is_cold) == (True, False)
    assert warm == Kitchen(keep_warm=True, import_=3) != Kitchen()
    assert hash(warm) == hash(Kitchen(keep_warm=True, import_=3))
    assert repr(warm) == "Kitchen(keep_warm=True)"
    with pytest.raises(AttributeError, match="keep_warm cannot be changed"):
        warm.keep_warm = False  # type: ignore[misc]
    with pytest.raises(AttributeError, match="cannot be changed"):
        del warm.keep_warm
    with pytest.raises(TypeError, match="Kitchen has no option keep_cold"):
        Kitchen(keep_cold=True)  # type: ignore[call-arg]
