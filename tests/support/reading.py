"""Read files in tests: the sizes of one model, and readers with chosen limits."""

from pathlib import Path

from webui.media.reader import MediaReader, Selection, find_office
from webui.protocol import MediaLimits, ModelInfo, PixelBudget

INFO = ModelInfo(
    "any",
    8192,
    image=PixelBudget(28, 6272, 500_000),
    frame=PixelBudget(28, 6272, 50_000),
    max_frames=8,
)
TOKENS = 3000
ALL = Selection()


def limited(**limits) -> MediaReader:
    return MediaReader(MediaLimits(**limits), office=find_office())


async def load(reader: MediaReader, path: Path, selection: Selection = ALL, tokens: int = TOKENS):
    return await reader.load(path, INFO, selection, tokens)
