"""The sections of a configuration: a frozen dataclass for each, passed to whoever needs it."""
