"""Rasterises an SVG as a browser would, so that tests can look at its pixels."""

import io
from dataclasses import dataclass

import resvg_py
from PIL import Image

RGB = tuple[int, int, int]

WHITE = (255, 255, 255)
ORANGE = (179, 89, 0)
"""The first series, stars, in the light theme."""
BLUE = (9, 105, 218)
"""The second series, forks, in the light theme."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """A rasterised picture."""

    image: Image.Image

    @property
    def size(self) -> tuple[int, int]:
        return self.image.size

    def colour(self, x: float, y: float) -> RGB:
        """Return the colour of the pixel that contains a point."""
        red, green, blue = self.image.getpixel((int(x), int(y)))  # type: ignore[misc]
        return red, green, blue

    def colours(self) -> set[RGB]:
        """Return every colour of the picture."""
        width, height = self.size
        return {self.colour(x, y) for x in range(width) for y in range(height)}

    def has(self, colour: RGB, *, x: float, y: float, within: int = 1) -> bool:
        """Tell whether a pixel of about this colour is within some pixels of a point."""
        return any(
            is_close(self.colour(column, row), colour)
            for column in range(int(x) - within, int(x) + within + 1)
            for row in range(int(y) - within, int(y) + within + 1)
            if 0 <= column < self.image.width and 0 <= row < self.image.height
        )

    def columns(self, colour: RGB) -> set[int]:
        """Return the x coordinates of all pixels of about this colour."""
        return {x for x, _ in self.places(colour)}

    def places(self, colour: RGB) -> list[tuple[int, int]]:
        """Return the coordinates of all pixels of about this colour."""
        return [
            (x, y)
            for x in range(self.image.width)
            for y in range(self.image.height)
            if is_close(self.colour(x, y), colour)
        ]


def is_close(one: RGB, other: RGB, *, by: int = 70) -> bool:
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def rasterize(svg: str, *, background: str = "#ffffff") -> Pixels:
    """Rasterise an SVG at its own size."""
    png = resvg_py.svg_to_bytes(svg_string=svg, background=background)
    return Pixels(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
