"""Measure how the code reads: python tests/measure_code.py prints a table.

Counts come from the syntax tree of every file of webui/ and from the lines of the tests and the
recipe. tests/test_architecture.py bounds them.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "webui"
MAX_LINE = 100
# Words that name people where a machine acts, or that hide who acts.
VAGUE = re.compile(
    r"\b(whoever|somebody|anybody|everybody|nobody|told|tells|whose turn|looked at)\b",
    re.IGNORECASE,
)
Graph = dict[str, set[str]]


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def modules() -> dict[str, Path]:
    return {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def sources() -> list[Path]:
    """Every Python file of the repository."""
    folders = (PACKAGE, ROOT / "tests", ROOT / "assets")
    return [
        ROOT / "launch.py",
        *(path for folder in folders for path in sorted(folder.rglob("*.py"))),
    ]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def import_graph() -> Graph:
    """Return the modules of webui that each module imports, type checking included."""
    known = modules()
    graph: Graph = {}
    for name, path in known.items():
        found = set()
        for node in ast.walk(parse(path)):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    full = f"{node.module}.{alias.name}"
                    found.add(full if full in known else node.module)
        graph[name] = (found & known.keys()) - {name}
    return graph


def circles(graph: Graph) -> set[str]:
    """Return the nodes that no order of imports can place."""
    left = {name: set(others) for name, others in graph.items()}
    while leaves := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in leaves}
    return set(left)


def folder_graph(graph: Graph, wing: str) -> Graph:
    """Return `graph` with one node for each folder inside `wing`, and for each file beside them."""

    def node(module: str) -> str:
        inner = module.removeprefix(wing + ".")
        return inner.split(".")[0] if "." in inner else inner

    inside = {name: others for name, others in graph.items() if name.startswith(wing + ".")}
    folded: Graph = {}
    for name, others in inside.items():
        targets = {node(other) for other in others if other in inside}
        folded.setdefault(node(name), set()).update(targets - {node(name)})
    return folded


def floors(graph: Graph) -> int:
    """Return the length of the longest chain of imports; `graph` has no circle."""
    heights: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in heights:
            below = (height(other) for other in graph[name] if other in graph)
            heights[name] = 1 + max(below, default=0)
        return heights[name]

    return max(map(height, graph), default=0)


def files_in_folders() -> Counter[str]:
    counts = Counter(
        str(path.parent.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if path.stem != "__init__"
    )
    for folder in (ROOT / "assets" / "glm4v-nano" / "recipe").rglob("*/"):
        counts[str(folder.relative_to(ROOT))] += len(list(folder.glob("[!_]*.py")))
    return counts


def long_lines() -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > MAX_LINE
    ]


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(parse(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def prose(path: Path) -> list[str]:
    """Return the docstrings and comments of a file."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    texts = [
        ast.get_docstring(node) or "" for node in ast.walk(parse(path)) if isinstance(node, nodes)
    ]
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    return texts + [token.string for token in tokens if token.type == tokenize.COMMENT]


def vague_words() -> list[str]:
    """Return where docstrings, comments and README use the words that VAGUE lists."""
    texts = [
        (path, text) for path in sources() if path.name != "measure_code.py" for text in prose(path)
    ]
    texts += [(path, path.read_text("utf-8")) for path in (ROOT / "README.md",)]
    return [
        f"{path.relative_to(ROOT)}: {found[0]}"
        for path, text in texts
        for found in VAGUE.finditer(text)
    ]


def table() -> Iterator[tuple[str, str]]:
    graph, known = import_graph(), modules()
    words = sum(len(text.split()) for path in sources() for text in prose(path))
    vague = len(vague_words())
    yield "circles of imports", str(len(circles(graph)))
    for wing in ("webui.engine", "webui.media", "webui.ui"):
        folded = folder_graph(graph, wing)
        looping = circles(folded)
        yield (
            f"floors of {wing}",
            f"{floors(folded)}" if not looping else f"circle: {sorted(looping)}",
        )
    yield "most files in a folder", str(files_in_folders().most_common(3))
    yield "vague words", f"{vague} in {words} words of prose: {1000 * vague / words:.1f} per 1,000"
    yield f"lines over {MAX_LINE} characters", str(len(long_lines()))
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in known.items()}
    longest = max(lines, key=lambda name: lines[name])
    yield "lines of webui", str(sum(lines.values()))
    yield "longest file", f"{longest}, {lines[longest]} lines; median {median(lines.values()):.0f}"
    found = [function for path in known.values() for function in functions(path)]
    yield "mean length of a function's name", f"{mean(len(each.name) for each in found):.1f}"
    sizes = [(each.end_lineno or 0) - each.lineno + 1 for each in found]
    yield "longest function", f"{max(sizes)} lines; median {median(sizes):.0f}"
    users = Counter(other for others in graph.values() for other in others)
    yield "files with one user", f"{sum(users[name] == 1 for name in known)} of {len(known)}"
    comprehensions = sum(
        isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        for path in known.values()
        for node in ast.walk(parse(path))
    )
    yield "comprehensions per 1,000 lines", f"{1000 * comprehensions / sum(lines.values()):.0f}"
    comments = sum(
        token.type == tokenize.COMMENT
        for path in known.values()
        for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline)
    )
    yield "comments per 100 lines", f"{100 * comments / sum(lines.values()):.1f}"


def main() -> None:
    for name, value in table():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
