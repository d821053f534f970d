"""The plan of the house: which module imports which, how large things get, what imports start."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from measure_code import (
    circles,
    files_in_folders,
    floors,
    folder_graph,
    import_graph,
    long_lines,
    vague_words,
)

ROOT = Path(__file__).parents[1]
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in [ROOT / "launch.py", *sorted((ROOT / "webui").rglob("*.py"))]
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MOST_FILES = 12
MOST_FLOORS = 8

# An import only goes to a smaller number; rooms of the same floor do not know each other.
FLOORS = {
    "launch": 5,
    "webui.app": 4,
    "webui.ui": 3,
    "webui.api": 3,
    "webui.media": 2,
    "webui.engine": 2,
    "webui.server": 1,
    "webui.restart": 0,
    "webui.compression": 0,
    "webui.run_folder": 0,
    "webui.access": 1,
    "webui.settings": 1,
    "webui.options": 0.5,
    "webui.protocol": 0,
    "webui.sampling": -1,
    "webui.errors": -2,
    "webui.reasons": -3,
    "webui": 0,
}
TORCH = (
    "webui.engine.execution",
    "webui.engine.models",
    "webui.engine.loading",
    "webui.engine.planning.probe",
)
WEB = ("webui.api", "webui.access", "webui.server", "webui.compression", "webui.app")
LIBRARIES = {
    "torch": TORCH,
    "transformers": TORCH,
    "huggingface_hub": TORCH,
    "gradio": ("webui.ui", "webui.app"),
    "fastapi": WEB,
    "starlette": (*WEB, "webui.ui.early_script"),
    "uvicorn": WEB,
    "pymupdf": ("webui.media.formats.pdf", "webui.media.formats.pptx"),
    "pptx": ("webui.media.formats.pptx",),
    "decord": ("webui.media.formats.video",),
    "av": ("webui.media.formats.video",),
}
# Installed under another name than it is imported by.
INSTALLED_AS = {
    "PIL": "pillow",
    "pillow_heif": "pillow-heif",
    "pptx": "python-pptx",
    "pydantic_core": "pydantic",
}
# Imported by transformers alone.
NEEDED_BY_TRANSFORMERS = {"torchvision", "accelerate", "bitsandbytes"}
# The edges of a worker: every error there is passed on to what waits for its result.
WORKERS = (
    "webui.engine.serving.engine",
    "webui.engine.serving.engine_core",
    "webui.engine.serving.input_processor",
    "webui.engine.manager.downloads",
    "webui.engine.manager.model_thread",
    "webui.engine.manager.active_model",
    "webui.media.worker",
)


@cache
def tree(path):
    return ast.parse(path.read_text("utf-8"))


def typing_only(path):
    """The statements that only a type checker reads."""
    guards = [
        node
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
    ]
    return {id(inner) for guard in guards for inner in ast.walk(guard)}


def imports(module, *, typed=False):
    """The full names of the modules that `module` imports, wherever in it."""
    path = SOURCES[module]
    hidden = set() if typed else typing_only(path)
    found = set()
    for node in ast.walk(tree(path)):
        if id(node) in hidden:
            continue
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: relative import"
            inner = {f"{node.module}.{name.name}" for name in node.names}
            found |= {name if name in SOURCES else node.module for name in inner}
    return found


def room(module):
    return max((name for name in FLOORS if within(module, name)), key=len)


def within(module, package):
    return module == package or module.startswith(package + ".")


def test_imports_go_down():
    def rises(module, other):
        return room(module) != room(other) and FLOORS[room(other)] >= FLOORS[room(module)]

    edges = [
        (module, other)
        for module in SOURCES
        for other in imports(module, typed=True) & SOURCES.keys()
    ]
    assert len(edges) > len(SOURCES)
    assert not [edge for edge in edges if rises(*edge)]


def test_page_and_api_know_no_engine():
    people = [
        module for module in SOURCES if within(module, "webui.ui") or within(module, "webui.api")
    ]
    edges = [(module, other) for module in people for other in imports(module, typed=True)]
    assert not [edge for edge in edges if within(edge[1], "webui.engine")]


def test_only_its_folder_knows_a_model_family():
    """A second family is a second folder: no other file of the engine knows the modules of one."""
    folder = "webui.engine.models.glm4v"
    modules = re.compile(
        r"glm4v|rope_index|get_image_features|language_model|\.visual", re.IGNORECASE
    )
    known = {
        module
        for module, path in SOURCES.items()
        if within(module, "webui.engine") and not within(module, folder)
        if modules.search(path.read_text("utf-8"))
    }
    # The catalogue has the name of the bundled model, families.py lists the folders.
    assert known == {"webui.engine.loading.catalog", "webui.engine.models.families"}


def test_only_the_openai_modules_import_each_other():
    """Another API format can share everything else in webui.api."""
    shared = [
        module
        for module in SOURCES
        if within(module, "webui.api") and not module.startswith("webui.api.openai")
    ]
    assert len(shared) > 5
    for module in shared:
        assert not [name for name in imports(module) if name.startswith("webui.api.openai")]


def test_libraries_stay_in_their_rooms():
    edges = [(module, other.partition(".")[0]) for module in SOURCES for other in imports(module)]
    kept = [edge for edge in edges if edge[1] in LIBRARIES]
    assert kept
    assert not [
        edge for edge in kept if not any(within(edge[0], name) for name in LIBRARIES[edge[1]])
    ]


def test_what_is_imported_is_installed_and_no_more():
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    installed = {
        re.match(r"[\w-]+", line)[0] for line in lines if line and not line.startswith("#")
    }
    names = {other.partition(".")[0] for module in SOURCES for other in imports(module, typed=True)}
    used = {INSTALLED_AS.get(name, name) for name in names - sys.stdlib_module_names - {"webui"}}
    assert installed == used | NEEDED_BY_TRANSFORMERS


def test_no_import_goes_round():
    graph = {module: imports(module, typed=True) & SOURCES.keys() - {module} for module in SOURCES}
    while leaves := [module for module, others in graph.items() if not others]:
        graph = {
            module: others - set(leaves) for module, others in graph.items() if module not in leaves
        }
    assert not graph


def test_the_folders_of_a_wing_form_no_circle_and_few_floors():
    modules = import_graph()
    for wing in ("webui.engine", "webui.media", "webui.ui"):
        graph = folder_graph(modules, wing)
        assert len(graph) > 5
        assert not circles(graph), wing
        assert floors(graph) <= MOST_FLOORS, wing


def test_folders_stay_small():
    counts = files_in_folders()
    assert len(counts) > 20
    assert not {folder: count for folder, count in counts.items() if count > MOST_FILES}


def test_lines_stay_short():
    assert not long_lines()


def test_prose_says_who_acts():
    assert not vague_words()


def test_only_settings_reads_the_command_line_and_the_environment():
    told = [
        (module, ast.unparse(node))
        for module, path in SOURCES.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
    ]
    readers = {module for module, name in told if name in ("sys.argv", "os.environ", "os.getenv")}
    # A zygote's fork and the server's process set where temporary files go, and read nothing.
    writers = {"webui.media.sandbox.fork_server", "webui.run_folder"}
    assert readers == {"webui.settings"} | writers
    statements = {
        ast.unparse(node)
        for module in writers
        for node in ast.walk(tree(SOURCES[module]))
        if isinstance(node, (ast.Expr, ast.Assign)) and "os.environ" in ast.unparse(node)
    }
    assert statements == {
        "os.environ.update(HOME=request['folder'], TMPDIR=request['folder'])",
        "os.environ[GRADIO_VARIABLE] = str(self.path)",
        "os.environ.pop(GRADIO_VARIABLE, None)",
        "os.environ[GRADIO_VARIABLE] = self._base",
    }


def test_files_stay_small():
    lengths = {
        path.name: len(path.read_text("utf-8").splitlines()) for path in (*SOURCES.values(), *TESTS)
    }
    assert not {name: length for name, length in lengths.items() if length > MOST_LINES}


def test_functions_stay_short():
    functions = [
        (path.name, node.name, node.end_lineno - node.lineno + 1)
        for path in (*SOURCES.values(), *TESTS)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    assert not [found for found in functions if found[2] > MOST_FUNCTION_LINES]


def test_modules_hold_no_state_and_do_no_work():
    """At module level stand names only: imports, constants, classes, functions."""
    named = (
        ast.Import,
        ast.ImportFrom,
        ast.Assign,
        ast.AnnAssign,
        ast.ClassDef,
        ast.FunctionDef,
        ast.AsyncFunctionDef,
    )
    for module, path in SOURCES.items():
        assert ast.get_docstring(tree(path)), f"{module} does not say what it does"
        for node in tree(path).body[1:]:
            guard = isinstance(node, ast.If) and ast.unparse(node.test) in (
                "TYPE_CHECKING",
                "__name__ == '__main__'",
            )
            assert guard or isinstance(node, named), f"{module}:{node.lineno}"
        assert not [node for node in ast.walk(tree(path)) if isinstance(node, ast.Global)], module


def test_errors_are_caught_by_name():
    broad = {
        module
        for module, path in SOURCES.items()
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        if (ast.unparse(node.type) if node.type else "") in ("", "Exception", "BaseException")
    }
    assert broad == set(WORKERS)


@pytest.mark.slow
def test_importing_starts_nothing():
    """Modules start no thread, and load no library of models or files; torch is the loader's."""
    light = [
        name
        for name in SOURCES
        if not any(within(name, heavy) for heavy in (*TORCH, "webui.media", "launch"))
    ]
    code = (
        f"import sys, threading\nfor name in {light}: __import__(name)\n"
        "heavy = {'torch', 'transformers', 'pymupdf', 'pptx', 'decord', 'av'} & set(sys.modules)\n"
        "threads = {thread.name for thread in threading.enumerate()} & {'engine', 'model-loader'}\n"
        "assert not heavy and not threads, (heavy, threads)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
