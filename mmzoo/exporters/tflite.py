"""TFLite: one file a part, of builtin operations only, with a signature of the part's name."""

from __future__ import annotations

import re
from pathlib import Path

from mmzoo.exporters.trace import Trace

_REFUSED = re.compile(r"'tf\.(\w+)' op|(?:Flex|Custom) ops: ([^\n]+)")


def write_tflite(trace: Trace, saved_model: Path, path: Path) -> None:
    """Converts the part's signature in a SavedModel; going through one is what keeps the weights in the file.

    Raises ValueError where the part needs operations that TFLite has no builtin for; the message lists them.
    """
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[trace.entry.name])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    try:
        content = converter.convert()
    except Exception as error:  # the converter's own class is private to TensorFlow
        refused = sorted({single or several for single, several in _REFUSED.findall(str(error))})
        if not refused:
            raise
        raise ValueError(
            f"part {trace.entry.name!r} must be made of TFLite's builtin operations, received {', '.join(refused)}"
        ) from error
    path.write_bytes(content)
