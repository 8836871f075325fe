"""Overrides as Hydra's grammar wants them: texts that it would not take are quoted."""

from __future__ import annotations

import re

from hydra.core.override_parser.types import Quote, QuotedString

_VALUE = re.compile(r"""[^,\[\](){}:='"\\]+""")
"""What may be one text in a value."""

_KNOWN = re.compile(r"[A-Za-z0-9_/\-+.$%*@?| \t]*")
"""What Hydra takes without quotes."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def quoted(text: str) -> str:
    """A value for Hydra's command line that is taken as it is."""
    return QuotedString(text.replace("${", r"\${"), Quote.single).with_quotes()


def within_grammar(argument: str) -> str:
    """An argument of the command line with quotes around texts that hold letters beyond ASCII, `~`, `#` and the like.

    `data.root=photos/für` is then what it looks like. What holds quotes, backslashes or interpolations is left alone.
    """
    key, equals, value = argument.partition("=")
    if not equals or argument.startswith("-") or re.search(r"""['"\\]|\$\{""", value):
        return argument
    return key + equals + _VALUE.sub(_quoted_where_needed, value)


def _quoted_where_needed(match: re.Match[str]) -> str:
    text = match[0]
    bare = text.strip(" \t")
    if not bare or _CONTROL.search(bare) or _KNOWN.fullmatch(text):
        return text
    return text.replace(bare, QuotedString(bare, Quote.single).with_quotes(), 1)
