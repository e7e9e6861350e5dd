"""Does a bundle still hold what was exported, and does it still answer as the Keras model did?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmzoo.bundle.chatter import quiet
from mmzoo.bundle.manifest import MANIFEST, Artifact, Manifest, PartEntry, read_manifest
from mmzoo.bundle.parity import compare, is_text
from mmzoo.bundle.reader import open_artifact
from mmzoo.bundle.runners import Runner
from mmzoo.bundle.samples import SAMPLES, Golden, read_samples
from mmzoo.checksums import SUMS, check_files, list_files, read_sums, sha256_path


@dataclass(frozen=True)
class FileCheck:
    """One file of a bundle, by its relative path, and what is wrong with it, or None."""

    path: str
    problem: str | None = None


@dataclass(frozen=True)
class ArtifactCheck:
    """One artifact run on the golden samples: the figures found, what is wrong, or why it was not run."""

    artifact: Artifact
    max_abs_diff: float | None = None
    min_cosine: float | None = None
    problem: str | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class Verification:
    """What verify found. ok: every file is as written and no artifact that could be run answers differently."""

    directory: Path
    files: tuple[FileCheck, ...]
    artifacts: tuple[ArtifactCheck, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence a wrong file or artifact, each beginning with its path."""
        wrong_files = [f"{check.path}: {check.problem}" for check in self.files if check.problem]
        wrong_answers = [
            f"{check.artifact.path} ({check.artifact.part}): {check.problem}"
            for check in self.artifacts
            if check.problem
        ]
        return (*wrong_files, *wrong_answers)


def verify(directory: str | Path) -> Verification:
    """Checks a bundle: every file's hash, then every artifact's answers to the golden samples in its own runtime.

    Needs neither the Keras model nor Keras; TensorFlow only for SavedModels. A missing runtime skips its artifacts. A
    damaged file is not run: it could take the process down. Another processor rounds differently, so that answers may
    differ from the Keras model's by 1e-4 of the outputs' largest value (at least of 1) or ten times what the export
    measured, whichever is more; pictures of whole numbers by one more. That suits int8 and fp16 too, where rounding otherwise costs
    as much as the export found it to cost; an x86 processor without VNNI also saturates sums in int8 ONNX files, which can cost
    more: the result then says so.
    Never raises for a bad bundle, or for none: the result says what is wrong. A SavedModel is a program: this runs the operations
    of one whose hashes fit, so a bundle is only as trustworthy as where its hashes came from.
    """
    directory = Path(directory)
    if reason := _why_no_bundle(directory):
        return Verification(directory, (FileCheck(str(directory), reason),), ())
    problems, sums = check_files(directory)
    if (directory / SUMS).is_symlink():
        problems[SUMS] = "must be a regular file, found a link"
    try:
        manifest = read_manifest(directory)
    except (OSError, ValueError) as error:
        problems.setdefault(MANIFEST, str(error))
        return _result(directory, problems, sums, ())
    if MANIFEST in problems:
        reason = f"{MANIFEST} is damaged"
        return _result(directory, problems, sums, tuple(ArtifactCheck(a, skipped=reason) for a in manifest.artifacts))
    problems |= _check_artifact_hashes(directory, manifest, problems)
    return _result(directory, problems, sums, _run_artifacts(directory, manifest, problems))


def is_bundle(directory: str | Path) -> bool:
    """Whether this is an export and nothing else: replacing it loses no file that somebody put beside the export's own."""
    try:
        read_manifest(directory)
        listed = {*read_sums(directory), SUMS}
    except (OSError, ValueError):
        return False
    return set(list_files(directory)) <= listed


def _why_no_bundle(directory: Path) -> str | None:
    """One sentence for what never was a bundle; what lost one of its files is a damaged one."""
    if not directory.is_dir():
        return f"must be a bundle's directory, found {'a file' if directory.exists() else 'nothing'} there"
    if not (directory / MANIFEST).exists() and not (directory / SUMS).exists():
        return f"must be a bundle, found neither {MANIFEST} nor {SUMS} in it"
    return None


