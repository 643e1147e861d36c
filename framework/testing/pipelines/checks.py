"""All checks of a pipeline, and the results of running them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from bike_traffic.testing.pipelines.promises import (
    check_clean_counts_give_the_same_as_published_ones,
    check_declared_without_heavy_imports,
    check_empty_counts_give_an_empty_prediction,
    check_fit_returns_the_pipeline,
    check_hours_of_clock_changes_are_predicted,
    check_input_is_left_unchanged,
    check_is_a_clonable_estimator,
    check_later_counts_change_no_prediction,
    check_loads_under_another_working_directory,
    check_name_and_task_agree,
    check_one_row_is_predicted_as_among_many,
    check_order_of_rows_and_extra_columns_do_not_matter,
    check_predict_before_fit_raises_not_fitted,
    check_predictions_are_finite_and_not_negative,
    check_predictions_have_the_index_of_the_counts,
    check_predicts_from_name_time_and_place_alone,
    check_probabilities_are_a_classifiers,
    check_remembers_its_counters,
    check_same_seed_same_predictions,
    check_saved_and_loaded_in_a_fresh_process_predicts_the_same,
    check_search_space_fits_the_parameters,
    check_threads_share_a_fitted_pipeline,
    check_unknown_counters_get_a_best_effort,
)
from bike_traffic.testing.pipelines.subject import CheckFailed, PipelineSubject, calling

PipelineCheck = Callable[[PipelineSubject], None]

PIPELINE_CHECKS: tuple[PipelineCheck, ...] = (
    check_declared_without_heavy_imports,
    check_name_and_task_agree,
    check_is_a_clonable_estimator,
    check_search_space_fits_the_parameters,
    check_fit_returns_the_pipeline,
    check_predict_before_fit_raises_not_fitted,
    check_input_is_left_unchanged,
    check_predictions_are_finite_and_not_negative,
    check_predictions_have_the_index_of_the_counts,
    check_predicts_from_name_time_and_place_alone,
    check_later_counts_change_no_prediction,
    check_order_of_rows_and_extra_columns_do_not_matter,
    check_same_seed_same_predictions,
    check_remembers_its_counters,
    check_saved_and_loaded_in_a_fresh_process_predicts_the_same,
    check_loads_under_another_working_directory,
    check_empty_counts_give_an_empty_prediction,
    check_one_row_is_predicted_as_among_many,
    check_unknown_counters_get_a_best_effort,
    check_hours_of_clock_changes_are_predicted,
    check_clean_counts_give_the_same_as_published_ones,
    check_threads_share_a_fitted_pipeline,
    check_probabilities_are_a_classifiers,
)
"""Every promise of a pipeline, in the order of the checks."""


@attrs.frozen
class CheckResult:
    """The result of one check; `failure` is ``None`` if the promise is kept."""

    check: str
    promise: str
    failure: str | None


def run_pipeline_checks(subject: PipelineSubject) -> Iterator[CheckResult]:
    """Run every check, one after another, also after one that failed."""
    for check in PIPELINE_CHECKS:
        failure = None
        try:
            with calling("the check"):
                check(subject)
        except CheckFailed as error:
            failure = str(error)
        yield CheckResult(check.__name__, promise_of(check), failure)


def promise_of(check: PipelineCheck) -> str:
    """Return the promise that a check tests, in one sentence."""
    return " ".join((check.__doc__ or "").split())
