"""The decision grid as a page: for policy owners alone, as a picture and as a table that say the same."""

import re
from collections import Counter
from xml.etree import ElementTree as ET

import pytest

from safehold import policy
from safehold.audit.models import FailedAttempt
from safehold.console import gridpicture
from safehold.console.gridpicture import Drawing, Look
from safehold.staff import service as staff
from safehold.staff.models import StaffRole
from safehold.staff.service import Right
from tests.console.conftest import Browser, SignIn

PACK = policy.load("child-safety", "2024-05")
PAGE = "/console/policy/2024-05/physical-abuse/"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def owner(sign_in: SignIn) -> Browser:
    return sign_in("policy_owner")


def pictures(text: str) -> list[ET.Element]:
    """The two layouts of the grid, parsed: they are well-formed."""
    found = re.findall(r'<svg class="grid-picture".*?</svg>', text, re.DOTALL)
    return [ET.fromstring(one.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1)) for one in found]  # noqa: S314


def titles(picture: ET.Element) -> list[tuple[str, str, int]]:
    """(cell, letter, count) of each part of the picture, from its <title>."""
    found = []
    for title in picture.iter(f"{SVG}title"):
        where, outcome, count = str(title.text).split("\n")
        found.append((where, outcome.split()[0], int(count.split(" / ")[0].replace(",", ""))))
    return found


@pytest.mark.parametrize("role", list(StaffRole))
def test_it_opens_for_policy_owners_alone(role: str, sign_in: SignIn) -> None:
    browser = sign_in(role)
    wanted = 200 if staff.may(browser.member, Right.POLICY) else 403
    assert wanted == (200 if role == "policy_owner" else 403)
    for address in (PAGE, "/console/policy/"):
        assert browser.get(address, follow=True).status_code == wanted
    assert FailedAttempt.objects.filter(act="console.opened").exists() is (wanted == 403)


def test_the_start_leads_to_today_s_version_and_keeps_what_was_chosen(owner: Browser) -> None:
    assert owner.get("/console/policy/")["Location"] == "/console/policy/2024-05/cse/"
    chosen = "?version=2020-10&class=cse&rows=form&columns=role&history=any"
    assert owner.get(f"/console/policy/{chosen}")["Location"] == (
        "/console/policy/2020-10/cse/?rows=form&columns=role&history=any"
    )
    # 2020 has one class: another one is shown as the version of today has it.
    assert owner.get("/console/policy/?version=2020-10&class=altercation")["Location"] == (
        "/console/policy/2024-05/altercation/"
    )
    assert 'href="/console/policy/"' in owner.get("/console/").content.decode()


@pytest.mark.parametrize("address", ["2019-01/cse/", "2020-10/altercation/", "2024-05/spam/"])
def test_what_there_is_not_is_not_found(owner: Browser, address: str) -> None:
    assert owner.get(f"/console/policy/{address}").status_code == 404
    assert owner.get("/console/policy/?class=spam").status_code == 404


def test_picture_and_table_hold_every_count_of_the_grid(owner: Browser) -> None:
    found = policy.grid(PACK, "physical-abuse")
    text = owner.get(PAGE).content.decode()
    wide, narrow = pictures(text)
    assert f"<strong>{found.sets:,}</strong> answer sets, each with exactly one outcome." in text
    wanted = Counter(number for line in found.cells for cell in line for number in cell.values())
    assert Counter(count for _, _, count in titles(wide)) == wanted
    assert titles(wide) == titles(narrow)
    table = text.split('class="table grid-table"')[1].split("</table>")[0]
    told = re.findall(r'<abbr title="[^"]+">(\w)</abbr> ([\d,]+)</span>', table)
    assert [(letter, int(count.replace(",", ""))) for letter, count in told] == [
        (letter, count) for _, letter, count in titles(wide)
    ]


def test_every_outcome_has_its_sign_sentence_and_count_in_the_legend(owner: Browser) -> None:
    text = owner.get(PAGE).content.decode()
    legend = text.split('class="plain-list grid-legend"')[1].split("</ul>")[0]
    totals = policy.grid(PACK, "physical-abuse").totals
    for name in PACK.classes["physical-abuse"].outcomes:
        assert f"<code>{name}</code> · {totals.get(name, 0):,}" in legend
        assert PACK.text("en", name) in legend
    assert legend.count('<svg class="grid-key"') == len(PACK.classes["physical-abuse"].outcomes)
    looks = re.findall(r'tone-(\w+)" [^>]*/>(?:<rect fill="url\(#key-\w-(\w+)\)")?', legend)
    assert len(set(looks)) == len(PACK.classes["physical-abuse"].outcomes)  # told apart without the letter, too


