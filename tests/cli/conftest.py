"""What the tests of the command line share."""

import sys

import pytest

from mmzoo.cli import main


@pytest.fixture
def run(capsys, monkeypatch):
    """Exit status, standard output and standard error of `mmzoo ARGUMENTS`."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["mmzoo", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as ending:
            status = ending.code
        captured = capsys.readouterr()
        message = status if isinstance(status, str) else ""
        return (1 if message else status or 0), captured.out, captured.err + message

    return call
