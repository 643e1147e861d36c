"""Every error and fault of the core that an app can meet has a French sentence, made of the parts that it has."""

from __future__ import annotations

import re
import string
from functools import cache

import attrs
import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bike_traffic.data.checking.rules import Fault
from bike_traffic.data.rule import RULES
from bike_traffic.errors import SchemaError
from tests.error_sites import ROOT, Site, error_sites

FRENCH = ROOT / "app/locale/fr/LC_MESSAGES/errors.po"

NOT_IN_THE_APP: dict[str, set[str]] = {
    "an app trains and compares nothing": {
        "fit-no-rows", "fold-empty", "folds-too-few", "folds-too-long", "held-out-counters-unknown",
        "holdout-sliver", "holdout-too-long", "holdout-too-short", "only-outages", "origins-empty",
        "random-split-too-few-rows", "span-malformed",
    },
    "parameters are given to a training": {
        "dropout-range", "hidden-range", "learning-rate-range", "n-jobs-zero", "parameter-below-one",
        "holidays-unknown", "parameter-malformed", "parameter-refused", "parameter-type", "parameter-unknown",
        "school-holidays-unknown", "no-trial-complete", "nothing-to-search", "trials-not-kept",
    },
    "an app starts no MLflow server, and tracks nothing": {
        "experiment-not-created", "migration-failed", "migration-no-runs", "migration-store-exists",
        "migration-unreadable", "mlflow-server-not-started", "mlflow-server-running", "mlflow-server-slow",
        "port-taken", "server-state-malformed", "tracking-uri-not-http",
    },
    "an app fetches no counts, and takes them whole": {
        "archive-of-year-missing", "city-without-portal", "counter-malformed", "counts-none-wanted",
        "day-malformed", "export-incomplete", "export-not-a-table", "export-time-malformed", "month-malformed",
        "portal-answer", "portal-column-missing", "portal-unreachable", "store-busy", "store-missing",
        "store-not-read-back", "store-of-other-city", "store-of-other-counters", "store-too-new",
        "store-without-months", "weather-answer", "weather-unreachable", "city-without-position",
        "city-without-station", "window-empty",
    },
    "an app reads registries and writes to none": {
        "kept-model-in-use", "kept-model-unknown", "kept-record-malformed", "summary-corrupt-meanwhile",
        "alias-begins-run-id", "alias-malformed", "alias-malformed-for-mlflow", "alias-no-earlier-run",
        "alias-record-without-digests",
        "copy-files-differ", "copy-record-conflict", "files-conflict", "folder-not-empty", "head-not-signed",
        "head-would-hide-deletion", "name-malformed", "record-conflict", "run-not-withdrawn", "run-withdrawn",
        "run-withdrawn-already", "summary-busy", "summary-not-written",
        "upload-read-back-differs", "withdrawal-without-reason",
    },
    "keys are made and used on the command line": {"key-exists", "key-not-written", "private-key-malformed"},
    "the command line alone writes a file beside the one it reads": {
        "files-not-predicted", "output-in-input", "output-is-input", "outputs-collide",
    },
    "shown in a list of plugins that failed, as the text of its author": {"plugin-api-too-new"},
    "the command line alone shares work out": {
        "scheduler-lost", "scheduler-missing", "scheduler-without-workers", "worker-of-other-versions",
        "worker-without-module", "workers-ended",
    },
    "raised in tests of pipelines": {"pipeline-unknown-plugins-failed"},
}  # fmt: skip
"""Ids without French, by the reason why an app cannot meet them."""


@cache
def sites() -> list[Site]:
    return error_sites()


@cache
def catalogue() -> Catalog:
    with FRENCH.open("rb") as file:
        return read_po(file, locale="fr")


def french(context: str) -> dict[str, str]:
    """Return the sentences of a context by their ids."""
    return {str(message.id): str(message.string) for message in catalogue() if message.context == context}


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_every_site_that_makes_an_error_is_found() -> None:
    """Errors whose id is no literal are those of a fault, which the table of rules has."""
    assert [site.place.partition(":")[0] for site in sites() if not site.id] == ["framework/data/checking/rules.py"]
    assert len(sites()) > 150


def test_every_error_that_an_app_can_meet_is_in_french() -> None:
    left_out = set().union(*NOT_IN_THE_APP.values())
    made = {site.id for site in sites() if site.id}
    assert made - left_out - french("error").keys() == set()
    assert french("error").keys() - made == set(), "sentences for errors that are not made any more"
    assert left_out & french("error").keys() == set()
    assert left_out - made == set()


def test_a_sentence_has_only_parts_that_every_error_of_its_id_gives() -> None:
    sentences = french("error")
    assert [
        (site.id, site.place, missing)
        for site in sites()
        if site.id in sentences and (missing := fields_of(sentences[site.id]) - site.parts)
    ] == []


def test_every_fault_is_in_french_with_the_fields_of_a_fault() -> None:
    sentences = french("fault")
    assert sentences.keys() == {*RULES, "empty"}, "`empty` is the word in place of an example"
    fields = {field.name for field in attrs.fields(Fault)}
    assert [id_ for id_, sentence in sentences.items() if fields_of(sentence) - fields] == []


def test_no_sentence_is_empty_or_uncertain() -> None:
    assert [message.id for message in catalogue() if message.id and (message.fuzzy or not message.string)] == []


@pytest.mark.parametrize("context", ["error", "fault"])
def test_sentences_have_french_spaces_quotes_and_apostrophes(context: str) -> None:
    """A colon follows a no-break space, other double signs a narrow one; what is typed stays as it is."""
    for id_, sentence in french(context).items():
        prose = re.sub(r"pip install .*|\S*://\S*|«\u00a0[;,]\u00a0»|\d\d:\d\d\S*", "…", sentence)
        assert re.findall(r".?(?<!\u00a0):|.?(?<!\u202f)[;?!]|«(?!\u00a0)|(?<!\u00a0)»", prose) == [], id_
        assert re.findall(r"['\"]|\.\.\.|  ", prose) == [], id_


def test_a_sentence_can_be_made_from_a_real_error() -> None:
    error = SchemaError("no column", "column-missing", where="counts.csv", name="Nom du compteur", known=["Rue"])
    sentence = french("error")[error.id].format(**{**error.parts, "known": "Rue"})
    assert sentence == (
        "counts.csv\u00a0: il manque la colonne «\u00a0Nom du compteur\u00a0». Colonnes présentes\u00a0: Rue."
    )