def test_clauses_lead_to_their_text(owner: Browser) -> None:
    text = owner.get(PAGE).content.decode()
    for clause in PACK.classes["physical-abuse"].clauses:
        assert f'href="/policy/2024-05/en#{clause}"' in text
        assert PACK.text("en", clause, "text") in text


def test_rows_columns_and_history_are_chosen_by_plain_forms(owner: Browser) -> None:
    text = owner.get(f"{PAGE}?rows=harm&columns=context&history=same_class_12_months-1").content.decode()
    found = policy.grid(PACK, "physical-abuse", "harm", "context", "same_class_12_months-1")
    assert f"<strong>{found.sets:,}</strong>" in text
    for chosen in ("harm", "context", "same_class_12_months-1"):
        assert f'<option value="{chosen}" selected>' in text
    assert "<script" not in text.split("<main")[1].split("</main>")[0]


@pytest.mark.parametrize("asked", ["rows=nothing", "rows=role&columns=role", "history=strikes-9", "rows=other_reason"])
def test_a_choice_that_the_class_has_not_falls_back(owner: Browser, asked: str) -> None:
    response = owner.get(f"{PAGE}?{asked}")
    assert response.status_code == 200
    assert len(pictures(response.content.decode())) == 2


def test_nothing_in_it_needs_a_style_that_the_page_forbids(owner: Browser) -> None:
    response = owner.get("/console/policy/2024-05/cse/")
    assert "style-src 'self'" in response["Content-Security-Policy"]
    main = response.content.decode().split("<main")[1].split("</main>")[0]
    assert " style=" not in main
    assert "<style" not in main
    assert "<title>CSE-99 Other exploitation · Uploaded it\n" in main


def test_in_chinese_and_from_right_to_left(owner: Browser) -> None:
    owner.get("/language/zh-hans?next=/console/")
    text = owner.get(PAGE).content.decode()
    main = re.sub(r"<[^>]+>", " ", text.split('class="eyebrow"')[1].split("</main>")[0])
    assert "决策网格" in main
    words = set(re.findall(r"[A-Za-z]{4,}", re.sub(r"(?:pa|PA)-[\w-]+", "", main)))
    assert not words, words
    owner.get("/language/ar?next=/console/")
    mirrored = pictures(owner.get(PAGE).content.decode())[0]
    first = next(mirrored.iter(f"{SVG}rect"))
    width = float(mirrored.attrib["width"])
    assert float(first.attrib["x"]) > width / 2  # the first column stands at the right
    assert float(first.attrib["x"]) + float(first.attrib["width"]) <= width


# --- the drawing --------------------------------------------------------------------------------------

LOOKS = {
    "a": Look("A", "allowed", "plain", "Allowed & <kept>"),
    "b": Look("B", "ended", "cross", "Ended"),
}  # fmt: skip


def drawn(cells: list[list[dict[str, int]]], *, mirrored: bool = False, narrow: bool = False) -> ET.Element:
    rows, columns = [f"Row {n} <b>" for n in range(len(cells))], [f"Column {n}" for n in range(len(cells[0]))]
    svg = gridpicture.draw(Drawing("A grid", rows, columns, cells, LOOKS, mirrored), narrow=narrow)
    return ET.fromstring(svg.replace("<svg ", f'<svg xmlns="{SVG[1:-1]}" ', 1))  # noqa: S314


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("mirrored", [False, True])
def test_parts_stand_in_their_cell_and_none_is_invisible(narrow: bool, mirrored: bool) -> None:
    cells = [[{"a": 1, "b": 10**12}, {}], [{"b": 5}, {"a": 3, "b": 3}]]
    picture = drawn(cells, narrow=narrow, mirrored=mirrored)
    boxes = [box for box in picture.iter(f"{SVG}rect") if "grid-part" in box.attrib.get("class", "")]
    assert len(boxes) == 5
    width = float(picture.attrib["width"])
    for box in boxes:
        start, size = float(box.attrib["x"]), float(box.attrib["width"])
        assert size >= 4
        assert start >= -0.01
        assert start + size <= width + 0.01


def test_words_are_escaped() -> None:
    picture = drawn([[{"a": 1}]])
    (title,) = picture.iter(f"{SVG}title")
    assert title.text == "Row 0 <b> · Column 0\nA Allowed & <kept>\n1 / 1"


@pytest.mark.parametrize(
    ("number", "shown"), [(7, "7"), (999_999, "999,999"), (1_000_000, "1.0×10⁶"), (169_611_532_877, "1.7×10¹¹")]
)
def test_large_counts_in_little_room(number: int, shown: str) -> None:
    assert gridpicture.compact(number) == shown
