"""Screenshots and axe findings of every console page, at phone and desk width, light and dark.

Run it against a running web process whose desk was filled by `tests.support.desk_world`:

    python -m tests.browser.pages http://127.0.0.1:8123 world.json shots/ [name …]

`world.json` names the members' passwords and the ids to open (see `PAGES`). Prints what axe finds serious
and what the browser complains about; ends with 1 when there was anything.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support import browser as chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}

# (name, who, address, what to do there before the picture is taken)
PAGES: list[tuple[str, str, str, str]] = [
    ("login", "", "/console/account/login/", ""),
    ("home-senior", "senior", "/console/", ""),
    ("home-auditor", "auditor", "/console/", ""),
    ("keys", "reviewer", "/console/keys/", ""),
    ("queue", "reviewer", "/console/queue/", ""),
    ("case-free", "reviewer", "/console/cases/{fresh}/", ""),
    ("case", "reviewer", "/console/cases/{fresh}/", "take"),
    ("reveal", "reviewer", "/console/cases/{fresh}/", "take,reveal"),
    ("revealed", "reviewer", "/console/cases/{fresh}/", "take,reveal,sure"),
    ("question", "reviewer", "/console/cases/{fresh}/", "take,assess"),
    ("question-2", "reviewer", "/console/cases/{fresh}/", "take,assess,first,first"),
    ("question-problem", "reviewer", "/console/cases/{fresh}/", "take,assess,first,send"),
    ("second-list", "senior", "/console/second/", ""),
    ("second", "senior", "/console/second/{held}/", ""),
    ("decision-held", "reviewer", "/console/decisions/{held}/", ""),
    ("record", "senior", "/console/cases/{decided_case}/record", ""),
    ("records", "custodian", "/console/cases/", ""),
    ("appeals", "senior", "/console/appeals/", ""),
    ("appeal", "senior", "/console/appeals/{appeal}/", "take-appeal"),
    ("tasks", "custodian", "/console/tasks/", ""),
    ("persons", "custodian", "/console/persons/", ""),
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
    selectors = {
        "take": "form[action$='/take'] button", "reveal": "a[data-key=r] >> nth=0", "sure": "form.card-warn button",
        "assess": "a[data-key=a]", "first": "[data-answers] input[name=answer] >> nth=0", "send": "form[data-answers] button[type=submit]",
        "take-appeal": "form[action$='/take'] button", "verify": "form[action$='/verify'] button", "member": "tbody a >> nth=0",
    }  # fmt: skip
    found = page.locator(selectors[step])
    if found.count():
        found.first.click()
        page.wait_for_load_state("networkidle")
    if step == "first":
        page.click("form[data-answers] button[type=submit]")
        page.wait_for_load_state("networkidle")


def shoot(browser: "Browser", base: str, world: dict[str, Any], folder: Path, names: list[str], lang: str = "") -> int:
    """Every page of PAGES (or those named). Returns how many findings there were."""
    findings = 0
    sessions: dict[str, Any] = {}
    for name, who, address, steps in PAGES:
        if names and name not in names:
            continue
        for scheme in ("light", "dark"):
            for size, viewport in SIZES.items():
                context = browser.new_context(viewport=viewport, color_scheme=scheme, storage_state=sessions.get(who))  # type: ignore[arg-type]
                page = context.new_page()
                complaints: list[str] = []
                page.on(
                    "console",
                    lambda m, kept=complaints: kept.append(m.text) if m.type in ("error", "warning") else None,
                )
                if who and who not in sessions:
                    chromium.sign_in(page, base, who.replace("_", "-"), world["passwords"][who])
                    sessions[who] = context.storage_state()
                if lang:
                    page.goto(f"{base}/language/{lang}?next=/console/")
                page.goto(base + address.format(**world))
                for step in filter(None, steps.split(",")):
                    act(page, step, world["passwords"].get(who, ""))
                page.screenshot(path=folder / f"{name}-{size}-{scheme}{lang and '-' + lang}.png", full_page=True)
                found = chromium.axe(page)
                wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
                for problem in [*found, *complaints, *(["wider than the screen"] if wide else [])]:
                    print(f"{name} {size} {scheme}: {problem}")
                    findings += 1
                context.close()
    return findings


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
