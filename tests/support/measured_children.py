"""Branch coverage of the children that read files, when the tests run with --cov.

Their fork server has no environment to find coverage's settings in, and keeps none: a test checks
that its children see nothing of the server's.
"""

import base64
import json

MEASURED = (
    "import os, coverage; "
    "os.environ['COVERAGE_PROCESS_CONFIG'] = {config!r}; "
    "coverage.process_startup(); "
    "del os.environ['COVERAGE_PROCESS_CONFIG']; "
)


def measured_start(start: str, config: str) -> str:
    """Return the code that starts a fork server, with coverage in it and in its children.

    `config` is coverage's configuration as it hands it to processes.
    """
    settings = json.loads(base64.b64decode(config))
    # Coverage's patch of subprocess would put its settings into the environment of each child.
    settings["patch"] = ["fork", "_exit"]
    return MEASURED.format(config=base64.b64encode(json.dumps(settings).encode()).decode()) + start
