"""Two rooms that may not import each other speak of the same things: their words must agree."""

from safehold.cybertip.document import codes
from safehold.policy import pack


def test_incident_types_and_annotations_of_policy_and_cybertip_agree() -> None:
    assert dict(codes.INCIDENT_TYPES) == dict(pack.INCIDENT_TYPES)
    assert set(pack.ANNOTATIONS) <= set(codes.REPORT_ANNOTATIONS)
    assert set(pack.FILE_ANNOTATIONS) <= set(codes.FILE_ANNOTATIONS)


def test_roles_of_a_person_are_answers_of_every_class() -> None:
    from safehold import policy
    from safehold.subjects.models import Role

    for class_id, cls in policy.load("child-safety", "2024-05").classes.items():
        answers = {answer.id for answer in cls.question("role").answers}
        assert answers == set(Role.values), class_id
