"""The structure of the recipe: its imports go down, and its folders stay small."""

import ast

from measure_code import circles
from nano_model import NANO

RECIPE = NANO / "recipe"
# From the top. A package imports only itself and those after it.
LAYERS = (
    "recipe.train",
    "recipe.evaluate",
    "recipe.metrics",
    "recipe.training",
    "recipe.dialogue.examples",
    "recipe.dialogue.replies",
    "recipe.dialogue.questions",
    "recipe.drawing",
    "recipe.vocabulary",
    "recipe.rng",
)
MAX_FILES = 12


def recipe_imports():
    """Return the modules of the recipe that each of its modules imports."""
    paths = {
        ".".join(path.relative_to(NANO).with_suffix("").parts): path
        for path in RECIPE.rglob("*.py")
        if path.stem != "__init__"
    }
    graph = {}
    for name, path in paths.items():
        imported = set()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module)
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        graph[name] = imported & paths.keys()
    return graph


def layer_of(module):
    [layer] = [name for name in LAYERS if module == name or module.startswith(name + ".")]
    return LAYERS.index(layer)


def test_imports_go_down():
    edges = [(module, other) for module, others in recipe_imports().items() for other in others]
    assert len(edges) > 100
    assert not [edge for edge in edges if layer_of(edge[0]) > layer_of(edge[1])]


def test_no_circle_of_imports():
    assert not circles(recipe_imports())


def test_folders_have_at_most_twelve_files():
    folders = [RECIPE, *(path for path in RECIPE.rglob("*") if path.is_dir())]
    counts = {folder: len(list(folder.glob("[!_]*.py"))) for folder in folders}
    assert not {folder.name: count for folder, count in counts.items() if count > MAX_FILES}
