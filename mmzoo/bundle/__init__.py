"""What a written bundle is: manifest, checksums, golden samples, and runners for its formats. Needs no Keras."""

from mmzoo.bundle.manifest import Artifact, Manifest, PartEntry, SamplesEntry, read_manifest
from mmzoo.bundle.measuring import MeasuredArtifact, Measurement, Timing, measure
from mmzoo.bundle.reader import FORMATS, Bundle
from mmzoo.bundle.runners import open_onnx, open_saved_model, open_tflite
from mmzoo.bundle.verification import ArtifactCheck, FileCheck, Verification, is_bundle, verify

__all__ = [
    "FORMATS",
    "Artifact",
    "ArtifactCheck",
    "Bundle",
    "FileCheck",
    "Manifest",
    "MeasuredArtifact",
    "Measurement",
    "PartEntry",
    "SamplesEntry",
    "Timing",
    "Verification",
    "is_bundle",
    "measure",
    "open_onnx",
    "open_saved_model",
    "open_tflite",
    "read_manifest",
    "verify",
]
