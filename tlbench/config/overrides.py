"""Overrides as Hydra's grammar wants them; and where it cannot read one, how it is typed in a shell."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import OverrideParseException

from tlbench.config.keys import is_list_of_texts, is_mapping, is_text, mapping_above
from tlbench.errors import ConfigError

_VALUE = re.compile(r"""[^,\[\](){}='"\\]+""")
"""What may be one text in a value."""

_IN_MAPPING = re.compile(r"""[^,\[\](){}:='"\\]+""")
"""The same where `:` parts a key from its value."""

_KNOWN = re.compile(r"[A-Za-z0-9_/\-+.$%*@?|: \t]*")
"""What Hydra takes without quotes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

_FUNCTION = re.compile(r"\s*(?!choice\b)[A-Za-z_]\w*\(")
"""A value made by a function of Hydra's grammar, whose numbers must stay numbers."""

_KEY = re.compile(r"[A-Za-z_$][\w$./@:-]*")
_SPECIAL = """=,[]{}():'"\\"""


def quoted(text: str) -> str:
    """A value for Hydra's command line that is taken as it is."""
    return QuotedString(text.replace("${", r"\${"), Quote.single).with_quotes()


def typed(key: str, text: str) -> str:
    """An override whose value is one text, as it is typed in a shell."""
    return shlex.quote(f"{key}={QuotedString(text.replace('${', chr(92) + '${'), Quote.double).with_quotes()}")


def within_grammar(argument: str) -> str:
    """An argument of the command line as it is meant.

    - Texts that hold letters beyond ASCII, `~`, `#` and the like are put into quotes: `data.root=photos/für` is then
      what it looks like. What holds quotes, backslashes or interpolations is left alone.
    - Where a key takes texts alone, what looks like a number or a truth value is put into quotes as well: `study=2024`
      and `data.classes=[0,1]` name a study and classes.
    - A key below a mapping whose keys are the user's own is added to it: `model.arguments.width=4`; so are those of
      `model.arguments={width: 4}`.
    """
    key, equals, value = argument.partition("=")
    if not equals or argument.startswith("-"):
        return argument
    if (mapping_above(key) or is_mapping(key)) and not key.startswith(("+", "~")):
        key = f"++{key}"
    if re.search(r"""['"\\]|\$\{""", value):
        return key + equals + value
    name = key.lstrip("+")
    texts = (is_text(name) or is_list_of_texts(name)) and "{" not in value and not _FUNCTION.match(value)
    each = _quoted_as_text if texts else _quoted_where_needed
    meant = key + equals + (_IN_MAPPING if "{" in value else _VALUE).sub(each, value)
    return meant if _reads(meant) else argument


def check_overrides(overrides: Sequence[str]) -> None:
    """Refuse overrides that cannot be read, or that give a list where one text is wanted.

    Raises:
        ConfigError: Saying how to type it.
    """
    for number, override in enumerate(overrides):
        try:
            (read,) = parsed([override])
        except (OverrideParseException, ValueError) as error:
            pieces = list(itertools.takewhile(lambda piece: "=" not in piece, overrides[number:]))
            before = overrides[number - 1] if number and pieces else None
            raise ConfigError(unreadable(" ".join(pieces) or override, str(error), before)) from None
        name, _, value = override.partition("=")
        if is_text(name.lstrip("+")) and not read.is_sweep_override() and isinstance(read.value(), list | dict):
            kind = "a list" if isinstance(read.value(), list) else "a mapping"
            raise ConfigError(f"{override}: is read as {kind}, and wanted is one text; type {typed(name, value)}")


def unreadable(override: str, reason: str = "", before: str | None = None) -> str:
    """What to say of an override that Hydra's grammar does not take.

    Args:
        override: As Hydra got it.
        reason: Hydra's.
        before: The override before it, of which it may be a part that the shell has cut off.
    """
    key, equals, value = override.partition("=")
    if not equals:
        if before is None:
            return f"{override!r}: is no key=value"
        key, _, value = before.partition("=")
        return f"{override!r}: is no key=value; as a part of {before} type {typed(key, f'{value} {override}')}"
    bare = key.lstrip("+~")
    if not _KEY.fullmatch(bare):
        group = mapping_above(bare)
        if group:
            rest = bare.removeprefix(f"{group}.")
            return f"{override!r}: such a key is given with its group: {shlex.quote(f'{group}={{{rest}: {value}}}')}"
        return f"{override!r}: {key!r} is no key; write key=value, without spaces around the ="
    if not (is_text(bare) or is_list_of_texts(bare)) and value.lstrip()[:1] in ("[", "{"):
        kind, brackets = ("list", "key=[a,b]") if value.lstrip()[0] == "[" else ("mapping", "key={a: 1, b: 2}")
        return f"{override}: is no {kind} that can be read; write '{brackets}', with its closing bracket"
    found = [repr(character) for character in dict.fromkeys(value) if character in _SPECIAL]
    why = f", as {' and '.join(found)} {'have meanings' if len(found) > 1 else 'has a meaning'} there" if found else ""
    if not found and reason:
        why = f" ({' '.join(reason.split(' See ')[0].split())})"
    return f"{override}: cannot be read as it stands{why}; for one text type {typed(key, value)}"


def several_values(override: str) -> str:
    """What to say of an override with several values where one is wanted."""
    key, _, value = override.partition("=")
    name = key.lstrip("+")
    if is_list_of_texts(name):
        return f"{override}: are several values; as a list type {shlex.quote(f'{key}=[{value}]')}, for a study add -m"
    text = f", for one text type {typed(key, value)}" if is_text(name) else ""
    return f"{override}: several values make a study: add -m for that{text}"


def parsed(overrides: Sequence[str]) -> list[Override]:
    """As Hydra's grammar reads them."""
    return OverridesParser.create().parse_overrides(list(overrides))


def _reads(override: str) -> bool:
    try:
        return bool(parsed([override]))
    except (OverrideParseException, ValueError):
        return False


def _quoted_where_needed(match: re.Match[str]) -> str:
    text = match[0]
    bare = text.strip(" \t")
    if not bare or _CONTROL.search(bare) or _KNOWN.fullmatch(text):
        return text
    return text.replace(bare, QuotedString(bare, Quote.single).with_quotes(), 1)


def _quoted_as_text(match: re.Match[str]) -> str:
    """The same; what Hydra would take for a number or a truth value as well."""
    bare = match[0].strip(" \t")
    if _KNOWN.fullmatch(bare) and isinstance(_value(bare), int | float):
        return match[0].replace(bare, f"'{bare}'", 1)
    return _quoted_where_needed(match)


def _value(text: str) -> object:
    return parsed([f"key={text}"])[0].value() if _reads(f"key={text}") else None
