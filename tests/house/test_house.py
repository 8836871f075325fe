"""The rule of place, held by tests: what one task alone needs lies in its wing, and imports point one way.

docs/architecture.md says what the rooms are for.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Sequence

import pytest

from benchmarks.house import LONGEST, ROOT, circles, imports, modules
from tlbench.tasks.registry import built_in

LAYERS: Sequence[Sequence[str]] = (
    ("errors", "console", "seeds", "system"),
    (
        "config",
        *("tasks.spec", "tasks.registry", "tasks.outside"),
        *("annotations.*.config", "annotations.*.options", "tasks.*.config"),
    ),
    ("tasks.*.spec", "tasks.*.options"),
    ("trust",),
    ("statistics",),
    ("pictures",),
    ("networks",),
    ("processes",),
    ("geometry.fits",),
    ("data", *("data.formats.csv.names", "data.formats.csv.paths", "data.formats.csv.table")),
    ("embedded.documents",),
    ("geometry",),
    ("annotations",),
    ("data.formats",),
    ("annotations.*.reach", "annotations.*.target", "annotations.maps.polygons"),  # they open formats
    ("annotations.*.by_code",),
    ("records",),
    ("sources",),
    ("embedded",),
    ("adaptation",),
    ("config.parse", "config.compose", "config.resolvers", "config.model_options"),
    ("metrics",),
    ("robustness",),
    ("loggers",),
    ("callbacks",),
    ("tasks.base", "tasks.optimised", "tasks.own", "tasks.partial_epoch", "tasks.wing", "tasks.wings"),
    ("runs",),
    ("tools",),
    ("tasks.*",),
    ("study",),
    ("reporting",),
    ("study.launch",),
    ("cli",),
    ("api",),
    ("train", "evaluate", "predict", "export", "compare", "report", "status", "__main__"),
)
"""Rooms and modules from the lowest layer up; a module is in the layer that names it most closely."""

WINGS = tuple(built_in())
MODULES, IMPORTS = modules(ROOT), imports(ROOT)


def matches(module: str, pattern: str) -> bool:
    return re.fullmatch(pattern.replace(".", r"\.").replace("*", r"[a-z_]+") + r"(\.[a-z_0-9.]+)?", module) is not None


def layer_of(module: str) -> int:
    name = module.removeprefix("tlbench.")
    found = [
        (len(pattern.replace("*", "")), i)
        for i, layer in enumerate(LAYERS)
        for pattern in layer
        if matches(name, pattern)
    ]
    assert found, f"{module} is in no layer: add its room to LAYERS"
    return max(found)[1]


def is_task_blind(module: str) -> bool:
    return not any(module.startswith((f"tlbench.tasks.{wing}", "tlbench.annotations.")) for wing in WINGS)


def inner(module: str) -> bool:
    return module.count(".") > 0 and MODULES[module].name != "__init__.py"


@pytest.mark.parametrize("types", [False, True])
def test_imports_go_in_no_circle(types: bool) -> None:
    assert circles(imports(ROOT, types=types)) == []


def test_imports_point_down() -> None:
    found = [
        f"{module} → {imported}"
        for module, all_imported in IMPORTS.items()
        for imported in all_imported
        if inner(module) and inner(imported) and layer_of(imported) > layer_of(module)
    ]
    assert found == []


@pytest.mark.parametrize("wing", WINGS)
def test_a_wing_is_reached_by_the_registry_alone(wing: str) -> None:
    own = f"tlbench.tasks.{wing}"
    found = [
        f"{module} → {imported}"
        for module, all_imported in IMPORTS.items()
        for imported in all_imported
        if imported.startswith(f"{own}.") and not module.startswith(own)
    ]
    assert found == []


@pytest.mark.parametrize("spec", built_in().values(), ids=lambda spec: spec.name)
def test_files_that_know_no_task_name_none(spec) -> None:
    classes = "|".join([spec.config.__name__, spec.wing.rpartition(":")[2]])
    metrics = "|".join(metric.name for metric in spec.metrics if metric.name != "loss")
    named = re.compile(
        rf"\b({classes})\b|[\"'=]{spec.name}\b|\b{spec.name} (run|network|task|data)s?\b"
        rf"|[\"'](val|test)/({metrics})[\"']"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for module, path in MODULES.items()
        if is_task_blind(module)
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if named.search(line)
    ]
    assert found == []


def test_only_annotations_formats_and_wings_tell_kinds_of_annotations_apart() -> None:
    allowed = ("tlbench.annotations", "tlbench.data.formats", "tlbench.geometry", "tlbench.tasks.")
    found = [
        f"{module} → {imported}"
        for module, all_imported in IMPORTS.items()
        for imported in all_imported
        if re.match(r"tlbench\.annotations\.\w+\.config", imported) and not module.startswith(allowed)
    ]
    assert found == []


def test_specs_are_light() -> None:
    code = (
        "import sys; from tlbench.tasks.registry import run_schema, specs\n"
        "for name in specs(): run_schema(name)\n"
        "sys.exit(', '.join({'torch', 'torchvision', 'lightning', 'numpy', 'PIL'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_records_know_no_task() -> None:
    reached = {
        f"{module} → {imported}"
        for module, all_imported in IMPORTS.items()
        for imported in all_imported
        if module.startswith("tlbench.records") and imported.startswith(("tlbench.tasks", "tlbench.annotations"))
    }
    assert reached == set()


PRIVATE = {
    r"hydra\._internal": ["tlbench.config.hydra_internals"],
    r"\b(metric|metrics)\._[a-z]": ["tlbench.tasks.partial_epoch"],
    r"\btrainer\._[a-z]|lightning[\w.]*\._[a-z]": [],
}
"""What libraries do not promise → where it is taken all the same."""


@pytest.mark.parametrize("api", PRIVATE)
def test_private_parts_of_libraries_are_used_in_one_place(api: str) -> None:
    found = [name for name, path in MODULES.items() if re.search(api, path.read_text())]
    assert found == PRIVATE[api]


PRIVATE_IMPORTS = {
    "hydra": {"tlbench.config.hydra_internals"},
    "lightning": {"tlbench.processes.ddp"},
    "torchmetrics": set(),
}
"""Libraries → the modules that import of them what has an underscore in front."""


def test_private_names_of_libraries_are_imported_in_one_place() -> None:
    private = re.compile(rf"({'|'.join(PRIVATE_IMPORTS)})\.(.*\.)?_(?!_)")
    found: dict[str, set[str]] = {library: set() for library in PRIVATE_IMPORTS}
    for name, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                for match in (private.match(f"{node.module}.{alias.name}") for alias in node.names):
                    if match is not None:
                        found[match[1]].add(name)
    assert found == PRIVATE_IMPORTS


def test_no_module_is_too_long() -> None:
    counted = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES.values()}
    assert {name: lines for name, lines in counted.items() if lines > LONGEST} == {}
