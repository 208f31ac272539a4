"""Writes the golden files anew."""

from safehold import policy
from tests.policy.answer_sets import VERSIONS
from tests.policy.golden import FOLDER, LANGUAGES

packs = {version: policy.load("child-safety", version) for version in VERSIONS}
difference = policy.compare(*packs.values())
for language in LANGUAGES:
    (FOLDER / f"diff.{language}.md").write_text(policy.tell(difference, language), encoding="utf-8")
for version, pack in packs.items():
    for class_id in pack.classes:
        (FOLDER / f"prompt.{version}.{class_id}.txt").write_text(policy.prompt(pack, class_id), encoding="utf-8")
