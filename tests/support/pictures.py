"""Draw small pictures and clips."""

from PIL import Image, ImageDraw

from webui.protocol import FileLabel, ImagePart, VideoPart


def circle(colour: str = "red", size: tuple[int, int] = (224, 224), left: int = 40) -> Image.Image:
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).ellipse((left, 40, left + 100, 140), fill=colour)
    return image


def picture(colour: str = "red", size: tuple[int, int] = (224, 224)) -> ImagePart:
    return ImagePart(circle(colour, size), FileLabel(f"{colour}.png"), f"{colour}.png")


def clip(colour: str = "red", count: int = 4, size: tuple[int, int] = (112, 112)) -> VideoPart:
    """Return a circle that moves to the right, with a frame every half second."""
    frames = tuple(circle(colour, size, left=4 * index) for index in range(count))
    return VideoPart(frames, tuple(index / 2 for index in range(count)), "clip.mp4")
