"""From the study that people wrote to the one that hospitals of a consortium approve: members' keys in, paths out."""

from __future__ import annotations

from cipherward.consortium.membership.members import MembersList
from cipherward.errors import StudyError
from cipherward.parties import roster
from cipherward.study import Study

SCHEMES = ("quorum", "ckks")
"""Schemes that may go over a network; the others protect nothing, or nothing shows what was added."""


def freeze(study: Study, members: MembersList, coordinator_key: bytes, ckks_public: bytes = b"") -> Study:
    """The study with the keys of its hospitals, who must be active members, and without any path.

    Raises:
        StudyError: every reason why it cannot run in a deployment.
    """
    problems = []
    if study.data.source != "files":
        problems.append(f'data.source is "{study.data.source}"; in a deployment it is "files", every hospital\'s own')
    if study.aggregation.scheme not in SCHEMES:
        problems.append(f"aggregation.scheme {study.aggregation.scheme!r} is for comparison on one machine")
    if (study.model.kind == "custom") != bool(study.model.package):
        problems.append('model.kind "custom" needs model.package, the installed code that makes the model')
    keys = {}
    for hospital in study.hospitals:
        member = members.find(hospital.name)
        if member is None:
            problems.append(f"hospital {hospital.name!r} is not a member of the consortium")
        elif not member.is_active:
            problems.append(f"hospital {hospital.name!r} is revoked")
        else:
            keys[hospital.name] = ("", member.public_key)
    if problems:
        listed = ", ".join(member.name for member in members.active) or "none"
        raise StudyError(
            f"the study {study.name!r} cannot run in this consortium:\n  - " + "\n  - ".join(problems),
            problems=tuple(problems),
            hint=f"correct the study; active members: {listed}",
        )
    # One document: the paths go at the same moment as the keys come, as neither alone makes a valid study.
    bare = study.model_copy(update={"data": study.data.model_copy(update={"path": "", "hospital_column": ""})})
    return roster.freeze(bare, keys, coordinator_key, ckks_public)
