"""``--plot`` draws what tracking draws, with nothing tracked."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.image import imread

from tests.conftest import Bt

TINY = ("--set", "n_estimators=1", "--no-interval")


def drawn(folder: Path) -> list[str]:
    """Return the pictures below a folder; none of them is blank."""
    names = []
    for path in sorted(folder.rglob("*.png")):
        assert (imread(path)[..., :3] < 0.95).any(axis=-1).mean() > 0.005, path
        names.append(path.relative_to(folder).as_posix())
    return names


@pytest.fixture
def model(bt: Bt, small_file: Path) -> Path:
    assert bt("train", "-m", "rf", *TINY, "--data", small_file).exit_code == 0
    return small_file


def test_an_evaluation_is_drawn(bt: Bt, model: Path) -> None:
    done = bt("evaluate", "-m", "rf", model, "--plot", "deep/pictures")
    assert done.exit_code == 0, done.stderr
    assert drawn(Path("deep/pictures")) == [
        "error_by_hour_and_weekday.png",
        "feature_importances.png",
        "predicted_against_actual.png",
    ]
    assert done.stderr.splitlines()[-1] == "3 pictures drawn in deep/pictures"


def test_a_backtest_is_drawn_model_by_model(bt: Bt, small_file: Path) -> None:
    words = ("backtest", "-m", "rf", "-m", "rf_class", *TINY, "--folds", "2", "--data", small_file)
    done = bt(*words, "--plot", "pictures")
    assert done.exit_code == 0, done.stderr
    assert drawn(Path("pictures")) == [
        "rf/error_by_hour_and_weekday.png",
        "rf/predicted_against_actual.png",
        "rf_class/confusion_matrix.png",
        "rf_class/error_by_hour_and_weekday.png",
        "rf_class/predicted_against_actual.png",
        "rf_class/roc_curve.png",
    ]


@pytest.mark.parametrize("with_counts", [True, False])
def test_predictions_are_drawn(bt: Bt, model: Path, with_counts: bool) -> None:
    if not with_counts:
        lines = model.read_text(encoding="utf-8").splitlines()
        place = lines[0].split(";").index("Comptage horaire")
        less = [";".join(field for number, field in enumerate(line.split(";")) if number != place) for line in lines]
        model.write_text("\n".join(less) + "\n", encoding="utf-8")
    assert bt("predict", "-m", "rf", model, "-o", "out.csv").exit_code == 0
    done = bt("predict", "-m", "rf", model, "-o", "drawn.csv", "--plot", "p.png")
    assert done.exit_code == 0, done.stderr
    assert drawn(Path()) == ["p.png"]
    assert Path("drawn.csv").read_bytes() == Path("out.csv").read_bytes()


def test_a_folder_that_is_a_file_is_one_line(bt: Bt, model: Path) -> None:
    Path("pictures").touch()
    done = bt("evaluate", "-m", "rf", model, "--plot", "pictures")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-1].startswith("Error: Invalid value for '--plot'")
