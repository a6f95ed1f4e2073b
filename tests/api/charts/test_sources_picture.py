from tests import sources_picture


def test_the_picture_of_the_sources_is_what_the_charts_draw_now() -> None:
    """``python -m tests.sources_picture`` draws it again."""
    assert sources_picture.FILE.read_text() == sources_picture.draw()
