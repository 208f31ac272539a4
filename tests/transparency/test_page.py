"""The page of figures, its picture, the download, and what is published for good."""

import hashlib
import json
import re
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from lxml import etree

from safehold.audit import service as audit
from safehold.intake.models import Report
from safehold.transparency import labels, plot
from safehold.transparency import service as transparency
from safehold.transparency.models import PublishedReport
from tests.public.making import browser, decided, world_with
from tests.support import desk

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("vault", "no_filing")]
Q1 = (date(2026, 1, 1), date(2026, 4, 1))


def _reports(number: int, when: datetime | None = None) -> None:
    for place in range(number):
        desk.report(account_name=f"user-{place}", host="", number=place)
    if when:
        Report.objects.update(received_at=when)


def test_the_page_says_it_in_tables_and_in_a_picture() -> None:
    _reports(7)
    text = browser().get("/transparency/").content.decode()
    assert re.search(r'scope="row">Reports received</th><td class="number">7</td>', text)
    assert '<svg class="bars"' in text
    assert "Reports received: 7" in text, "the picture's text alternative"
    assert re.search(r'scope="row">Overrides of the policy&#x27;s outcome</th><td class="number">0</td>', text)
    assert "Child sexual exploitation: stricter than computed" in text
    assert "not measured" in text
    assert "none in this period" in text
    assert "<script" not in text


def test_small_numbers_are_on_neither_page_nor_download() -> None:
    world_with("user-17")
    decided("user-17", desk.SUSPENDS)
    text = browser().get("/transparency/").content.decode()
    assert "fewer than 5" in text
    assert not re.search(r'<td class="number[^"]*">[1-4]</td>', text)
    answer = browser().get("/transparency/figures.json")
    figures = json.loads(answer.content)
    for section in figures["sections"]:
        for row in section["rows"]:
            assert row["value"] is None or row["value"] == 0 or row["value"] >= 5, row
            assert not {"of", "part"} & set(row)
    assert figures["suppression"] == "counts below 5"
    assert figures["environment"] == "practice"
    assert 'filename="safehold-' in answer["Content-Disposition"]


def test_every_figure_has_a_name_and_every_section_a_heading() -> None:
    world_with("user-17", "user-18")
    decided("user-17", desk.SUSPENDS, number=1)
    decided("user-18", desk.LENIENT, number=2)
    today = datetime.now(UTC).date()
    figures = transparency.public_figures(today, date.fromordinal(today.toordinal() + 1))
    used = set()
    for section in figures["sections"]:
        assert section["id"] in labels.SECTIONS
        for row in section["rows"]:
            assert labels.label(row, "zh-hans")
            assert labels.value(row)
            if not {"clause", "direction"} & set(row):  # those are named by the policy's own words
                used.add(row["id"])
    assert set(labels.ROWS) == used


def test_only_whole_quarters_can_be_chosen() -> None:
    _reports(6, datetime(2026, 2, 3, tzinfo=UTC))
    page = browser().get("/transparency/?period=2026-Q1")
    assert page.status_code == 200
    assert "Not published yet" in page.content.decode()
    for wrong in ("2025-Q4", "2026-01-01", "2026-Q5", "", "x"):
        assert browser().get("/transparency/", {"period": wrong}).status_code == 404, wrong
        assert browser().get("/transparency/figures.json", {"period": wrong}).status_code == 404, wrong


def test_a_published_report_stays_as_it_was() -> None:
    _reports(6, datetime(2026, 2, 3, tzinfo=UTC))
    row = transparency.publish(*Q1, actor="staff:1")
    body = json.dumps(row.figures, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert row.digest == hashlib.sha256(body.encode()).hexdigest()
    assert [entry.act for entry in audit.history(row)] == ["transparency.published"]
    Report.objects.all().update(received_at=datetime(2026, 2, 4, tzinfo=UTC), urgent=True)
    text = browser().get("/transparency/?period=2026-Q1").content.decode()
    assert "Published on" in text
    download = json.loads(browser().get("/transparency/figures.json?period=2026-Q1").content)
    assert (download["digest"], download["edition"]) == (row.digest, 1)
    row.note = "changed"
    with pytest.raises(transparency.Frozen):
        row.save()
    with pytest.raises(transparency.Frozen):
        row.delete()


def test_a_correction_is_a_further_edition() -> None:
    _reports(6, datetime(2026, 2, 3, tzinfo=UTC))
    transparency.publish(*Q1, actor="staff:1")
    transparency.publish(*Q1, actor="staff:1", note="one report was counted twice")
    assert PublishedReport.objects.count() == 2
    assert "edition 2" in browser().get("/transparency/?period=2026-Q1").content.decode()


def test_a_period_that_is_not_over_is_not_published() -> None:
    today = datetime.now(UTC).date()
    with pytest.raises(transparency.NotOver):
        transparency.publish(date(today.year, 1, 1), date(today.year + 1, 1, 1), actor="staff:1")
    assert not PublishedReport.objects.exists()


@pytest.mark.parametrize("rtl", [False, True])
def test_the_picture_is_well_formed_and_safe(rtl: bool) -> None:
    drawn = plot.bars([('a <b> & "c"', 10, "10"), ("d", None, "fewer than 5"), ("e", 0, "0")], title="t", rtl=rtl)
    tree = etree.fromstring(drawn)
    assert tree.attrib["role"] == "img"
    assert 'a <b> & "c": 10' in tree.attrib["aria-label"]
    widths = [float(rect.attrib["width"]) for rect in tree.iter("rect")]
    assert widths == sorted(widths, reverse=True)
    assert all(float(rect.attrib["x"]) >= 0 for rect in tree.iter("rect"))
    assert [rect.attrib["class"] for rect in tree.iter("rect")] == ["bar", "bar-hidden", "bar"]
    assert "style" not in drawn


def test_the_picture_of_nothing_is_drawn() -> None:
    assert etree.fromstring(plot.bars([("a", 0, "0")], title="t")) is not None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (90, "90 seconds"), (600, "10 minutes"), (86400, "24 hours"), (864000, "10 days")],
)
def test_a_time_is_said_in_its_unit(seconds: int, words: str) -> None:
    assert labels.duration(seconds) == words


@pytest.mark.parametrize("language", ["zh-hans", "ar"])
def test_the_page_in_other_languages(language: str) -> None:
    _reports(6)
    page = Client(SERVER_NAME="localhost", HTTP_ACCEPT_LANGUAGE=language).get("/transparency/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "Reports received" not in text
    if language == "ar":
        assert 'direction="rtl"' in text
