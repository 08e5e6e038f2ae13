"""The supported options, one module per group, one dataclass field per option."""
