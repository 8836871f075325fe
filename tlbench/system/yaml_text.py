"""Reading YAML that somebody else wrote. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import yaml

from tlbench.errors import short

_MOST_REPEATED = 100_000
"""Entries that aliases may repeat; a few nested lines of them could stand for more than any memory holds."""

_MOST_ENTRIES = 500_000
"""Entries of a text; 100,000 classes with their numbers are 200,000. Each takes some 300 times its size to read."""

_DEEPEST = 150
"""Levels; each takes some three of Python's 1,000 frames."""

_LONGEST_NUMBER = 100  # characters; the time to read one grows with the square of its length
_MERGE = "tag:yaml.org,2002:merge"
_TRUTH = "tag:yaml.org,2002:bool"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """Counts entries while it reads."""

    entries = 0
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """As PyYAML's.

        Raises:
            UnsoundYamlError: There are too many, or they are nested too deeply: Python's own limit would be met
                anywhere, in whatever else runs at that moment.
        """
        self.entries += 1
        if self.entries > _MOST_ENTRIES:
            raise UnsoundYamlError(f"more than {_MOST_ENTRIES:,} entries")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnsoundYamlError("nested too deeply")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        """As PyYAML's, which lets the last of several values win; before keys are merged into it (`<<`).

        Raises:
            RepeatedKeyError: A key has two values.
        """
        node = super().compose_mapping_node(anchor)
        values: dict[Any, tuple[str, Any]] = {}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                text, first = values.setdefault(self._read_as(key), (key.value, value))
                if first is not value and not (
                    isinstance(value, yaml.ScalarNode)
                    and isinstance(first, yaml.ScalarNode)
                    and (first.tag, first.value) == (value.tag, value.value)
                ):
                    also = f" (as {short(text)} too)" if text != key.value else ""
                    raise RepeatedKeyError(f"{short(key.value)} stands in it twice{also}")
        return node

    def _read_as(self, key: yaml.ScalarNode) -> Any:
        """What keys have in common that are one in Python, such as `1` and `1.0`."""
        if key.tag in (*_NUMBERS, _TRUTH) and len(key.value) <= _LONGEST_NUMBER:
            return self.construct_object(key)
        return key.tag, key.value


class RepeatedKeyError(yaml.YAMLError):  # type: ignore[misc]  # the package has no types
    """One of the values would be dropped in silence."""


class UnsoundYamlError(yaml.YAMLError):  # type: ignore[misc]  # the package has no types
    """Small to write, but of any size once it is read."""


def load_yaml(text: str) -> Any:
    """What a YAML text says, in plain types.

    Raises:
        YAMLError: It is not YAML; `UnsoundYamlError`: its aliases grow, or it is nested too deeply;
            `RepeatedKeyError`: a key has two values.
        ValueError: A scalar is not what it looks like, such as the 40th of May.
    """
    loader = _Loader(text)
    try:
        node = _composed(loader)
        return None if node is None else loader.construct_document(node)
    except RecursionError:
        raise UnsoundYamlError("nested too deeply") from None
    finally:
        loader.dispose()


def check_yaml(text: str) -> None:
    """Refuse a text that other readers of YAML must not be given; what they can tell themselves is left to them.

    Raises:
        UnsoundYamlError: As `load_yaml`.
    """
    loader = _Loader(text)
    try:
        _composed(loader)
    except UnsoundYamlError:
        raise
    except RecursionError:
        raise UnsoundYamlError("nested too deeply") from None
    except (ValueError, yaml.YAMLError):
        pass
    finally:
        loader.dispose()


def _composed(loader: yaml.SafeLoader) -> yaml.Node | None:
    node = loader.get_single_node()
    if node is not None:
        _check(node)
    return node


def _check(root: yaml.Node) -> None:
    """Count entries once each, and as often as aliases repeat them."""
    sizes: dict[int, int] = {}
    open_: dict[int, tuple[yaml.Node, Iterator[yaml.Node]]] = {id(root): (root, _children(root))}
    while open_:
        node, children = next(reversed(open_.values()))
        below = next(children, None)
        if below is None:
            sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            del open_[id(node)]
        elif id(below) in open_:
            raise UnsoundYamlError("an alias stands for what it lies in")
        elif id(below) not in sizes:
            open_[id(below)] = below, _children(below)
    if sizes[id(root)] > len(sizes) + _MOST_REPEATED:
        raise UnsoundYamlError(f"its aliases stand for more than {_MOST_REPEATED:,} entries")


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return chain.from_iterable(node.value)
    if isinstance(node, yaml.SequenceNode):
        return iter(node.value)
    if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
        raise UnsoundYamlError(f"a number of {len(node.value)} characters")
    return iter(())
