"""One declaration says everything about an option."""

from dataclasses import dataclass, fields

from uncork.config.kinds import FLAG
from uncork.config.option import METADATA_KEY, option


@dataclass(frozen=True, slots=True)
class Kitchen:
    """A group with one option."""

    keep_warm: bool = option("keep-warm", "warm", short="k", kind=FLAG, default=False, help="keep warm")


def test_declaration_is_default_and_metadata() -> None:
    """The field has the default, and its metadata the rest."""
    assert Kitchen().keep_warm is False
    declared = fields(Kitchen)[0].metadata[METADATA_KEY]
    assert (declared.name, declared.names, declared.short) == ("keep-warm", ("keep-warm", "warm"), "k")
    assert declared.field_name == fields(Kitchen)[0].name
