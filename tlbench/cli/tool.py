"""What the commands around finished runs share: a command line of `key=value`, `--help`, exit codes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from tlbench.cli.entry import exit_code_of, prepare_process
from tlbench.console import say_lines
from tlbench.tools.consent_options import is_consent_option
from tlbench.tools.options import AnyOptions, help_text, parse_options, wants_help


@dataclass(frozen=True)
class Tool(Generic[AnyOptions]):
    """A command.

    Attributes:
        options: Gives what declares the keys.
        usage: The first lines of `--help`.
        act: Does what the arguments ask for, by those keys; returns the exit code, None for 0.
        interrupted: As `exit_code_of` takes it.
        before: Likewise.
        footer: The last lines of `--help`.
    """

    options: Callable[[], type[AnyOptions]]
    usage: str
    act: Callable[[type[AnyOptions], Sequence[str]], int | None]
    interrupted: str
    before: str
    footer: str = ""

    def main(self, arguments: Sequence[str] | None = None) -> int:
        """Do what the command line asks for.

        Args:
            arguments: As in `sys.argv[1:]`, the default.

        Returns:
            The exit code; anything wrong has been said on stderr.
        """
        given = list(sys.argv[1:] if arguments is None else arguments)
        prepare_process()
        return exit_code_of(lambda: self._act(given), self.interrupted, before=self.before)

    def _act(self, arguments: Sequence[str]) -> int | None:
        kind = self.options()
        if wants_help(arguments):
            say_lines(help_text(kind, self.usage, self.footer))
            return None
        return self.act(kind, arguments)

    def entry(self) -> None:
        """Leave with `main`'s exit code (the console script)."""
        sys.exit(self.main())


def options_and_consent(kind: type[AnyOptions], arguments: Sequence[str]) -> tuple[AnyOptions, list[str]]:
    """The options of a command line, and what of it gives code again (see `consent_of`).

    Raises:
        ConfigError: As `parse_options`.
    """
    again = [argument for argument in arguments if is_consent_option(argument)]
    return parse_options(kind, [argument for argument in arguments if argument not in again]), again
