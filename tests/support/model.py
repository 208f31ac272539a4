"""A stand-in for the operator's model: a scripted server on loopback, and the settings that lead to it."""

import json
from typing import Any

import msgspec

from tests.support.scripted_http import Answer, Asked, as_json

MODEL = "gpt-oss-safeguard:20b"
HIGH = {"violation": 1, "cannot_tell": False}
LIKELY = {"violation": 1, "cannot_tell": True}
UNSURE = {"violation": 0, "cannot_tell": True}
LOW = {"violation": 0, "cannot_tell": False}


def said(judged: dict[str, Any] | str) -> Answer:
    """The interface's answer around what a model says."""
    rest = {"rule_ids": [], "rationale": "Rule 1 applies."}
    whole = judged if isinstance(judged, str) else json.dumps({**rest, **judged})
    return as_json({"choices": [{"index": 0, "message": {"role": "assistant", "content": whole}}]})


def texts(asked: list[Asked]) -> list[str]:
    """What the model was shown, in the order in which it came."""
    return [one.json()["messages"][1]["content"] for one in asked]


def use(settings: Any, url: str, **more: Any) -> None:
    """Have texts scored by the model at this address; "" has none scored."""
    base = f"{url}/v1" if url else ""
    config = msgspec.structs.replace(settings.SAFEHOLD.classifier, **{"url": base, "model": MODEL, **more})
    settings.SAFEHOLD = msgspec.structs.replace(settings.SAFEHOLD, classifier=config)
