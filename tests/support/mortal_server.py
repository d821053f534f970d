"""A server whose first process loses its device, as after a device-side assert on a GPU.

    python tests/support/mortal_server.py PORT FOLDER

The first process marks FOLDER; its engine dies of the first answer and cannot be loaded again.
FOLDER also holds the folder of the process's temporary files.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

import uvicorn
from fake_loader import FakeLoader, loaded_model
from faulty_runner import FaultyRunner

from webui.app import create_app
from webui.engine.manager.model_manager import ModelManager
from webui.errors import ModelLoadError
from webui.media.reader import MediaReader
from webui.reasons import Unexpected
from webui.restart import Restart
from webui.run_folder import RunFolder
from webui.server import Server, listen
from webui.settings import Settings


class LostDevice(FaultyRunner):
    """Fails in each step, and reports a lost device."""

    def decode(self, sequences):
        raise RuntimeError("CUDA error: device-side assert triggered")

    def is_device_alive(self):
        return False


class MortalLoader(FakeLoader):
    def load(self, choice, report, on_death):
        if self.calls:
            raise ModelLoadError(
                model=choice.info.name,
                reason=Unexpected("CUDA error: device-side assert triggered"),
            )
        self.calls.append("load")
        return loaded_model(choice.info.name, LostDevice(), on_death)


def main() -> None:
    restart = Restart(min_uptime_s=0)
    with RunFolder(sys.argv[2]):
        serve(int(sys.argv[1]), Path(sys.argv[2], "first"), restart)
    if restart.requested:
        restart.execute()


def serve(port: int, note: Path, restart: Restart) -> None:
    loader = FakeLoader() if note.exists() else MortalLoader()
    loader.may_load.set()
    note.touch()
    options = {
        "quantization": "none",
        "bundled": ROOT / "assets" / "glm4v-nano",
        "retry_after_s": 0.0,
    }
    model = ModelManager(["nano"], loader=loader, on_lost=restart.request, **options)
    settings = Settings()
    app = create_app(model, MediaReader(settings.limits, office=None), settings)
    model.start()
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2)
    Server(config, app.state.traffic.wait_until_idle, model.close, restart).run(
        sockets=[listen("127.0.0.1", port)]
    )


if __name__ == "__main__":
    main()
