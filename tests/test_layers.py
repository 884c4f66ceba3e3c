"""Who may import whom, read from the code itself."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the ground up. A module may import from its own layer (without a cycle) and from those above
# it in this list; between sources, transforms and formats there is no import at all.
LAYERS = [
    {"errors"},
    {"paths", "example", "source", "transform", "manifest", "order", "config"},
    {
        "formats",
        "http",
        "download",
        "sandbox",
        "progress",
        "columns",
        "contact",
        "owner",
        "runs",
        "journal",
    },
    {"sources", "transforms", "shards", "registry"},
    {"dataset", "card", "croissant", "doctor"},
    {"mixture"},
    {"executors", "plan", "lock"},
    {
        "snapshot",
        "preparation",
        "workload",
        "supply",
        "survey",
        "stages",
        "samples",
        "reproduction",
        "leftovers",
    },
    {"feed"},
    {"training"},
    {"cli", "testing"},
    {"pipelines"},
]
STRANGERS = {"sources", "transforms", "formats"}
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
HEAVY = {"tensorflow", "keras", "numpy", "pandas", "pyarrow", "requests", "datasets", "torch"}


def _modules():
    for top in ("nndata", "pipelines"):
        for path in sorted((ROOT / top).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, []


def _room(module):
    parts = module.split(".")
    if parts[0] == "pipelines":
        return "pipelines"
    return parts[1] if parts[0] == "nndata" and len(parts) > 1 else None


def _targets(path):
    """Yield the nndata modules that a file imports, `from nndata import x` included."""
    for module, names in _imports(path):
        if module == "nndata":
            yield from (f"nndata.{n}" for n in names if (ROOT / "nndata" / f"{n}.py").exists())
        elif module.startswith("nndata."):
            yield module


def _under_type_checking(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.module
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
    }


def test_every_module_has_a_layer():
    rooms = {_room(name) for name, _ in _modules()} - {None, "__init__", "__main__"}
    assert rooms <= set(LEVEL), f"give these a layer: {sorted(rooms - set(LEVEL))}"


def test_no_module_imports_from_a_layer_above_its_own():
    wrong = [
        f"{name} imports {target}"
        for name, path in _modules()
        if _room(name) in LEVEL
        for target in _targets(path)
        if _room(target) in LEVEL and LEVEL[_room(target)] > LEVEL[_room(name)]
    ]
    assert wrong == []


def test_sources_transforms_and_formats_do_not_know_each_other():
    wrong = [
        f"{name} imports {target}"
        for name, path in _modules()
        if _room(name) in STRANGERS and name.count(".") >= 2
        for target in _targets(path)
        if _room(target) == _room(name) and target.split(".")[2:3] != name.split(".")[2:3]
    ]
    assert wrong == []


def test_imports_make_no_cycle():
    graph = {
        name: {t for t in _targets(path) if t not in _under_type_checking(path)}
        for name, path in _modules()
        if name != "nndata.__init__"
    }
    done, path = set(), []

    def visit(name):
        if name in path:
            pytest.fail(" -> ".join([*path[path.index(name) :], name]))
        if name in done or name not in graph:
            return
        path.append(name)
        for target in sorted(graph[name]):
            visit(target)
        done.add(path.pop())

    for name in sorted(graph):
        visit(name)


def test_tensorflow_lives_in_feed_and_training_only():
    wrong = [
        name
        for name, path in _modules()
        for module, _ in _imports(path)
        if module.split(".")[0] in ("tensorflow", "keras")
        and not name.startswith(("nndata.feed.tensorflow", "nndata.training", "pipelines"))
    ]
    assert wrong == []


@pytest.mark.parametrize("module", ["nndata", "nndata.cli", "nndata.registry"])
def test_a_light_import_loads_nothing_heavy(module):
    code = f"import sys, {module}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert loaded.stdout.split() == []


def test_modules_that_run_anything_dangerous_are_absent():
    forbidden = {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"}
    wrong = [
        f"{name} imports {module}"
        for name, path in _modules()
        for module, _ in _imports(path)
        if module.split(".")[0] in forbidden
    ]
    assert wrong == []
