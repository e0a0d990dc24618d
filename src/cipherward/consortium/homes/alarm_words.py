"""What each alarm means to the people of a home, and what they do, where the place that raises it knows nothing nearer."""

from __future__ import annotations

_CALL = "call the coordinator"
_VERSION = "report it with the version of cipherward; if a study waits, restart the service"

MEANINGS: dict[str, tuple[str, str]] = {
    "breach": (
        "a hospital found a certified sum or the announced model wrong",
        "now: docs/operations.md, breach",
    ),
    "breach reported": (
        "another hospital signed that a certified sum or the announced model is wrong",
        "call that hospital and the coordinator, now",
    ),
    "verification failed": (
        "what was opened did not pass the checks here; nothing of it was accepted",
        f"{_CALL}; if its disk is sound, treat it as a breach",
    ),
    "a hospital contradicts itself": (
        "two signed messages of one hospital exclude each other; both are kept in evidence/",
        "call that hospital: was its home copied, does it run twice, or was its ledger restored?",
    ),
    "faulty message": (
        "a message of a hospital failed a check, was left out, and is kept in quarantine/",
        "once: nothing, it was damaged on the way; again and again: call the hospital and compare versions",
    ),
    "letter refused": (
        "a letter that is not what it claims to be was dropped; nothing was answered",
        "once: nothing; again and again, or with a wrong signature: call the sender and compare versions",
    ),
    "refused": (
        "the coordinator asked for something that this hospital's policy, approval or protocol forbids; nothing left",
        "the reason says which: approve, confirm members, or ask the coordinator why it asked",
    ),
    "study refused": (
        "a study is against a hospital's policy, its members list or what it has verified before; it takes no part",
        "talk to the privacy officer of that hospital: cipherward hospital review STUDY lists what is refused",
    ),
    "study offer refused": (
        "the coordinator offered a study that is malformed or lists other keys for this hospital; nothing was kept",
        f"{_CALL}; do not approve around it",
    ),
    "table cannot be used": (
        "this hospital's table cannot be read as a study that was approved needs it; the study goes on without it",
        "cipherward hospital review STUDY lists every problem",
    ),
    "register lost": (
        "a ledger was rebuilt, and the newest file of a register that stood in opened sums is not here: its table is not read",
        "put the newest copy of registers/ back and repeat cipherward hospital inherit; else widen or end the register",
    ),
    "batches out": (
        "rows of these batches have changed or are gone in the table: the whole batches are not read any more",
        "if the table is wrong, tell the privacy officer: for these batches it is too late",
    ),
    "model cannot be used": (
        "a study's model code fails here or is not installed; the study goes on without this hospital",
        "look at failure.txt in the study's folder; correct the package, restart the service",
    ),
    "study cannot run": (
        "files of one study cannot be used here, or handling it failed; other studies go on",
        "restore the study's folder from a backup, or report the reason with the version of cipherward",
    ),
    "study set aside": (
        "something that the study brought took too long here, or ended the service; the study goes on without this hospital",
        "look at failure.txt in the study's folder; then cipherward hospital retry STUDY",
    ),
    "privacy budget spent": (
        "this hospital's privacy budget for the study is used up; nothing more leaves for training",
        "the privacy officer decides about max_epsilon in policy.toml",
    ),
    "members list refused": (
        "the coordinator sent a list of members that is older than, or contradicts, the one known here; it was not kept",
        "call the coordinator and another hospital, and compare fingerprints (cipherward hospital members): right after a "
        "restore at the coordinator it is an old copy, else it may be an attack",
    ),
    "home is older than a hospital's": (
        "a hospital knows a newer members list, or more of a study, than this home, which was restored from an old backup",
        "bring the current home back; where there is none, found a new consortium",
    ),
    "admission refused": (
        "an admission for other keys, or not from this coordinator; nothing was kept",
        "ask where the file came from",
    ),
    "request refused": (
        "somebody asks to be a member without a good invitation, or with another member's key; nobody was admitted",
        "a hospital of yours: invite it again; nobody you know: somebody is trying",
    ),
    "permission violation": (
        "the message server refused something that this program sent",
        "never seen in normal work: check that the program is the one that you installed",
    ),
    "refused by the server": (
        "the message server and a certificate of the consortium do not accept each other",
        "check the certificates with health; a revoked member's service that still runs: have it stopped",
    ),
    "many failed connections": (
        "somebody on the network knocks again and again without a certificate of the consortium; nobody got in",
        "restrict the firewall to the hospitals' addresses",
    ),
    "bad chunk": (
        "a piece of a letter was not as it was sent; it was dropped and comes again",
        "once: nothing; again and again from one member: its disk or memory, or an attack",
    ),
    "letter set aside": ("handling a letter failed unexpectedly; it is not tried again", _VERSION),
    "letters dropped": (
        "letters for this member could not be kept for so long that they were given up",
        "check the disk here and the member's connection; restart the service, which sends again what matters",
    ),
    "trouble here": ("this machine has a trouble: disk, permissions or server", "the reason says which"),
    "server died": (
        "the message server ended, and was started again",
        "look at server/nats.log, and at this machine's memory and disk",
    ),
    "server disk was full": (
        "the message server could store nothing; it is restarted now that there is room",
        "find what filled the disk",
    ),
    "declaration not sent": (
        "people signed something that this hospital's own ledger speaks against; it was not sent",
        "close the sums that are open, or have another split proposed",
    ),
    "ledger too old": (
        "this hospital's memory of its sums was lost or set back; the service does not start",
        "bring the current ledger.sqlite back",
    ),
    "vault cannot be used": (
        "the vault of this home cannot be opened: its settings, its key or its client; studies run without it",
        "correct what the reason names, then restart the service",
    ),
    "block cannot join": (
        "hospitals that approved after the study began have too few rows in a column that is asked about; it goes on without them",
        "nothing now; a new study that they approve before it begins leaves the column out",
    ),
    "audit log cannot be written": (
        "the audit log of a study, or its newest head, was altered, or the disk failed; what follows is in no log",
        "bring the newest copy of the study's folder back",
    ),
    "coordinator's audit log begun again": (
        "the coordinator was restored from a copy, and its audit log begins again; `lost` is how many entries that this hospital "
        "cosigned are gone there",
        "ask the coordinator's people whether that was so; `witnessed/` in this home has the head of the earlier log",
    ),
    "a hospital's own log went back": (
        "a hospital shows fewer entries of its own audit log than before: its folder was restored from an older copy, or written anew",
        "ask that hospital's people which",
    ),
    "model withdrawn": (
        "the coordinator has withdrawn the final model of a study; predict refuses it",
        "stop using every copy of it; ask the coordinator's people",
    ),
    "report not written": (
        "the study is finished and verified; only its report could not be written",
        "when the reason is mended: cipherward report FOLDER",
    ),
    "failed": ("a study ended with an error", "solve the reason, then start it under a new name"),
}


def explained(event: str, facts: dict[str, object]) -> dict[str, object]:
    """The facts of an alarm with its meaning first, and with a hint."""
    means, to_do = MEANINGS.get(event, ("", ""))
    return {"means": means} | facts | {"hint": facts.get("hint") or to_do}
