"""``bt train``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bike_traffic.cli.output import BASELINE_NAME, metric_columns, print_json, print_table
from bike_traffic.cli.session import Session, aside, format_option, note, pass_session, registry_options
from bike_traffic.errors import ParameterError

if TYPE_CHECKING:
    from bike_traffic.evaluation import SplitKind
    from bike_traffic.manager import Offer, PluginHost
    from bike_traffic.specs import PipelineSpec
    from bike_traffic.training import TrainingResult


def read_parameters(given: tuple[str, ...]) -> dict[str, str]:
    """Read ``KEY=VALUE`` words; raise `ParameterError` for one without a key."""
    parameters = {}
    for word in given:
        key, separator, value = word.partition("=")
        if not (key and separator):
            raise ParameterError(f"--set {word}: write KEY=VALUE, such as --set n_estimators=50")
        parameters[key.strip()] = value
    return parameters


def chosen_models(host: PluginHost, names: tuple[str, ...]) -> list[Offer[PipelineSpec]]:
    """Return the pipelines that were named; without names every built-in that can run, and say which cannot."""
    if names:
        return [host.pipeline(name) for name in dict.fromkeys(names)]
    offers = []
    for offer in host.pipelines().values():
        if offer.source.built_in and offer.spec.missing():
            note(f"left out: {offer.spec.missing_extra(offer.spec.missing()[0])}")
        elif offer.source.built_in:
            offers.append(offer)
    return offers


@click.command(epilog="Example: bt train -m rf --data counts.csv.gz --set n_estimators=40")
@click.option("-m", "--model", "models", multiple=True, metavar="NAME", help="Model; may be repeated. [default: all]")
@registry_options
@click.option("--data", metavar="URI", help="Counts: CSV(.gz) or Parquet, any URL. [default: the generated sample]")
@click.option("--test-mode", is_flag=True, help="Train on the first 1,000 rows, and say so in the record.")
@click.option(
    "--split",
    type=click.Choice(["temporal", "random"]),
    default="temporal",
    show_default=True,
    help="Hold out the last weeks, or (flattering) random rows.",
)
@click.option("--holdout", metavar="SPAN", help="How much a temporal split holds out.  [default: 28d]")
@click.option("--set", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter of the model.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Makes runs repeatable."
)
@click.option("--track/--no-track", default=None, help="Make each training a run in MLflow.  [default: track]")
@format_option("table", "json")
@pass_session
def train(
    session: Session,
    models: tuple[str, ...],
    env: str | None,
    backend: str | None,
    registry: str | None,
    data: str | None,
    test_mode: bool,
    split: SplitKind,
    holdout: str | None,
    parameters: tuple[str, ...],
    seed: int,
    track: bool | None,
    form: str,
) -> None:
    """Train models, evaluate them on held-out weeks beside the 4-week mean, and register them."""
    settings = session.settings(env=env, backend=backend, registry=registry, data=data, track=track)
    host = session.host(settings)
    offers = chosen_models(host, models)
    given = read_parameters(parameters)
    from bike_traffic.evaluation import parse_span
    from bike_traffic.signing import SigningKey
    from bike_traffic.tracking import open_tracker
    from bike_traffic.training import TrainingPlan, new_pipeline, read_for_training, train_model

    span = parse_span(holdout) if holdout else None
    for offer in offers:
        with aside():
            new_pipeline(offer, given, seed)  # say what is wrong with any model before the first is trained
    signing_key = SigningKey.of(settings)
    opened = session.registry(settings)
    counts = read_for_training(settings.data, test_mode=test_mode)
    plan = TrainingPlan(env=settings.env, test_mode=test_mode, split=split, holdout=span, parameters=given, seed=seed)
    tracker = open_tracker(settings, note)
    results = []
    for offer in offers:
        with aside():
            result = train_model(offer, counts, opened, plan, signing_key=signing_key, tracker=tracker)
        results.append(result)
        left_out = result.record.extra["split"]["left_out_rows"]
        seconds = result.record.extra["fit_seconds"]
        left = f"; {left_out} held-out rows of counters unknown before were left out" if left_out else ""
        note(f"{offer.spec.name}: fitted in {seconds} s, registered as {result.record.model_uri}{left}")
        with aside():
            host.after_train(result.record, result.evaluation.metrics)
    if form == "json":
        print_json([result.record.to_json() for result in results])
    else:
        _print_results(results)
    for result in results:
        if result.pending:
            raise result.pending


def _print_results(results: list[TrainingResult]) -> None:
    for number, task in enumerate(dict.fromkeys(result.pipeline.task for result in results)):
        if number:
            click.echo()
        mine = [result for result in results if result.pipeline.task == task]
        metrics = metric_columns(*(result.evaluation.metrics for result in mine))
        rows: list[list[object]] = []
        baselines: list[list[object]] = []
        for result in mine:
            found, beside = result.evaluation.metrics, result.evaluation.baseline
            run = result.record.run_id[:8]
            rows.append([result.record.model_type, run, result.evaluation.rows, *(found.get(m) for m in metrics)])
            baseline: list[object] = [BASELINE_NAME, "", result.evaluation.rows, *(beside.get(m) for m in metrics)]
            if baseline not in baselines:  # models that were measured on the same rows share it
                baselines.append(baseline)
        rows += baselines
        print_table([task, "run", "held-out rows", *metrics], rows)
