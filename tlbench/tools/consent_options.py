"""`model.import_path=…` and `model.arguments=…` given again: consent to code that a run's record names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import OverrideType

from tlbench.errors import ConfigError
from tlbench.tools.consent import Consent, given_again

TRUST = "true: import the code that the run's record names and read data where it says, though the run is not your own"
"""What `--help` says of it."""

FOOTER = """\
  model.import_path=… model.arguments=…
                      the run's own code (model=module), given again as in its record: consent to import it, where the
                      run is not one of yours. Your own runs need none."""


def is_consent_option(argument: str) -> bool:
    """Whether an argument gives code again."""
    return given_again(argument.partition("=")[0])


def consent_of(trust: bool, arguments: Sequence[str]) -> Consent:
    """What a command line consents to.

    Args:
        trust: Its `trust=…`.
        arguments: Those that give code again, in Hydra's grammar, as `python -m tlbench.train` takes them.

    Raises:
        HydraException: One is not in Hydra's grammar; see `tlbench.config.compose.explain`.
        ConfigError: One is no plain key=value, or is given twice.
    """
    again: dict[str, dict[str, Any]] = {}
    for override in OverridesParser.create().parse_overrides(list(arguments)) if arguments else []:
        if override.type != OverrideType.CHANGE or override.is_sweep_override():
            raise ConfigError(f"{override.input_line}: write key=value, one value, as it is in the run's record")
        group, _, part = override.key_or_group.rpartition(".")
        given = again.setdefault(group, {})
        if part in given:
            raise ConfigError(f"{group}.{part} is given twice; give it once")
        value = override.value()
        given[part] = {} if part == "arguments" and value is None else value
    return Consent(trust, again)