def _result(
    directory: Path, problems: Mapping[str, str], sums: Mapping[str, str], artifacts: tuple[ArtifactCheck, ...]
) -> Verification:
    names = sorted({*problems, *sums, SUMS})
    return Verification(directory, tuple(FileCheck(name, problems.get(name)) for name in names), artifacts)


def _check_artifact_hashes(directory: Path, manifest: Manifest, known: Mapping[str, str]) -> dict[str, str]:
    """The manifest's own hashes: a second opinion where SHA256SUMS was rewritten or is damaged."""
    problems = {}
    for artifact in manifest.artifacts:
        if wrong_files(artifact, known):
            continue
        path = directory / artifact.path
        try:
            digest = sha256_path(path) if path.exists() else None
        except OSError as error:
            problems[artifact.path] = f"must be readable: {error.strerror}"
            continue
        if digest != artifact.sha256:
            problems[artifact.path] = f"must have sha256 {artifact.sha256} by {MANIFEST}, found {digest or 'nothing'}"
        missing = [name for name in artifact.files if not (directory / name).is_file()]
        problems |= dict.fromkeys(missing, f"must exist by {MANIFEST}, found nothing")
    return problems


def wrong_files(artifact: Artifact, problems: Mapping[str, str]) -> list[str]:
    """Those of an artifact's files that check_files found a problem with."""
    return [name for name in problems if any(name == p or name.startswith(p + "/") for p in artifact.paths)]


def _run_artifacts(directory: Path, manifest: Manifest, problems: dict[str, str]) -> tuple[ArtifactCheck, ...]:
    skipped = f"{SAMPLES} is damaged" if SAMPLES in problems else None
    goldens: dict[str, Golden] = {}
    if not skipped:
        try:
            goldens = read_samples(directory, manifest.parts)
        except (OSError, ValueError) as error:
            problems[SAMPLES] = str(error)
            skipped = f"{SAMPLES} cannot be read"
    checks = []
    for artifact in manifest.artifacts:
        if wrong := wrong_files(artifact, problems):
            checks.append(ArtifactCheck(artifact, skipped=f"{wrong[0]} is damaged"))
        elif skipped:
            checks.append(ArtifactCheck(artifact, skipped=skipped))
        else:
            # The runner lives until the next is open, so that parts of one SavedModel load it once.
            check, _runner = _run_artifact(directory, artifact, manifest.parts[artifact.part], goldens[artifact.part])
            checks.append(check)
    return tuple(checks)


def _run_artifact(
    directory: Path, artifact: Artifact, part: PartEntry, golden: Golden
) -> tuple[ArtifactCheck, Runner | None]:
    try:
        with quiet():
            run = open_artifact(directory, artifact, part)
            batches = [run({name: array[rows] for name, array in golden.inputs.items()}) for rows in golden.batches()]
        whole = {name: np.concatenate([batch[name] for batch in batches]) for name in golden.outputs}
        actual = {name: array[: golden.count] for name, array in whole.items()}
        parity = compare(golden.outputs, actual, pictures=part.pictures)
    except ImportError as error:
        return ArtifactCheck(artifact, skipped=str(error)), None
    except Exception as error:  # whatever a runtime makes of a bad file is this artifact's result
        return ArtifactCheck(artifact, problem=f"cannot be run: {' '.join(str(error).split())}"), None
    numbers = [output for output in golden.outputs.values() if not is_text(output)]
    scale = max([1.0, *(float(np.abs(output).max(initial=0)) for output in numbers)])
    atol = max(1e-4 * scale, 10 * (artifact.max_abs_diff or 0.0))
    min_cosine = 1 - max(1e-5, 10 * (1 - (1.0 if artifact.min_cosine is None else artifact.min_cosine)))
    problem = None
    if not parity.within(atol, min_cosine):
        problem = (
            f"must answer as the Keras model did (max abs diff <= {atol:.1e}, cosine >= {min_cosine:.6f}), "
            f"found {parity.max_abs_diff:.1e} and {parity.min_cosine:.6f}"
        )
    return ArtifactCheck(artifact, parity.max_abs_diff, parity.min_cosine, problem), run
