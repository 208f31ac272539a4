"""A small policy of a few hundred answer sets, with every kind of question: its sets can be counted by hand."""

from pathlib import Path

from safehold import policy

PACK = """
policy: toy
version: {version}
effective: 2026-01-01
languages: [en]
classes: [toy]
"""
LANGUAGE = "language: en\nname: English\ncomplete: false\nterms: {title: Toy}\n"
CLASS = """
class: toy
priority: normal
ladder: [t-remove, t-again]
questions:
  - {id: role, kind: one, answers: [uploader, viewer, apparent_victim]}
  - {id: form, kind: many, answers: [red, blue, none], alone: [none]}
  - {id: level, kind: one, answers: [low, high, cannot_tell], when: {form: red}}
  - {id: why, kind: text, when: {form: blue}}
  - {id: extra, kind: one, needs: optional, answers: [yes, no], when: {form: [red, blue]}}
  - {id: danger, kind: one, answers: [none_seen, planned, immediate]}
  - {id: claimed, kind: one, needs: record_only, answers: [this, that]}
facts:
  acted: {role: uploader}
  again: {history: {same_class_12_months: 1}}
clauses:
  - {id: T-01, serves: [S36], when: {level: high}, report: may, incident_type: online_enticement}
  - {id: T-02, serves: [S36], when: {form: blue}}
exceptions:
  - {id: T-X1, serves: [S36], when: {extra: yes, not: {level: high}}, clears: [T-02]}
outcomes:
  - {id: t-none, result: no_violation}
  - {id: t-open, result: undecided, second_person: cannot_tell}
  - {id: t-hide, result: violation, actions: [hide_item]}
  - {id: t-remove, result: violation, sanctions: [{read_only: 7}], actions: [hide_item], strike: true}
  - {id: t-again, result: violation, sanctions: [{read_only: 14}], actions: [hide_item], strike: true}
rules:
  - {id: T-R1, when: {not: {any: [{clause: any}, {level: cannot_tell}]}}, then: t-none}
  - {id: T-R2, when: {level: cannot_tell, not: {clause: any}}, then: t-open}
  - {id: T-R3, when: {clause: any, not: {fact: acted}}, then: t-hide}
  - {id: T-R4, when: {clause: any, fact: acted, not: {fact: again}}, then: t-remove}
  - {id: T-R5, when: {all: [{clause: any}, {fact: acted}, {fact: again}]}, then: t-again}
reports:
  - {id: T-P1, when: {clause: T-01}, then: may}
  - {id: T-P2, when: {not: {clause: T-01}}, then: none}
also:
  - {when: {danger: immediate}, duties: [inform_authority]}
"""
COUNTER = "same_class_12_months"


def make(folder: Path, version: str, *edits: tuple[str, str]) -> policy.Pack:
    """The toy policy with texts of its class replaced, loaded from a folder of its own."""
    body = CLASS
    for old, new in edits:
        assert body.count(old) == 1, f"{old!r} stands {body.count(old)} times"
        body = body.replace(old, new)
    place = folder / "toy" / version
    place.mkdir(parents=True)
    (place / "pack.yaml").write_text(PACK.format(version=version), encoding="utf-8")
    (place / "en.yaml").write_text(LANGUAGE, encoding="utf-8")
    (place / "toy.yaml").write_text(body, encoding="utf-8")
    return policy.load_folder(place)
