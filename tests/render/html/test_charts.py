"""The charts: scales, and that what they draw is what the report says."""

from __future__ import annotations

import re

import pytest

from lkdiag.document.blocks import Rates
from lkdiag.document.dispatch import timings
from lkdiag.render.html.charts import (
    clock,
    counts,
    delays,
    distribution,
    interval,
    lanes,
    linear,
    over_time,
    stretched,
    time_scale,
    times_of,
)
from lkdiag.render.html.markup import element, written
from lkdiag.report.value import DispatchReport, TimelineLine
from tests.render.sample_reports import a_delayed, a_dropped, a_report, a_trial, delivered, failing

from .parsing import Node, parsed


def charts(report: DispatchReport) -> tuple[Node, Node]:
    times = times_of(timings(report))
    scale = time_scale(times)
    assert scale is not None
    histogram, curves = (parsed(written(chart)) for chart in distribution(timings(report), times, scale))
    return histogram, curves


@pytest.mark.parametrize(
    ("values", "ticks", "logarithmic"),
    [
        ([290.0, 346.0], (280, 300, 320, 340, 360), False),
        ([290.0, 15870.0], (200, 500, 1000, 2000, 5000, 10000, 20000), True),
        ([1.0, 900_000.0], (1, 10, 100, 1000, 10_000, 100_000, 1_000_000), True),
        ([0.0, 12.0], (0, 5, 10, 15), False),
        ([304.0], (280, 290, 300, 310, 320), False),
    ],
)
def test_an_axis_of_delays(values: list[float], ticks: tuple[float, ...], logarithmic: bool) -> None:
    scale = delays(values)
    assert scale.ticks == pytest.approx(ticks)
    assert scale.logarithmic is logarithmic
    assert all(0 <= scale.share(value) <= 1 for value in values)


@pytest.mark.parametrize("value", [0.0, -5.0, 3.7, 1e9])
def test_a_single_delay_has_an_axis(value: float) -> None:
    scale = delays([value])
    assert 0 < scale.share(value) < 1
    assert len(set(scale.ticks)) == len(scale.ticks) >= 2


def test_axes_of_counts_and_of_times() -> None:
    assert counts(1).ticks == (0, 1)
    assert counts(26).ticks == (0, 10, 20, 30)
    assert linear(0, 0).contains(0)
    assert clock([100.0, 100.0]).ticks == (100.0,)
    assert clock([0.0, 100.0]).ticks == (0, 30, 60, 90)
    assert len(clock([0.0, 40 * 86400.0]).ticks) <= 7
    assert not stretched([0, 500, 900, 1000]).logarithmic
    assert stretched([0, 1, 2, 3, 20_000]).logarithmic
    assert stretched([5.0]).share(0) == 0


def test_the_histogram_counts_every_trial_of_the_subject() -> None:
    report = failing()
    histogram, _ = charts(report)
    bars = [node.text() for node in histogram.find("rect", class_="came")]
    assert sum(int(re.findall(r": (\d+) trial", words)[0]) for words in bars) == report.summary.latency_ms.count
    assert [node.text() for node in histogram.find("rect", class_="never")] == ["never came: 6 trials"]


def test_the_curve_ends_below_one_where_trials_were_lost() -> None:
    report = failing()
    _, curves = charts(report)
    lost = report.summary.lost_rate
    ends = [node.text() for node in curves.find("text", class_="strong")]
    assert ends[0].startswith(f"{100 * (1 - lost.count / lost.of):.0f} %")
    assert "30 of 36 came, 6 never did" in curves.text()
    assert len(curves.find("line", class_="censored")) == 2
    path = curves.find("path", class_="first")[0].attributes["d"]
    heights = [float(number) for number in re.findall(r"V([\d.]+)", path)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == pytest.approx(190 - 30 / 36 * 182, abs=0.1)


def test_the_curve_reaches_one_where_none_was_lost() -> None:
    histogram, curves = charts(delivered())
    assert not curves.find("line", class_="censored")
    assert not histogram.find("rect", class_="never")
    assert curves.find("path", class_="first")[0].attributes["d"].endswith("V8H2000")


def test_a_trial_that_came_after_the_timeout_is_lost() -> None:
    report = a_report((a_trial(1), a_dropped(2, latency_ms=21_000.0)))
    histogram, curves = charts(report)
    assert "never came: 1 trial" in histogram.text()
    assert "1 of 2 came, 1 never did" in curves.text()


def test_over_the_run_every_trial_has_its_mark() -> None:
    report = failing()
    tree = parsed(written(over_time(timings(report), time_scale(times_of(timings(report))))))
    marks = tree.find("svg", class_="chart")[0].find("use")
    assert len(marks) == len(report.trials)
    assert len(tree.find("svg", class_="chart")[0].find("use", class_="lost second")) == 1
    places = [float(mark.attributes["x"].rstrip("%")) for mark in marks]
    assert places == sorted(places)
    lost = {mark.attributes["y"] for mark in marks if "lost" in mark.attributes["class"]}
    assert lost == {"17"}
    assert "trial 7: delayed, 6.24 s" in tree.text()
    legend = [item.text().strip() for item in tree.find("li")]
    assert legend == ["delivered", "delayed", "dropped", "error", "hollow: control"]


def test_over_the_run_without_a_latency() -> None:
    tree = parsed(written(over_time(timings(a_report((a_dropped(1), a_dropped(2)))), None)))
    assert len(tree.find("svg", class_="chart")[0].find("use")) == 2


def test_the_interval_has_a_bar_for_each_group() -> None:
    report = failing()
    assert report.control is not None
    rates = {"subject": report.summary.lost_rate, "control": report.control.lost_rate}
    drawn = interval(Rates("title", "told", rates))
    assert drawn is not None
    assert [node.text() for node in parsed(written(drawn)).find("rect")] == [
        "subject: 6 of 36 = 17 % (95 %: 8–32 %)",
        "control: 1 of 3 = 33 % (95 %: 6–79 %)",
    ]
    assert interval(Rates("title", "told", {})) is None


def test_lanes_stand_in_their_order_with_a_dot_for_each_line() -> None:
    words = (("webhook", 900.0), ("api", 0.0), ("a-lane-from-tomorrow", 950.0), ("worker", -20.0), ("api", 400.0))
    story = [TimelineLine("2026-08-21T10:14:02.001Z", at_ms, lane, "text") for lane, at_ms in words]
    tree = parsed(written(lanes(story)))
    names = [node.find("title")[0].text() for node in tree.find("text", class_="end")]
    assert names == ["api", "worker", "webhook", "a-lane-from-tomorrow"]
    dots = tree.find("circle")
    assert [dot.text() for dot in dots][:2] == ["+0.900 s webhook: text", "+0.000 s api: text"]
    assert all(0 <= float(dot.attributes["cx"].rstrip("%")) <= 100 for dot in dots)
    assert dots[3].attributes["cx"] == "0%"


def test_a_limit_is_drawn_where_it_can_be_seen() -> None:
    late = a_report((a_trial(1), a_delayed(2, 6240.0)))
    assert all(len(chart.find("line", class_="limit")) == 1 for chart in charts(late))
    assert not any(chart.find("line", class_="limit") for chart in charts(delivered()))


def test_texts_are_escaped_and_made_visible() -> None:
    """In an attribute HTML gives `<` no meaning."""
    found = written(
        element("p", "<b>\x1b[31m", element("i", "&"), "\u202e", title='"><script>', hidden=None, open=True)
    )
    assert found == '<p title="&quot;&gt;<script&gt;" open="">&lt;b&gt;\\x1b[31m<i>&amp;</i>\\u202e</p>'
