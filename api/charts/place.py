"""Where a chart is shown: the sizes of its texts, and what stands beside it there."""

from enum import StrEnum


class Place(StrEnum):
    """The place of a chart."""

    README = "readme"
    """Any page of others: displayed smaller than drawn, and with nothing beside it."""
    PAGE = "page"
    """A page of this product: displayed as large as drawn, below a heading; a script reads it."""

    @property
    def is_page(self) -> bool:
        """Whether the page names the subject of the chart."""
        return self is Place.PAGE

    def font_px(self, width: int) -> float:
        """Return the size of the font in pixels for a chart of a width.

        In a README it is 12 for 400 pixels and 17 for 800.
        """
        if self.is_page:
            return 12 if width < 500 else 13
        return min(max(7 + width / 80, 12), 20)
