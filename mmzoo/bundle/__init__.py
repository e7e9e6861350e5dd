"""What a written bundle is: manifest, checksums, golden samples, and runners for its formats. Needs no Keras."""

from mmzoo.bundle.manifest import Artifact, Manifest, PartEntry, SamplesEntry, read_manifest
from mmzoo.bundle.reader import FORMATS, Bundle
from mmzoo.bundle.runners import open_onnx, open_saved_model, open_tflite
from mmzoo.bundle.verification import ArtifactCheck, FileCheck, Verification, verify

__all__ = [
    "FORMATS",
    "Artifact",
    "ArtifactCheck",
    "Bundle",
    "FileCheck",
    "Manifest",
    "PartEntry",
    "SamplesEntry",
    "Verification",
    "open_onnx",
    "open_saved_model",
    "open_tflite",
    "read_manifest",
    "verify",
]
