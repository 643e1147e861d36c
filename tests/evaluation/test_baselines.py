"""The baseline is the mean of the last four weeks by counter, weekday and hour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bike_traffic.data.cleaning import clean
from bike_traffic.evaluation.baselines import FourWeekMean


def test_the_baseline_is_the_mean_of_the_last_four_weeks_by_counter_weekday_and_hour(
    small_counts: pd.DataFrame, tmp_path: Path
) -> None:
    cleaned = clean(small_counts)
    baseline = FourWeekMean().fit(cleaned)
    recent = cleaned[
        cleaned["date_et_heure_de_comptage"] > cleaned["date_et_heure_de_comptage"].max() - pd.Timedelta(days=28)
    ]
    keys = ["nom_du_compteur", "jour_semaine", "heure"]
    expected = recent.groupby(keys, observed=True)["comptage_horaire"].transform("mean")
    assert baseline.predict(recent) == pytest.approx(expected.to_numpy(), abs=1e-4)

    baseline.save(tmp_path)
    again = FourWeekMean.load(tmp_path)
    assert again is not None
    assert (again.predict(cleaned) == baseline.predict(cleaned)).all()


def test_a_folder_without_a_baseline_gives_none(tmp_path: Path) -> None:
    assert FourWeekMean.load(tmp_path) is None


def test_the_baseline_of_a_counter_that_was_silent_for_four_weeks_is_its_mean(small_counts: pd.DataFrame) -> None:
    cleaned = clean(small_counts)
    silent = cleaned["nom_du_compteur"] == cleaned["nom_du_compteur"].iloc[0]
    start = cleaned["date_et_heure_de_comptage"].max() - pd.Timedelta(weeks=4)
    training = cleaned[~silent | (cleaned["date_et_heure_de_comptage"] <= start)]
    mean = training.loc[silent, "comptage_horaire"].mean()
    predicted = FourWeekMean().fit(training).predict(cleaned[silent])
    assert predicted == pytest.approx(np.full(silent.sum(), mean), abs=1e-4)


def test_the_baseline_of_an_hour_that_four_weeks_lack_is_the_mean_of_its_counter(small_counts: pd.DataFrame) -> None:
    cleaned = clean(small_counts)
    lacking = cleaned["heure"] == 3
    recent = cleaned["date_et_heure_de_comptage"] > cleaned["date_et_heure_de_comptage"].max() - pd.Timedelta(weeks=4)
    baseline = FourWeekMean().fit(cleaned[~lacking])
    cells = cleaned[recent & ~lacking].groupby(["nom_du_compteur", "jour_semaine", "heure"], observed=True)
    expected = cells["comptage_horaire"].mean().groupby("nom_du_compteur", observed=True).mean()
    rows = cleaned[lacking].head(4)
    assert baseline.predict(rows) == pytest.approx(
        rows["nom_du_compteur"].map(expected).astype(float).to_numpy(), abs=1e-3
    )


def test_the_baseline_of_a_counter_it_never_saw_is_the_overall_mean(small_counts: pd.DataFrame) -> None:
    cleaned = clean(small_counts)
    baseline = FourWeekMean().fit(cleaned)
    stranger = clean(small_counts.head(1).assign(**{"Nom du compteur": "nowhere"}))
    assert baseline.predict(stranger)[0] == pytest.approx(np.mean(list(baseline.counter_means.values())))
