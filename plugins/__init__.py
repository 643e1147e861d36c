"""The built-in pipelines, declared in the same way as those of any plugin."""

from __future__ import annotations

from bike_traffic.hookspecs import hookimpl
from bike_traffic.specs import PipelineSpec


@hookimpl
def bt_pipelines() -> list[PipelineSpec]:
    """Declare the pipelines of this package."""
    return [
        PipelineSpec(
            name="rf",
            target="bike_traffic.plugins.random_forest:RFPipeline",
            summary="random forest on calendar and history features; bikes per hour",
        ),
        PipelineSpec(
            name="nn",
            target="bike_traffic.plugins.neural_net:NNPipeline",
            summary="neural net with counter and hour-of-week embeddings; bikes per hour",
            trains_with=("tensorflow", "keras"),
            install="'bike-traffic[nn]'",
        ),
        PipelineSpec(
            name="rf_class",
            target="bike_traffic.plugins.affluence:AffluenceClassifierPipeline",
            summary="random forest classifier; is an hour busier than the counter's mean?",
        ),
        PipelineSpec(
            name="ahead",
            target="bike_traffic.plugins.ahead.pipeline:AheadPipeline",
            summary="regression on recent counts, for the coming days; bikes per hour",
            needs=("history",),
        ),
    ]
