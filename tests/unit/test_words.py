"""Words given on the command line: a record that no role could read is refused before anything is sent."""

from __future__ import annotations

import getpass

import pytest

from fleetleak.records import Decoder, Label, ModelDelete, Promotion
from fleetleak_app.cli import CommandFailed, main
from fleetleak_app.cli.publish import author, written

NOWHERE = ["--bootstrap-servers", "127.0.0.1:1"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["x" * 257, "leak"],
            "such a Label could not be read: Expected `str` of length <= 256 - at `$.service`",
        ),
        (["", "leak"], "such a Label could not be read: Expected `str` of length >= 1 - at `$.service`"),
        (["s", "leak", "--reason", "x" * 1025], "Expected `str` of length <= 1024 - at `$.reason`"),
        (["s", "leak", "--author", "x" * 257], "Expected `str` of length <= 256 - at `$.author`"),
        (["s", "leak", "--alert", ""], "Expected `str` of length >= 1 - at `$.alert`"),
        (["s", "leak", "--alert", "x" * 513], "Expected `str` of length <= 512 - at `$.alert`"),
        (["s", "leak", "--reason", "\udcff"], "this Label cannot be written: str is not valid UTF-8"),
        (["\udcff", "leak"], "this Label cannot be written: str is not valid UTF-8"),
        (["s", "expected", "--for-hours", "1e9"], "at `$.expires`"),
        (["s", "expected", "--for-hours", "inf"], "a number of this Label is not finite"),
        (["s", "expected", "--for-hours", "nan"], "--for-hours must be above 0"),
        (["s", "expected", "--for-hours", "-1"], "--for-hours must be above 0"),
    ],
)
def test_a_label_that_nobody_could_read_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["label", *words, *NOWHERE]) == 1
    said = capsys.readouterr().err
    assert said.startswith("fleetleak: ")
    assert told in said
    assert said.count("\n") == 1


def test_the_same_holds_for_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "delete", "s", "--reason", "x" * 1025, *NOWHERE]) == 1
    assert "such a ModelDelete could not be read" in capsys.readouterr().err
    for record in (Promotion(track="", author="a", time=0.0), ModelDelete(service="s", author="", time=0.0)):
        with pytest.raises(CommandFailed):
            written(record)


def test_the_longest_alert_key_fits_a_label() -> None:
    label = Label(service="x" * 256, verdict="leak", author="a", time=0.0)
    label.alert = f"{label.service}@{99_999_999_999}@{'t' * 200}"
    assert Decoder(Label).decode(written(label)) == label


def test_whoever_has_no_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert author().startswith("uid ")
