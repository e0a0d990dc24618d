"""The test vectors: the code still makes them, computes what they say and refuses what they call bad."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vectors import make

from cipherward import errors
from cipherward.crypto import params, ring, sampling, shamir, wire
from cipherward.crypto.hashing import digest
from cipherward.crypto.identity import Identity, Signed, fingerprint, open_signed
from cipherward.crypto.quorum import QuorumScheme, parameters_of
from cipherward.crypto.scheme import DealtShare, SumTask, payload_digest
from cipherward.sums import messages
from cipherward.sums.digests import Entry
from cipherward.sums.messages import Query, context

FOLDER = Path(__file__).parents[1] / "vectors"
KINDS: dict[str, type[Any]] = {
    **messages.KINDS,
    **{kind.__name__: kind for kind in (Signed, messages.VoidCertificate, Entry)},
}
Case = dict[str, Any]


def vector(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def cases(name: str) -> pytest.MarkDecorator:
    found = vector(name)["cases"]
    return pytest.mark.parametrize("case", found, ids=[case.get("name", case.get("kind", "case")) for case in found])


def refused(case: Case, use: Callable[[], object]) -> None:
    """`use` raises exactly the error that the case names, and says what the case says."""
    kind = getattr(errors, case["error"], ValueError)
    with pytest.raises(kind) as caught:
        use()
    assert type(caught.value).__name__ == case["error"]
    assert case["says"] in str(caught.value)


def as_message(kind: Any, value: Any) -> Any:
    """The inverse of how vectors write messages down, driven by the declared types."""
    return wire.decode(kind, wire.encode(_from_json(value)))


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_from_json(item) for item in value)
    if isinstance(value, str):
        return value.removeprefix("text:") if value.startswith("text:") else bytes.fromhex(value)
    return value


# the files themselves


def test_the_code_makes_every_vector_file_byte_for_byte() -> None:
    assert make.differences(FOLDER) == []
    assert make.main(["--check"]) == 0


def test_the_check_notices_a_changed_a_missing_and_an_unknown_file(tmp_path: Path) -> None:
    assert make.main([], folder=tmp_path) == 0
    assert make.main(["--check"], folder=tmp_path) == 0
    content = (tmp_path / "ring.json").read_text()
    (tmp_path / "ring.json").write_text(content.replace('"threshold": 3', '"threshold": 2'))
    (tmp_path / "digests.json").unlink()
    (tmp_path / "unknown.json").write_text("{}")
    assert make.differences(tmp_path) == ["digests.json", "ring.json", "unknown.json"]
    assert make.main(["--check"], folder=tmp_path) == 1


def test_every_vector_file_is_read_by_a_test() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*vectors.py"))
    assert [name for name in make.FILES if f'("{name}")' not in text] == []


def test_vector_files_are_plain_json_that_any_language_reads() -> None:
    for path in FOLDER.glob("*.json"):
        text = path.read_bytes()
        assert text.isascii()
        json.loads(text, parse_constant=pytest.fail)


# digests, messages, envelopes, streams, parameters


def test_digests_contexts_and_fingerprints() -> None:
    content = vector("digests")
    for case in content["digests"]:
        assert digest(case["label"], *map(bytes.fromhex, case["parts"])).hex() == case["digest"]
    for case in content["contexts"]:
        query = Query(case["purpose"], bytes.fromhex(case["parameters"]), bytes.fromhex(case["model"])).digest()
        assert query.hex() == case["query"]
        study, last = bytes.fromhex(case["study"]), bytes.fromhex(case["last"])
        assert context(study, query, case["round"], case["attempt"], last).hex() == case["context"]
    for case in content["fingerprints"]:
        assert fingerprint(bytes.fromhex(case["public_key"])) == case["fingerprint"]
    assert len({case["context"] for case in content["contexts"]}) == len(content["contexts"])


@cases("messages")
def test_a_message_has_these_bytes(case: Case) -> None:
    kind = KINDS[case["kind"]]
    message = as_message(kind, case["fields"])
    assert type(message) is kind
    assert wire.encode(message).hex() == case["bytes"]
    assert wire.decode(kind, bytes.fromhex(case["bytes"])) == message


def test_there_is_a_vector_for_every_kind_of_message() -> None:
    assert {case["kind"] for case in vector("messages")["cases"]} >= set(messages.KINDS)


@cases("messages_bad_bytes")
def test_these_bytes_are_no_message(case: Case) -> None:
    refused(case, lambda: wire.decode(KINDS[case["kind"]], bytes.fromhex(case["bytes"])))


@cases("envelopes")
def test_an_envelope_is_signed_and_opened_like_this(case: Case) -> None:
    identity = Identity(bytes.fromhex(case["secret"]))
    study, body, envelope = (bytes.fromhex(case[name]) for name in ("study", "body", "envelope"))
    assert identity.public_key.hex() == case["public_key"]
    assert identity.sign(case["kind"], study, case["sender"], body) == envelope
    assert open_signed(envelope, study=study, keys={case["sender"]: identity.public_key}).body == body


@cases("envelopes_bad_signatures")
def test_these_envelopes_do_not_open(case: Case) -> None:
    content = vector("envelopes_bad_signatures")
    keys = {int(i): bytes.fromhex(key) for i, key in content["public_keys"].items()}
    study = bytes.fromhex(content["study"])
    assert open_signed(bytes.fromhex(content["good"]), study=study, keys=keys, kind="Vote").sender == 1
    refused(case, lambda: open_signed(bytes.fromhex(case["envelope"]), study=study, keys=keys, kind="Vote"))


def test_random_streams_hold_these_values() -> None:
    content = vector("streams")
    key = bytes.fromhex(content["key"])
    xof = sampling.Xof(key)
    for case in content["keystreams"]:
        block = np.empty(32, np.uint8)
        xof.start(case["major"], case["minor"])
        xof.fill(block)
        assert block.tobytes().hex() == case["bytes"]
    for case in content["uniform"]:
        values = np.empty(len(case["values"]), np.uint32)
        sampling.uniform_into(xof, (case["major"], case["minor"]), case["bound"], values)
        assert values.tolist() == case["values"]
    binomial = content["centred_binomial"]
    assert sampling.centred_binomial(key, len(binomial)).tolist() == binomial


@cases("parameters")
def test_parameters_follow_from_the_sum(case: Case) -> None:
    chosen = params.choose(
        case["n_lanes"], bits=case["bits"], n_hospitals=case["n_hospitals"], threshold=case["threshold"]
    )
    assert chosen.ring.ring_degree == case["ring_degree"]
    assert list(chosen.ring.primes) == case["primes"]
    for name in (
        "lane_base",
        "lanes_per_word",
        "word_bits",
        "lanes_per_coefficient",
        "delta_bits",
        "n_ciphertexts",
        "share_modulus",
    ):
        assert getattr(chosen, name) == case[name]
    assert (chosen.payload_bytes, chosen.update_bytes) == (case["payload_bytes"], case["update_bytes"])


@cases("parameters_bad_choices")
def test_these_sums_are_not_made(case: Case) -> None:
    refused(
        case,
        lambda: params.choose(
            case["n_lanes"], bits=case["bits"], n_hospitals=case["n_hospitals"], threshold=case["threshold"]
        ),
    )


# the small ring


def small(content: dict[str, Any]) -> params.SumParameters:
    each = params.RingParameters(content["ring_degree"], tuple(content["primes"]))
    return params.SumParameters(each, content["n_hospitals"], content["threshold"], content["bits"], content["n_lanes"])


def test_a_small_sum_has_these_ciphertexts_fingerprints_and_sums() -> None:
    content = vector("ring")
    p, a_key, rho = small(content), bytes.fromhex(content["a_key"]), bytes.fromhex(content["rho_key"])
    total = ring.zero_sum(p)
    for case in content["updates"]:
        secret = sampling.centred_binomial(bytes.fromhex(case["secret_key"]), p.ring.ring_degree)
        assert secret.tolist() == case["secret"]
        lanes = np.array(case["lanes"], np.uint32)
        payload = ring.encrypt(p, a_key, secret, bytes.fromhex(case["error_key"]), lanes)
        assert payload.hex() == case["payload"]
        assert ring.fingerprint(p, rho, payload).tolist() == case["fingerprint"]
        ring.add_payload(p, total, payload)
    assert ring.pack_sum(p, total).hex() == content["total"]
    assert ring.fingerprint(p, rho, total).tolist() == content["total_fingerprint"]
    sums = ring.open_sum(p, a_key, total, np.array(content["secret_sum"], np.int64), len(content["updates"]))
    assert sums.tolist() == content["sums"]
    assert content["sums"] == np.sum([case["lanes"] for case in content["updates"]], axis=0).tolist()


@cases("ring_bad_payloads")
def test_these_payloads_are_not_added(case: Case) -> None:
    p = small(vector("ring"))
    total = ring.zero_sum(p)
    ring.add_payload(p, total, bytes.fromhex(vector("ring_bad_payloads")["good"]))
    before = total.copy()
    refused(case, lambda: ring.add_payload(p, total, bytes.fromhex(case["payload"])))
    assert np.array_equal(total, before)


@cases("ring_bad_sums")
def test_these_sums_do_not_open(case: Case) -> None:
    content = vector("ring")
    p = small(content)
    total, secret_sum = ring.unpack_sum(p, bytes.fromhex(case["total"])), np.array(case["secret_sum"], np.int64)
    refused(case, lambda: ring.open_sum(p, bytes.fromhex(content["a_key"]), total, secret_sum, case["n_contributors"]))


def test_shares_and_releases_have_these_bytes() -> None:
    content, p = vector("shares"), small(vector("ring"))
    assert p.share_modulus == content["share_modulus"]
    held: dict[int, list[NDArray[np.uint32]]] = {}
    for case in content["dealt"]:
        seeds = {int(h): bytes.fromhex(seed) for h, seed in case["seeds"].items()}
        others = [h for h in range(1, p.n_hospitals + 1) if h not in seeds]
        seeded = {h: shamir.expand_share(p, seed) for h, seed in seeds.items()}
        full = seeded | shamir.share(p, np.array(case["secret"], np.int8), seeded, others)
        for holder, packed in case["shares"].items():
            h = int(holder)
            values = full[h]
            assert shamir.pack(p, values).hex() == packed
            held.setdefault(h, []).append(values)
    releases = {h: shamir.add_shares(p, values) for h, values in held.items()}
    assert {str(h): shamir.pack(p, values).hex() for h, values in sorted(releases.items())} == content["releases"]
    opened = shamir.interpolate_at_zero(p, [1, 3, 4], [releases[h] for h in (1, 3, 4)])
    assert opened.tolist() == content["secret_sum"]


@cases("shares_bad_releases")
def test_these_releases_are_malformed(case: Case) -> None:
    refused(case, lambda: shamir.unpack(small(vector("ring")), bytes.fromhex(case["release"])))


def test_these_releases_lie_on_no_polynomial() -> None:
    p = small(vector("ring"))
    packed = vector("shares_bad_releases")["inconsistent"]
    values = [shamir.unpack(p, bytes.fromhex(packed[h])) for h in sorted(packed)]
    assert not shamir.consistent(p, [1, 2, 3, 4], values)


# the quorum scheme


def test_a_quorum_sum_has_these_ciphertexts_releases_and_sums() -> None:
    content, scheme = vector("quorum"), QuorumScheme()
    n = content["n_lanes"]
    task = SumTask(bytes.fromhex(content["context"]), content["n_hospitals"], content["threshold"], 16, n, n, n)
    assert parameters_of(task).ring.ring_degree == content["ring_degree"]
    keys = {case["hospital"]: scheme.make_key(bytes.fromhex(case["private"])) for case in content["keys"]}
    for case in content["keys"]:
        assert digest("vector", keys[case["hospital"]][1]).hex() == case["public_sha256"]
    holders = {i: public for i, (_, public) in keys.items()}
    manifest, running, dealt = bytes.fromhex(content["manifest"]), scheme.accumulator(task, np.zeros(n)), {}
    for case in content["updates"]:
        i, lanes = case["hospital"], np.array(case["lanes"], np.uint32)
        dealt[i] = scheme.protect(task, i, lanes, holders, bytes.fromhex(case["randomness"]))
        assert dealt[i].payload[:32].hex() == case["payload_start"]
        assert payload_digest(dealt[i].payload).hex() == case["payload_digest"]
        shortest = min(map(len, dealt[i].shares.values()))
        assert sorted(h for h, sealed in dealt[i].shares.items() if len(sealed) == shortest) == case["seed_holders"]
        assert {str(h): sealed[:32].hex() for h, sealed in dealt[i].shares.items()} == case["commitments"]
        assert scheme.fingerprint(task, manifest, dealt[i].payload).hex() == case["fingerprint"]
        running.add(dealt[i].payload)
    assert payload_digest(running.total()).hex() == content["total_digest"]
    releases = {}
    for holder, (private, _) in keys.items():
        own = {i: DealtShare(each.shares[holder], payload_digest(each.payload)) for i, each in dealt.items()}
        releases[holder] = scheme.release(task, holder, private, own)
        assert digest("vector", releases[holder]).hex() == content["releases"][str(holder)]
    witness = scheme.open(task, running.total(), releases, np.zeros(n), len(dealt))
    assert np.frombuffer(witness, "<i4")[: len(content["witness"])].tolist() == content["witness"]
    assert digest("vector", witness).hex() == content["witness_digest"]
    assert scheme.sums(task, running.total(), witness, len(dealt)).tolist() == content["sums"]


def sealed(case: Case) -> tuple[SumTask, int, bytes, dict[int, DealtShare]]:
    n_hospitals, threshold = case["n_hospitals"], case["threshold"]
    task = SumTask(bytes.fromhex(case["context"]), n_hospitals, threshold, 16, 60, 60, 60)
    share = DealtShare(bytes.fromhex(case["sealed"]), bytes.fromhex(case["payload_digest"]))
    return task, case["holder"], bytes.fromhex(case["private"]), {case["dealer"]: share}


def test_a_recorded_sealed_share_still_opens() -> None:
    content = vector("sealed_shares")
    assert QuorumScheme().open_shares(*sealed(content))[1] == []
    release = QuorumScheme().release(*sealed(content))
    assert release[: len(content["share_start"]) // 2].hex() == content["share_start"]
    assert digest("vector", release).hex() == content["share_digest"]


@cases("sealed_shares_bad_bindings")
def test_a_recorded_sealed_share_does_not_open_where_it_does_not_belong(case: Case) -> None:
    assert QuorumScheme().open_shares(*sealed(case))[1] == [case["dealer"]]
    with pytest.raises(errors.WireError):
        QuorumScheme().release(*sealed(case))
