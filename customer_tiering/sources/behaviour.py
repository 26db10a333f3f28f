"""When customers buy."""

from ..engine import behaviour
from .base import MetricSource


class Weekdays(MetricSource):
    """The weekday on which most of the purchases in the window are."""

    columns = behaviour.COLUMNS

    def read_columns(self, reading, columns):
        bought, purchases = reading.bought, reading.purchases
        return behaviour.summarize(reading.customers, purchases.buyer[bought], purchases.day[bought])
