"""Screenshots and axe findings of every console page, at phone and desk width, light and dark.

Run it against a running web process whose desk was filled by `tests.browser.fill`:

    python -m tests.browser.pages http://127.0.0.1:8123 world.json shots/ [lang=zh-hans] [name …]

`world.json` names the members' passwords and the ids to open (see `PAGES`). Prints what axe finds serious, which
page did not answer, and what the browser complains about; ends with 1 when there was anything.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import browser as chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}

# (name, who, address, what to do there before the picture is taken)
PAGES: list[tuple[str, str, str, str]] = [
    ("login", "", "/console/account/login/", ""),
    ("home-senior", "senior", "/console/", ""),
    ("home-custodian", "custodian", "/console/", ""),
    ("home-auditor", "auditor", "/console/", ""),
    ("keys", "reviewer", "/console/keys/", ""),
    ("queue", "reviewer", "/console/queue/", ""),
    ("case-free", "reviewer", "/console/cases/{fresh}/", ""),
    ("case", "reviewer", "/console/cases/{fresh}/", "take"),
    ("reveal", "reviewer", "/console/cases/{fresh}/", "take,reveal"),
    ("reveal-context", "reviewer", "/console/cases/{fresh}/", "take,context"),
    ("revealed-context", "reviewer", "/console/cases/{fresh}/", "take,context,sure"),
    ("revealed", "reviewer", "/console/cases/{fresh}/", "take,reveal,sure"),
    ("question", "reviewer", "/console/cases/{fresh}/", "take,assess"),
    ("question-2", "reviewer", "/console/cases/{fresh}/", "take,assess,first,first"),
    ("question-problem", "reviewer", "/console/cases/{fresh}/", "take,assess,first,send"),
    ("answers", "reviewer", "/console/cases/{fresh}/", "take,assess,through"),
    ("decision", "reviewer", "/console/cases/{fresh}/", "take,assess,through,compute"),
    ("second-list", "senior", "/console/second/", ""),
    ("second", "senior", "/console/second/{held}/", ""),
    ("decision-held", "reviewer", "/console/decisions/{held}/", ""),
    ("override", "senior", "/console/cases/{milder}/", "take,assess,compute,otherwise"),
    ("override-problem", "senior", "/console/cases/{milder}/", "assess,compute,otherwise,empty"),
    ("overridden", "senior", "/console/cases/{milder}/", "assess,compute,otherwise,choose"),
    ("record", "senior", "/console/cases/{decided_case}/record", ""),
    ("records", "custodian", "/console/cases/", ""),
    ("appeals", "senior", "/console/appeals/", ""),
    ("appeal", "senior", "/console/appeals/{appeal}/", "take-appeal"),
    ("tasks", "custodian", "/console/tasks/", ""),
    ("persons", "custodian", "/console/persons/", ""),
    ("removal-form", "", "/removal", ""),
    ("removal-problems", "", "/removal", "empty"),
    ("removal-receipt", "", "/removal/r/{removal_code}", ""),
    ("removal-objection", "", "/removal/appeal/{removal_letter}", ""),
    ("removals", "senior", "/console/removals/", ""),
    ("removal", "reviewer", "/console/removals/{removal}/", ""),
    ("removal-words", "reviewer", "/console/removals/{removal}/", "words"),
    ("removal-ask", "reviewer", "/console/removals/{removal}/ask", ""),
    ("removal-refuse-problem", "reviewer", "/console/removals/{removal}/refuse", "empty"),
    ("removal-done", "senior", "/console/removals/{removed}/", ""),
    ("objection", "senior", "/console/removals/objections/{objection}/", ""),
    ("uk", "senior", "/console/uk/", ""),
    ("uk-find", "senior", "/console/uk/subjects/{uk_subject}/", ""),
    ("uk-matter", "senior", "/console/uk/{uk_matter}/", ""),
    ("custody", "custodian", "/console/custody/", ""),
    ("custody-case", "custodian", "/console/custody/cases/{decided_case}/", ""),
    ("custody-case-asked", "custodian", "/console/custody/cases/{fresh}/", ""),
    ("legal-hold", "custodian", "/console/custody/cases/{decided_case}/legal-hold", ""),
    ("legal-hold-problem", "custodian", "/console/custody/cases/{decided_case}/legal-hold", "empty"),
    ("grant", "custodian", "/console/custody/cases/{decided_case}/grant", ""),
    ("ask-destroy", "custodian", "/console/custody/cases/{decided_case}/destroy", ""),
    ("ask-hand-over", "custodian", "/console/custody/cases/{decided_case}/hand-over", ""),
    ("hold", "custodian", "/console/custody/holds/{hold}/", ""),
    ("hold-extend", "custodian", "/console/custody/holds/{hold}/extend", ""),
    ("hold-end", "custodian", "/console/custody/holds/{hold}/end", ""),
    ("request-to-agree", "custodian", "/console/custody/requests/{waits}/", ""),
    ("request-own", "custodian", "/console/custody/requests/{own}/", ""),
    ("request-package", "custodian", "/console/custody/requests/{handed}/", ""),
    ("granted", "senior", "/console/granted/", ""),
    ("exposure", "custodian", "/console/custody/exposure/", ""),
    ("filings", "custodian", "/console/filings/", ""),
    ("filing", "custodian", "/console/filings/{drafted}/", ""),
    ("filing-in-hand", "custodian", "/console/filings/{in_hand}/", ""),
    ("filing-failed", "custodian", "/console/filings/{failed}/", ""),
    ("filing-wrong", "custodian", "/console/filings/{wrong}/", ""),
    ("filing-sheet", "custodian", "/console/filings/{in_hand}/sheet", ""),
    ("filing-number", "custodian", "/console/filings/{in_hand}/number", ""),
    ("filing-give-back", "custodian", "/console/filings/{in_hand}/give-back", ""),
    ("filing-told", "custodian", "/console/filings/{wrong}/told", ""),
    ("filing-by-hand", "custodian", "/console/decisions/{decided}/by-hand", ""),
    ("report-preview", "senior", "/console/decisions/{decided}/report", ""),
    ("authorities", "custodian", "/console/authorities/", ""),
    ("process-new", "custodian", "/console/authorities/new", ""),
    ("process", "custodian", "/console/authorities/process/{process}/", ""),
    ("inform", "custodian", "/console/authorities/inform/{inform}/", ""),
    ("notice", "custodian", "/console/authorities/notices/{notice}/", ""),
    ("policy-grid", "policy_owner", "/console/policy/2024-05/cse/", ""),
    ("lists", "policy_owner", "/console/lists/", ""),
    ("list", "policy_owner", "/console/lists/of/{list}/", ""),
    ("list-find", "policy_owner", "/console/lists/of/{list}/?entry=S-2", ""),
    ("list-trust", "policy_owner", "/console/lists/of/{list}/trust", ""),
    ("list-exact", "policy_owner", "/console/lists/of/{list}/exact", ""),
    ("list-rule", "policy_owner", "/console/lists/of/{list}/rules/exact", ""),
    ("list-rule-problem", "policy_owner", "/console/lists/of/{list}/rules/near", "empty"),
    ("proposal", "policy_owner", "/console/lists/proposals/{proposal}/", ""),
    ("proposal-own", "policy_owner", "/console/lists/proposals/{own_proposal}/", ""),
    ("entry-retract", "policy_owner", "/console/lists/entries/{listed_entry}/withdraw", ""),
    ("mapping", "policy_owner", "/console/lists/mappings/{waiting_mapping}/", ""),
    ("mapping-new", "policy_owner", "/console/lists/of/{list}/mappings/new", ""),
    ("mapping-write", "policy_owner", "/console/lists/of/{list}/mappings/2024-05/cse?category=B1", ""),
    ("surfaces", "policy_owner", "/console/lists/surfaces/", ""),
    ("surface-new", "policy_owner", "/console/lists/surfaces/new", ""),
    ("case-hit", "reviewer", "/console/cases/{hit_case}/", "take"),
    ("look-back", "reviewer", "/console/tasks/{look_back}/look-back", ""),
    ("audit", "auditor", "/console/audit/", ""),
    ("audit-refused", "auditor", "/console/audit/refused/", ""),
    ("audit-verified", "auditor", "/console/audit/", "verify"),
    ("members", "administrator", "/console/staff/", ""),
    ("member-new", "administrator", "/console/staff/new", ""),
    ("member", "administrator", "/console/staff/", "member"),
    ("hosts", "administrator", "/console/hosts/", ""),
    ("host", "administrator", "/console/hosts/memory/", ""),
    ("forbidden", "auditor", "/console/queue/", ""),
    ("security", "reviewer", "/console/account/second-factor/", ""),
    ("totp", "reviewer", "/console/account/second-factor/totp/activate/", "again"),
    ("password", "reviewer", "/console/account/password/change/", ""),
    ("logout", "reviewer", "/console/account/logout/", ""),
]


def act(page: "Page", step: str, password: str) -> None:
    """One thing done on a page before its picture."""
    if step == "again":  # allauth asks for the password again only some minutes after signing in
        if page.locator("#id_password").count():
            page.fill("#id_password", password)
            page.click("main form button[type=submit]")
        return
    if step == "empty":  # the form is sent as it is; the browser's own check is not what is looked at
        page.locator("main form").last.evaluate("form => { form.noValidate = true; form.requestSubmit(); }")
        page.wait_for_load_state("networkidle")
        return
    if step == "choose":
        page.locator("[data-answers] input[name=answer]").first.check()
        page.fill("textarea[name=reason]", "placeholder reason 5")
        act(page, "send", password)
        return
    if step == "through":  # the first answer of every question that is left
        while page.locator("form[data-answers]").count():
            act(page, "first", password)
        return
    selectors = {
        "take": "form[action$='/take'] button",
        "reveal": "a[data-key=r] >> nth=0",
        "context": "a[href$='/context'] >> nth=0",
        "sure": "form.card-warn button",
        "assess": "a[data-key=a]",
        "first": "[data-answers] input[name=answer] >> nth=0",
        "send": "form[data-answers] button[type=submit]",
        "take-appeal": "form[action$='/take'] button",
        "compute": "button[data-key=n]",
        "otherwise": "a[data-key=o]",
        "verify": "form[action$='/verify'] button",
        "words": "form[action$='/words'] button",
        "member": "tbody a >> nth=0",
    }
    if step == "first" and page.locator("form[data-answers] textarea").count():
        page.fill("form[data-answers] textarea", "placeholder words")
        page.click("form[data-answers] button[type=submit]")
        page.wait_for_load_state("networkidle")
        return
    found = page.locator(selectors[step])
    if found.count():
        found.first.click()
        page.wait_for_load_state("networkidle")
    if step == "first" and page.locator("form[data-answers]").count():
        page.click("form[data-answers] button[type=submit]")
        page.wait_for_load_state("networkidle")


def shoot(browser: "Browser", base: str, world: dict[str, Any], folder: Path, names: list[str], lang: str = "") -> int:
    """Every page of PAGES (or those named), each in both widths and schemes. Returns how many findings there were."""
    findings = 0
    pages: dict[str, Page] = {}
    complaints: list[str] = []
    for name, who, address, steps in PAGES:
        if names and name not in names:
            continue
        if who not in pages:
            pages[who] = browser.new_context(viewport=SIZES["desk"]).new_page()  # type: ignore[arg-type]
            pages[who].set_default_timeout(8000)
            pages[who].on("console", lambda m: complaints.append(m.text) if _matters(m) else None)
            if who:
                chromium.sign_in(pages[who], base, who.replace("_", "-"), world["passwords"][who])
            if lang:
                pages[who].goto(f"{base}/language/{lang}?next=/console/")
        page = pages[who]
        answer = page.goto(base + address.format(**world))
        if answer is None or answer.status not in (200, 403):
            complaints.append(f"answered {answer and answer.status}")
        for step in filter(None, steps.split(",")):
            act(page, step, world["passwords"].get(who, ""))
        problems = _variants(page, folder, f"{name}{lang and '-' + lang}")
        for problem in [*problems, *complaints]:
            print(f"{name}: {problem}", flush=True)
        findings += len(problems) + len(complaints)
        complaints.clear()
    return findings


def _matters(message: "ConsoleMessage") -> bool:
    """Whether a message of the browser is a finding. It also tells of pages that answer 403 or 422 on purpose."""
    on_purpose = message.text.startswith("Failed to load resource") and (
        "status of 403" in message.text or "status of 422" in message.text
    )
    return message.type in ("error", "warning") and not on_purpose


def _variants(page: "Page", folder: Path, name: str) -> list[str]:
    """The page as it stands, in every width and scheme; what is wrong with it."""
    problems = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                problems.append(f"{size}: wider than the screen")
        problems += [f"{scheme}: {found}" for found in chromium.axe(page)]
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(SIZES["desk"])  # type: ignore[arg-type]
    return problems


def main() -> int:
    """The command line."""
    base, world, folder, *names = sys.argv[1:]
    lang = next((name.removeprefix("lang=") for name in names if name.startswith("lang=")), "")
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with chromium.launch() as browser:
        named = [name for name in names if not name.startswith("lang=")]
        return int(bool(shoot(browser, base.rstrip("/"), json.loads(Path(world).read_text()), target, named, lang)))


if __name__ == "__main__":
    sys.exit(main())
