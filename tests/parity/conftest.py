"""The parity tests compare with what peers made, in the folder that MMZOO_PARITY names: without it, nothing here is collected."""

import argparse
import os
import sys
from pathlib import Path

import pytest

if "MMZOO_PARITY" not in os.environ:
    collect_ignore_glob = ["*"]

_DIFFERENCES = pytest.StashKey[dict[str, dict[str, float]]]()


def pytest_addoption(parser):
    parser.addoption("--json", type=Path, help="write the largest difference of each checkpoint to this file")


@pytest.fixture
def record(request):
    """Keeps a checkpoint's largest difference from its peer under a name, for the table at the end."""

    def keep(checkpoint, what, difference):
        request.config.stash.setdefault(_DIFFERENCES, {}).setdefault(checkpoint, {})[what] = difference

    return keep


def pytest_terminal_summary(terminalreporter, config):
    differences = config.stash.get(_DIFFERENCES, {})
    if not differences:
        return
    columns = list(dict.fromkeys(what for row in differences.values() for what in row))
    terminalreporter.section("largest differences from the peer")
    terminalreporter.write_line(f"{'':32}" + "".join(f"{what:>18}" for what in columns))
    for name, row in sorted(differences.items()):
        figures = "".join(f"{row[what]:18.1e}" if what in row else f"{'':18}" for what in columns)
        terminalreporter.write_line(f"{name:32}{figures}")
    if config.getoption("json", None):
        figures = {f"{name}_{what}": value for name, row in sorted(differences.items()) for what, value in row.items()}
        _write_json(config, figures)


def _write_json(config, figures):
    sys.path.insert(0, str(config.rootpath / "bench"))
    import report

    circumstances = report.circumstances(argparse.Namespace(seed=0)) | {"command": "make parity"}
    report.write(config.getoption("json"), {"benchmark": "parity", "figures": figures, "peers": {}, **circumstances})
