"""The page in a real browser: nothing asked for, no sideways scrolling, readable, and understood by a screen reader.

Needs a Chromium or Chrome (LKDIAG_CHROMIUM, else on the path), and is skipped without. With LKDIAG_AXE, the path of an
`axe.min.js` (https://github.com/dequelabs/axe-core), its rules are checked too.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from lkdiag.document.build import document_of
from lkdiag.render.html import page as writer
from tests.render.sample_reports import SAMPLES
from tests.render.teardown_samples import TEARDOWNS

from .browser import Page, chromium, find_chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.report.value import Report

CHROMIUM = find_chromium()
EVERY = {**SAMPLES, **TEARDOWNS}
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found: set LKDIAG_CHROMIUM, or install one"),
    pytest.mark.asyncio(loop_scope="module"),
]

UNREADABLE = """
(() => {
  const channel = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const numbers = text => text.match(/[\\d.]+/g).map(Number);
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgb = colour => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = c => .2126 * channel(c[0]) + .7152 * channel(c[1]) + .0722 * channel(c[2]);
  const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
  const behind = node => { for (; node; node = node.parentElement) {
    const found = rgb(getComputedStyle(node).backgroundColor); if (found[3] === 255) return found; } };
  const bad = [];
  for (const node of document.body.querySelectorAll("*")) {
    const text = [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim());
    if (!text || node.closest("title") || node.matches("title")) continue;
    const style = getComputedStyle(node);
    const colour = rgb(node instanceof SVGElement ? style.fill : style.color);
    const found = ratio(colour, behind(node));
    const name = `${node.tagName}.${node.getAttribute("class")}`;
    if (found < 4.5) bad.push(`${name} ${found.toFixed(2)} ${node.textContent.slice(0, 40)}`);
  }
  return bad;
})()
"""
"""Texts with less contrast than WCAG 2.2's AA asks for (1.4.3: 4.5 to 1)."""


def render(report: Report) -> str:
    return writer.render(document_of(report))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """One browser for all of them."""
    assert CHROMIUM is not None
    async with chromium(CHROMIUM) as found:
        yield found


@pytest.fixture(scope="module")
def axe() -> str:
    """The rules' script."""
    return Path(os.environ["LKDIAG_AXE"]).read_text(encoding="utf-8")


def written(sample: str, folder: Path) -> Path:
    path = folder / f"{sample}.html"
    path.write_text(render(EVERY[sample]()), encoding="utf-8")
    return path


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width_px", [1280, 360])
@pytest.mark.parametrize("sample", ["failing", "hostile", "teardown-grid", "empty"])
async def test_it_fits_and_can_be_read(page: Page, sample: str, width_px: int, dark: bool, tmp_path: Path) -> None:
    path = written(sample, tmp_path)
    await page.open(path, width_px=width_px, dark=dark)
    assert page.requested == [path.as_uri()]
    assert page.complaints == []
    assert await page.value("document.documentElement.scrollWidth") <= width_px
    assert await page.value("matchMedia('(prefers-color-scheme: dark)').matches") is dark
    await page.value("document.querySelectorAll('details').forEach(block => { block.open = true })")
    assert await page.value("document.documentElement.scrollWidth") <= width_px
    assert await page.value(UNREADABLE) == []
    cut = "[...document.querySelectorAll('.chart text')].filter(t => t.getBoundingClientRect().left < 0).length"
    assert await page.value(cut) == 0


async def test_without_javascript_it_is_the_same(page: Page, tmp_path: Path) -> None:
    path = written("failing", tmp_path)
    texts = []
    for scripts in (True, False):
        await page.open(path, width_px=1280, dark=False, scripts=scripts)
        tree = await page.call("Accessibility.getFullAXTree")
        texts.append([node["name"]["value"] for node in tree["nodes"] if "name" in node])
    assert texts[0] == texts[1]


async def test_a_screen_reader_finds_its_way(page: Page, tmp_path: Path) -> None:
    await page.open(written("failing", tmp_path), width_px=1280, dark=False)
    nodes = [node for node in (await page.call("Accessibility.getFullAXTree"))["nodes"] if not node["ignored"]]

    def named(role: str) -> list[str]:
        return [node.get("name", {}).get("value", "") for node in nodes if node["role"]["value"] == role]

    assert [len(named(role)) for role in ("main", "banner", "contentinfo")] == [1, 1, 1]
    assert named("heading")[:3] == ["lkdiag dispatch-trial", "Environment", "Figures"]
    for role in ("region", "table", "image", "link"):
        assert named(role), role
        assert all(named(role)), role
    for state in ("expanded", "collapsed"):
        assert [node for node in nodes if node["role"]["value"] == "DisclosureTriangle"], state


async def test_the_keyboard_reaches_everything_and_shows_where_it_is(page: Page, tmp_path: Path) -> None:
    await page.open(written("failing", tmp_path), width_px=1280, dark=False)
    wanted = await page.value("document.querySelectorAll('summary, .scroll, .skip').length")
    reached: list[dict[str, Any]] = []
    for _ in range(400):
        await page.call("Input.dispatchKeyEvent", type="keyDown", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        await page.call("Input.dispatchKeyEvent", type="keyUp", key="Tab", code="Tab", windowsVirtualKeyCode=9)
        now = await page.value(
            "(n => n === document.body ? null : {tag: n.tagName, kind: n.className,"
            " line: getComputedStyle(n).outlineStyle, seen: n.getBoundingClientRect().width > 0})"
            "(document.activeElement)"
        )
        if now is None:
            break
        reached.append(now)
    assert reached[0]["kind"] == "skip"
    visible = [found for found in reached if found["tag"] == "SUMMARY" or found["kind"] in ("scroll", "skip")]
    assert len(visible) >= wanted - 1  # the table in a folded block is reached when it is unfolded
    assert all(found["line"] != "none" and found["seen"] for found in reached)


async def test_a_link_to_a_trial_unfolds_it(page: Page, tmp_path: Path) -> None:
    await page.open(written("failing", tmp_path), width_px=1280, dark=False)
    folded = "document.getElementById('trial-33').closest('details').open"
    assert await page.value(folded) is False
    await page.value("document.querySelector('a[href=\"#trial-33\"]').click()")
    assert await page.value(f"new Promise(done => requestAnimationFrame(() => done({folded})))") is True


@pytest.mark.skipif("LKDIAG_AXE" not in os.environ, reason="LKDIAG_AXE names no axe.min.js")
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("sample", EVERY)
async def test_axe_has_nothing_to_say(page: Page, axe: str, sample: str, dark: bool, tmp_path: Path) -> None:
    await page.open(written(sample, tmp_path), width_px=1280 if dark else 360, dark=dark)
    await page.value("document.querySelectorAll('details').forEach(block => { block.open = true })")
    await page.value(f"{axe};0")
    found = await page.value(
        "axe.run().then(r => JSON.stringify(r.violations.map(v => [v.id, v.nodes.map(n => n.html)])))"
    )
    assert json.loads(found) == []
