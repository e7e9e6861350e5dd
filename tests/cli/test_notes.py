"""Warnings on the command line."""

import subprocess
import sys
import warnings

import pytest

import mmzoo.cli.app
from mmzoo.cli import main


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_without_a_path(monkeypatch, run):
    def app():
        warnings.warn("the sizes differ:\n  32 and 64", UserWarning, stacklevel=1)

    monkeypatch.setattr(mmzoo.cli.app, "app", app)
    status, out, error = run()
    assert (status, out) == (0, "")
    assert error == "mmzoo: note: the sizes differ: 32 and 64\n"


@pytest.mark.filterwarnings("default")
def test_python_shows_warnings_its_own_way_afterwards(monkeypatch):
    monkeypatch.setattr(mmzoo.cli.app, "app", lambda: None)
    before = warnings.showwarning
    main()
    assert warnings.showwarning is before


def test_pythons_own_options_decide_what_is_shown():
    code = (
        "import warnings, mmzoo.cli.app\nfrom mmzoo.cli import main\n"
        "mmzoo.cli.app.app = lambda: [warnings.warn('old', DeprecationWarning), warnings.warn('new')]\nmain()"
    )
    shown = {
        option: subprocess.run(
            [sys.executable, "-W", option, "-c", code], capture_output=True, text=True, check=True
        ).stderr.splitlines()
        for option in ("ignore", "always")
    }
    assert shown == {"ignore": [], "always": ["mmzoo: note: old", "mmzoo: note: new"]}
