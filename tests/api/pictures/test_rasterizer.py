"""PNGs are drawn in other processes, within bounds."""

import io
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from fastapi import HTTPException
from PIL import Image

from api.pictures.rasterizer import Rasterizer

SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="20"><rect width="60" height="20"'
    ' fill="#ffffff"/><text x="2" y="16" font-size="16" font-family="{}">{}</text></svg>'
)


def picture(text: str = "abc", font: str = "system-ui,Helvetica,sans-serif") -> Callable[[], str]:
    return lambda: SVG.format(font, text)


def draw(rasterizer: Rasterizer, tag: str, svg: Callable[[], str], scale: float = 1) -> bytes:
    return anyio.run(rasterizer.draw, tag, svg, scale)


def fails(program: Path, timeout: float = 60) -> pytest.ExceptionInfo[Exception]:
    rasterizer = Rasterizer(program=program, timeout=timeout)
    with pytest.raises(Exception) as raised:  # noqa: PT011 - the caller looks at it
        draw(rasterizer, "a", picture())
    return raised


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "program.py"
        path.write_text(text)
        return path

    return write


def test_a_png_has_the_size_of_the_svg_times_the_scale() -> None:
    rasterizer = Rasterizer()

    sizes = [
        Image.open(io.BytesIO(draw(rasterizer, str(scale), picture(), scale))).size
        for scale in (1, 3)
    ]

    assert sizes == [(60, 20), (180, 60)]


def test_text_is_drawn_with_the_packages_font_whatever_is_asked_for() -> None:
    """Otherwise it would depend on the machine's fonts, or be missing where there are none."""
    rasterizer = Rasterizer()

    usual, other, none = (
        draw(rasterizer, name, picture(text, font))
        for name, text, font in (
            ("usual", "abc", "system-ui,Helvetica,sans-serif"),
            ("other", "abc", "DejaVu Serif,sans-serif"),
            ("none", "", "Inter"),
        )
    )

    assert usual == other != none


def test_a_picture_is_drawn_once() -> None:
    rasterizer = Rasterizer()
    drawn: list[str] = []

    def count() -> str:
        drawn.append("")
        return picture()()

    assert draw(rasterizer, "a", count) == draw(rasterizer, "a", count)
    assert len(drawn) == 1


def test_only_some_are_drawn_at_once_and_only_some_wait() -> None:
    rasterizer = Rasterizer(at_once=1, max_waiting=2)
    may_go_on, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def svg() -> str:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        may_go_on.wait()
        with lock:
            running -= 1
        return picture()()

    async def ask() -> int:
        async with anyio.create_task_group() as group:
            group.start_soon(rasterizer.draw, "a", svg, 1)
            group.start_soon(rasterizer.draw, "b", svg, 1)
            await anyio.wait_all_tasks_blocked()
            try:
                await rasterizer.draw("c", svg, 1)
            except HTTPException as error:
                return error.status_code
            finally:
                may_go_on.set()
        raise AssertionError("all three were drawn")

    assert anyio.run(ask) == 503
    assert most == 1
    # There is room again.
    assert draw(rasterizer, "d", picture())


def test_a_program_that_takes_too_long_is_killed(program: Callable[[str], Path]) -> None:
    raised = fails(program("import time\ntime.sleep(3600)\n"), timeout=0.2)

    assert isinstance(raised.value, HTTPException)
    assert raised.value.status_code == 503


def test_a_program_that_the_system_kills_is_tried_again_later(
    program: Callable[[str], Path],
) -> None:
    """That is what a machine without free memory does."""
    raised = fails(program("import os\nos.kill(os.getpid(), 9)\n"))

    assert isinstance(raised.value, HTTPException)
    assert raised.value.status_code == 503


def test_a_program_that_fails_is_a_bug(program: Callable[[str], Path]) -> None:
    raised = fails(program("raise SystemExit('no such SVG')\n"))

    assert isinstance(raised.value, RuntimeError)
    assert "no such SVG" in str(raised.value)
