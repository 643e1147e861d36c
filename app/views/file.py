"""Is my file sound, and what does a model say to its hours?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from bike_traffic.app import batch_words, state
from bike_traffic.app.batch import Batch, predict_upload
from bike_traffic.app.turns import heavy
from bike_traffic.app.uploads import Checked, check_upload
from bike_traffic.app.views.coming_hours import offer_coming_hours
from bike_traffic.app.views.parts import pick, pick_model, show_chart, show_error, theme
from bike_traffic.app.views.sentences import run_in_words
from bike_traffic.errors import BikeTrafficError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from bike_traffic.answering import UnknownPolicy
    from bike_traffic.app.views import Visit
    from bike_traffic.app.words import Words
    from bike_traffic.loading import LoadedModel

TYPES = ("csv", "json", "jsonl", "geojson", "parquet", "pq", "gz", "zip")
CSV, PARQUET = "text/csv", "application/vnd.apache.parquet"


def show(visit: Visit) -> None:
    """Show the page."""
    words = visit.words
    megabytes = int(st.get_option("server.maxUploadSize"))
    upload = st.file_uploader(
        words.say("A file of counters and hours"), TYPES, key="upload", max_upload_size=megabytes
    )
    st.caption(batch_words.limits_in_words(words, megabytes))
    say = partial(visit.head.empty().subheader, anchor=False)
    checked = None
    if upload is None:
        state.desk().clear()
        say(words.say("Upload a file: it is checked first, then predicted"))
    else:
        try:
            checked = state.desk().checked(upload.file_id, lambda: _check(words, upload))
            say(batch_words.checked_in_words(words, checked))
        except BikeTrafficError as error:
            say(words.say("This file cannot be read"))
            show_error(words, error)
    if checked is not None and checked.faults:
        st.table(batch_words.faults_table(words, checked), hide_index=True)
    by_what, how, go = st.columns([2, 3, 2], vertical_alignment="bottom")
    with by_what:
        loaded = state.model(pick_model(visit).record.run_id)
    if upload is not None and checked is not None and not checked.refused:
        policy = _pick_policy(visit, how, checked.unknown_to(loaded))
        key = (upload.file_id, loaded.record.run_id, str(policy))
        batch = state.desk().batch(key)
        if go.button(words.say("Predict"), disabled=policy is None, width="stretch") and policy:
            batch = state.desk().put(key, _predict(words, loaded, upload, checked, policy))
        if batch is not None:
            say(batch_words.batch_in_words(words, checked.name, batch))
            _show_batch(words, batch, run_in_words(words, loaded.record))
    offer_coming_hours(visit, loaded)


def _check(words: Words, upload: UploadedFile) -> Checked:
    place = st.empty()
    with heavy(lambda: _say_waiting(words, place)):
        found = check_upload(
            upload,
            upload.name,
            _counting(lambda rows: place.caption(words.say("{rows} rows read", rows=words.number(rows)))),
            state.workspace().city,
        )
    place.empty()
    return found


def _pick_policy(visit: Visit, column: Any, unknown: dict[str, int]) -> UnknownPolicy | None:
    """Let the reader choose what to do with counters that the model does not know; ``None`` predicts nothing."""
    words = visit.words
    if not unknown:
        return "refuse"
    st.warning(batch_words.unknown_in_words(words, unknown))
    texts = {"refuse": words.say("predict nothing"), "predict": words.say("predict roughly, and mark the rows")}
    with column:
        return (
            "predict" if pick(visit, "unknown", words.say("Unknown counters"), texts, "refuse") == "predict" else None
        )


def _predict(
    words: Words, loaded: LoadedModel, upload: UploadedFile, checked: Checked, policy: UnknownPolicy
) -> Batch:
    """Predict with a progress bar, when it is this session's turn."""
    history = state.counts() if "history" in loaded.pipeline.needs else None
    place = st.empty()

    def advance(rows: int) -> None:
        said = words.say("{rows} of {total} rows", rows=words.number(rows), total=words.number(checked.rows))
        place.progress(min(1.0, rows / checked.rows), said)

    try:
        with heavy(lambda: _say_waiting(words, place)):
            advance(0)
            return predict_upload(
                loaded,
                upload,
                checked,
                unknown_counters=policy,
                history=history,
                on_rows=_counting(advance),
                city=state.workspace().city,
            )
    finally:
        place.empty()


def _counting(show_rows: Callable[[int], object]) -> Callable[[int], None]:
    """Return a function that takes the rows of each chunk, and shows those of all chunks so far."""
    done = 0

    def add(rows: int) -> None:
        nonlocal done
        done += rows
        show_rows(done)

    return add


def _say_waiting(words: Words, place: Any) -> None:
    place.info(words.say("Others are computing; your turn comes …"))


def _show_batch(words: Words, batch: Batch, model: str) -> None:
    """Show the downloads, the error, the picture and the first rows."""
    left, right = st.columns(2)
    how: dict[str, Any] = {"on_click": "ignore", "width": "stretch"}
    left.download_button(words.say("Predictions as CSV"), batch.csv, batch.csv_name, CSV, **how)
    right.download_button(words.say("Predictions as Parquet"), batch.parquet, "predictions.parquet", PARQUET, **how)
    st.caption(f"{model}.")
    if batch.measured:
        found = batch_words.figures(words, batch)
        for column, (label, value, beside) in zip(st.columns(len(found)), found, strict=True):
            column.metric(label, value, beside, delta_color="off", delta_arrow="off")
        st.caption(batch_words.measured_in_words(words, batch))
    st.caption(words.say("All counters of the file together:"))
    show_chart(batch_words.picture(batch, words, theme()), words, "file-chart")
    st.caption(words.say("The first rows of the predictions:"))
    st.dataframe(batch_words.preview(words, batch, state.zone()), hide_index=True, width="stretch")
