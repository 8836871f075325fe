"""Whether what a record names may be imported and read: the user vouched for the run, or consents in this command."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlbench.config import TrainConfig
from tlbench.errors import ConfigError
from tlbench.records.record import Record
from tlbench.records.vouch import is_vouched
from tlbench.trust.changed import changed_file
from tlbench.trust.key import KeyUnusable, find_key
from tlbench.trust.loading import guarding
from tlbench.trust.locate import origin
from tlbench.trust.names import CodeName, canonical, code_names

_LONGEST = 2000
"""Characters of arguments in a message."""


@dataclass(frozen=True)
class Consent:
    """What the user consents to in a command.

    Attributes:
        trust: Everything that the record names.
        again: Key (`model`) → what of `import_path` and `arguments` was given again: consent, if it is the record's.
    """

    trust: bool = False
    again: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NONE = Consent()


@dataclass(frozen=True)
class Trusted:
    """What may be done with what a record names.

    Attributes:
        why_not: Why it is not known that the user vouched for it; None: the user did, or consents to everything.
        refuse: Gives the error for what may not be done, of what hinders it.
        names: The code that the record names.
        known: Module → SHA-256 of the files that alone may be loaded; None: whatever is found, as the user consents.
    """

    why_not: str | None
    refuse: Callable[[str], ConfigError]
    names: Sequence[CodeName] = ()
    known: Mapping[str, str] | None = None

    @contextmanager
    def importing(self) -> Iterator[None]:
        """Import and call the named code in here.

        Raises:
            ConfigError: A file that the user has not vouched for would be loaded; it was not.
        """
        if not self.names or self.known is None:
            yield
            return
        with guarding(self.names, self.known) as refused:
            try:
                if not refused:
                    yield
            finally:
                if refused:
                    raise self.refuse(_changed_text(refused[0])) from None


def given_again(key: str) -> bool:
    """Whether a key of a command line is that of code given again, such as `model.import_path`; not of other data."""
    group, _, part = key.rpartition(".")
    return part in ("import_path", "arguments") and group not in ("", "data")


def check_consent(where: str, record: Record, config: TrainConfig, consent: Consent = NONE) -> Trusted:
    """Find out whether the code that a record names may be imported; nothing is imported.

    Args:
        where: How a message begins, such as `run='outputs/…'`.
        record: The record.
        config: Its configuration.
        consent: What this command consents to.

    Raises:
        ConfigError: It may not: one line with import path, arguments and the file that they lead to. Or what was given
            again is not the record's.
    """
    names = code_names(config)
    why_not = None if consent.trust else _why_not_vouched(record, config)
    for key in consent.again:
        if key not in {name.key for name in names}:
            raise ConfigError(
                f"{where}: {key}.{next(iter(consent.again[key]))} is given, but the run names no code under {key}; "
                "drop it"
            )

    def refuse(reason: str, of: Sequence[CodeName] = names) -> ConfigError:
        return ConfigError(
            f"{where}: its record names code: {_described(of)}; it was not imported, as {reason}; {_ask(of)}"
        )

    if consent.trust:
        return Trusted(None, refuse)
    asked = []
    for name in names:
        if name.key in consent.again:
            _check_same(where, name, consent.again[name.key])
        else:
            asked.append(name)
    if not asked:
        return Trusted(why_not, refuse)
    if why_not is not None:
        raise refuse(why_not, asked)
    assert record.code is not None
    changed = changed_file(record.code.files, (name.module for name in asked))
    if changed is not None:
        raise refuse(_changed_text(changed), asked)
    return Trusted(None, refuse, names, record.code.files)


def check_root(where: str, trusted: Trusted, root: str | None) -> None:
    """Refuse to read data where a record says that they lie, unless the user vouched for it or consents.

    Args:
        where: How a message begins.
        trusted: As `check_consent` gave it.
        root: `data.root` of the record.

    Raises:
        ConfigError: It may not be read.
    """
    if root is not None and trusted.why_not is not None:
        raise ConfigError(
            f"{where}: its record names data.root={_short(root)}, which leads out of the run's folder; nothing was "
            f"read there, as {trusted.why_not}; give data.root=… again (that place or another), or trust=true"
        )


def _ask(names: Sequence[CodeName]) -> str:
    again = " and ".join(f"{name.key}.import_path=… and {name.key}.arguments=…" for name in names if name.key != "data")
    or_again = f", or give {again} again as they are in the record" if again else ""
    return f"if you trust whoever made it, add trust=true (of tlbench.load: trust=True){or_again}"


def _why_not_vouched(record: Record, config: TrainConfig) -> str | None:
    """Why it is not known that the user vouched for a record; None: the user did."""
    if not record.volatile.vouchers or (code_names(config) and record.code is None):
        return "nobody vouched for the run (it is from before tlbench kept that, or no key could be kept where it ran)"
    try:
        key = find_key()
    except KeyUnusable as error:
        return f"it is not known whose run it is ({error})"
    if key is not None and is_vouched(record, config, key):
        return None
    if key is not None and key.name in record.volatile.vouchers:
        return "it was changed since you made it"
    return "it is not one of your own runs on this machine"


def _check_same(where: str, name: CodeName, again: Mapping[str, Any]) -> None:
    recorded = {"import_path": name.import_path, "arguments": dict(name.arguments)}
    given = {"import_path": None, "arguments": {}, **again}
    for part, value in recorded.items():
        if canonical(given[part]) != canonical(value):
            raise ConfigError(
                f"{where}: {name.key}.{part}={given[part]!r} is given, but its record has {_short(value)}; give both "
                "import_path and arguments as they are in the record, or trust=true"
            )


def _changed_text(file: Path | str) -> str:
    return f"{file} is not among the files that you made the run with (bring those back, if it should be)"


def _described(names: Sequence[CodeName]) -> str:
    return ", ".join(
        f"{name.key}.import_path={name.import_path!r} with {name.key}.arguments={_short(dict(name.arguments))}, which "
        f"leads to {origin(name.module) or f'no module {name.module!r} here'}"
        for name in names
    )


def _short(value: Any) -> str:
    text = repr(value)
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]}… ({more} characters more, in record.json)"
