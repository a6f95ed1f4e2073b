from tests.api.charts import golden_pictures


def test_charts_are_drawn_as_the_golden_pictures() -> None:
    """``python -m tests.api.charts.golden_pictures`` draws them again, to be looked at."""
    golden = {
        path.stem: path.read_text(encoding="utf-8")
        for path in golden_pictures.DIRECTORY.glob("*.svg")
    }

    drawn = dict(golden_pictures.pictures())

    assert drawn.keys() == golden.keys()
    for name, svg in drawn.items():
        # Lists, for a difference of single elements.
        assert svg.splitlines() == golden[name].splitlines(), name
