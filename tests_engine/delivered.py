"""The metrics that the addon delivers, read from its data: what the engine's tests score by."""

from pathlib import Path
from xml.etree import ElementTree

from engine.metrics import Metric

FILE = Path(__file__).parents[1] / "customer_tiering" / "data" / "customer_tiering_metric_data.xml"


def _read(record: ElementTree.Element) -> Metric:
    values = {field.get("name"): field.get("eval") or field.text for field in record.iter("field")}
    return Metric(
        values["key"],
        values["column"],
        values["unit"],
        tuple(float(values[f"band_{number}"]) for number in (1, 2, 3, 4)),
        values.get("band_unit", "value"),
        higher_is_better=values["direction"] == "higher",
        of_window="of_window" in values,
        ages="ages" in values,
        after_order=values["after_order"],
        columns=tuple(values["needed_columns"].split(", ")) if "needed_columns" in values else (),
        part=values.get("part_column"),
        whole=values.get("whole_column"),
    )


#: In the order in which they are offered.
METRICS = tuple(_read(record) for record in ElementTree.parse(FILE).getroot().iter("record"))

#: Those that are ratios of columns.
RATIOS = tuple(metric for metric in METRICS if metric.part)


def get(key: str) -> Metric:
    return next(metric for metric in METRICS if metric.key == key)
