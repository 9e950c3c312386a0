"""Bundles for tests: out of the stored examples or a chain in memory, whole or tampered with.

made = example_bundle(tmp_path)             both deposits of tests/vectors/example, FULL
files = flat(made)                          every file as bytes, to change
write(tmp_path, sealed_again(files))        with all manifests right again, as an attacker would
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from node.evidence.malformed import Malformed
from node.evidence.policy import fingerprint
from node.evidence.proof_text import parse_proof
from node.evidence.steps import Anchor
from node.export.bundle import layout
from node.export.bundle.assembling import draft
from node.export.bundle.canonical import format_json
from node.export.bundle.core import NO_CERTIFICATES, Certificates, Deposit, Stamped, core
from node.export.bundle.derived import recorded_digests
from node.export.bundle.manifest import contents_text, hash_chunks, parse_info, tag_files
from node.export.bundle.writing import Whole, hash_all

VECTORS = Path(__file__).parents[3] / "vectors"
EXAMPLE = VECTORS / "example"
DAY = date(2026, 11, 22)
ISSUED_MS = 1_795_305_600_000
CHANCE = bytes.fromhex("0badcafe")


def deposit_of(name: str, declared: bytes | None = None) -> Deposit:
    """A stored proof, such as `example/sample`."""
    return Deposit((VECTORS / f"{name}.proof.txt").read_bytes(), declared)


def bundle(
    deposits: Sequence[Deposit],
    originals: Mapping[str, Path] | None = None,
    *,
    stamped: Sequence[Stamped] = (),
    certificates: Certificates = NO_CERTIFICATES,
    more: Mapping[str, bytes] | None = None,
    certificate: Mapping[str, bytes] | None = None,
) -> Whole:
    """A bundle of these deposits, with an evidence list."""
    listed = [{"evidence_no": each.number, "place": n} for n, each in enumerate(deposits, 1)]
    files = core(deposits, stamped, certificates)
    files |= {layout.EVIDENCE_LIST: format_json(listed), **(more or {})}
    name = layout.bag_name(deposits[0].number, ISSUED_MS, CHANCE)
    drafted = draft(name, DAY, deposits, files, originals, "the holder 持有人\n")
    return drafted.finish(certificate or {})


def example_bundle(*, full: bool = True) -> Whole:
    """Both deposits of the stored example."""
    deposits = [deposit_of("example/sample"), deposit_of("example/log")]
    paths = [EXAMPLE / "sample.txt", EXAMPLE / "log.txt"]
    numbers = [each.number for each in deposits]
    return bundle(deposits, dict(zip(numbers, paths, strict=True)) if full else None)


def anchor() -> Anchor:
    """What a court publishes of the example's policy."""
    return Anchor(fingerprint=fingerprint((EXAMPLE / "policy.txt").read_bytes()))


def flat(whole: Whole) -> dict[str, bytes]:
    """Every file as bytes."""
    return {
        path: source if isinstance(source, bytes) else source.read_bytes()
        for path, source in whole.files.items()
    }


def sealed_again(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same payload with contents, manifests and tag manifest that fit it."""
    info = parse_info(files[layout.BAG_INFO])
    payload = {path: data for path, data in files.items() if path.startswith(layout.PAYLOAD)}
    payload[layout.CONTENTS] = contents_text(hash_all(payload))
    return payload | tag_files(info.name, info.day, info.numbers, hash_all(payload))


def certificate_data(files: Mapping[str, bytes]) -> bytes:
    """As much of certificate.json as a verifier reads: of what contents and deposits it is."""
    info = parse_info(files[layout.BAG_INFO])
    contents = hash_chunks([files[layout.CONTENTS]]).sha256.hex()
    found = [_of_proof(files[layout.record(each, layout.PROOF)]) for each in info.numbers]
    named = [
        {"evidence_no": number, **each} for number, each in zip(info.numbers, found, strict=True)
    ]
    if len(named) == 1:
        return format_json({"contents": contents, **named[0]})
    listed = [{"evidence_no": number} for number in info.numbers]
    results = [
        {**one, "main_digest": each["digests"]["sha256"]}
        for one, each in zip(listed, found, strict=True)
    ]
    return format_json({"contents": contents, "exhibits": listed, "results": results})


def exhibits_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The data of a certificate of each of several deposits."""
    numbers = parse_info(files[layout.BAG_INFO]).numbers
    return {
        layout.exhibit(place, number, "json"): format_json(
            {"evidence_no": number, **_of_proof(files[layout.record(number, layout.PROOF)])}
        )
        for place, number in enumerate(numbers, 1)
    }


def _of_proof(data: bytes) -> dict[str, dict[str, str]]:
    try:
        proof = parse_proof(data)
    except Malformed:  # Of what nobody can read there is nothing to name.
        return {}
    recorded = {alg: digest.hex() for alg, digest in recorded_digests(proof)}
    found = {"item": {"value": proof.item.hex()}}
    return found | ({"digests": recorded} if recorded else {})


def write(target: Path, files: Mapping[str, bytes]) -> Path:
    """These files as a directory."""
    for path, data in files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return target


def zipped(
    files: Mapping[str, bytes], name: str = "EVB", method: int = zipfile.ZIP_STORED
) -> bytes:
    """These files as an archive by the standard library's writer."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for path, data in files.items():
            archive.writestr(f"{name}/{path}", data)
    return out.getvalue()
