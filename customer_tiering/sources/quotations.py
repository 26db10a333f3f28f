"""What customers asked for, what became of it, and through which team."""

from odoo.tools import SQL

from ..engine import quotations
from . import orders
from .base import BOOLEAN, FLOAT, ID, MOMENT, MetricSource


class Quotations(MetricSource):
    """From the orders of any state that are dated in the window, and the quotations that are open now and were there
    on the last day.

    :param no_quotations: conditions, any of which says of ``sale_order`` that the customer made it alone: it is counted
        neither among what was asked for nor among what came of it; a list of SQL
    """

    columns = quotations.COLUMNS

    def __init__(self, no_quotations=()):
        self.no_quotations = no_quotations

    def get_order_columns(self, scope):
        is_offered = SQL("NOT (%s)", SQL(" OR ").join([SQL("FALSE"), *self.no_quotations]))
        is_quotation = SQL("(%s AND %s)", orders.is_quotation(), is_offered)
        parameters = {"is_quotation": is_quotation, "money": orders.get_money()}
        # A column only where some are not: it would be one more for each order of everybody.
        offered = {"is_offered": (BOOLEAN, is_offered)} if self.no_quotations else {}
        return offered | {
            "team": (ID, SQL("team_id")),
            "quoted_at": (MOMENT, SQL("CASE WHEN %(is_quotation)s THEN create_date END", **parameters)),
            "quoted": (
                FLOAT,
                SQL("CASE WHEN %(is_quotation)s THEN COALESCE(%(money)s, 0)::float8 ELSE 0::float8 END", **parameters),
            ),
        }

    def read_columns(self, reading, columns):
        found = reading.orders
        buyer, quoted_at = found["buyer"], found["quoted_at"]
        placed, bought, source = orders.choose_placed(reading), reading.bought, reading.purchase_source
        if self.no_quotations:
            placed &= found["is_offered"]
        quoted = (buyer >= 0) & (quoted_at == quoted_at)  # not NaT
        quoted[quoted] = reading.is_past(reading.to_days(quoted_at[quoted]))
        return quotations.summarize(
            reading.customers,
            (buyer[placed], found["confirmed"][placed]),
            (reading.purchases.buyer[bought], source.read_teams(reading, source.get_ids(reading)[bought])),
            (buyer[quoted], found["quoted"][quoted]),
            decimals=reading.scope.decimals,
        )
