import logging
import os
import subprocess
import sys
import warnings

import pytest

from mmzoo.bundle.chatter import quiet

CHATTER = [
    b"I0000 00:00:1795324041.588243    5032 reader.cc:83] Reading SavedModel from: sm/1",
    b"W0000 00:00:1795324041.587703    5032 tf_tfl_flatbuffer_helpers.cc:364] Ignored output_format.",
    b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.",
    b"2026-01-01 10:00:00.000000: I tensorflow/core/platform/cpu.cc:1] This binary is optimized",
    b"\x1b[0;93m2026-01-01 10:00:00.000 [W:onnxruntime:, graph.cc:1 f] Removing initializer",
]
ERRORS = [
    b"E0000 00:00:1795324040.499850    5032 dso_loader.cc:1] no such library",
    b"F0000 00:00:1795324040.499850    5032 tensor.cc:1] Check failed",
    b"Segmentation fault",
]


def test_chatter_is_dropped_and_errors_are_shown_at_the_end(capfd):
    with quiet():
        os.write(2, b"\n".join([*CHATTER, *ERRORS]) + b"\n")
        assert capfd.readouterr().err == ""
    assert capfd.readouterr().err.encode().splitlines() == ERRORS


def test_errors_are_shown_when_the_block_raises(capfd):
    def fail():
        os.write(2, b"Segmentation fault\n")
        raise KeyError

    with pytest.raises(KeyError), quiet():
        fail()
    assert capfd.readouterr().err == "Segmentation fault\n"


def test_library_loggers_and_warnings_are_silent_within_and_as_before_afterwards(caplog):
    logger = logging.getLogger("tf2onnx")
    level = logger.level
    with quiet():
        warnings.warn("deprecated", DeprecationWarning, stacklevel=1)
        logger.warning("Failed to apply optimize_transpose")
        logging.getLogger("mine").warning("mine")
    assert logger.level == level
    assert [record.name for record in caplog.records] == ["mine"]
    with pytest.warns(UserWarning, match="again"):
        warnings.warn("again", UserWarning, stacklevel=1)


def test_a_process_without_stderr_is_fine():
    code = "import os; os.close(2)\nfrom mmzoo.bundle.chatter import quiet\nwith quiet(): print('done')"
    result = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert result.stdout == "done\n"
