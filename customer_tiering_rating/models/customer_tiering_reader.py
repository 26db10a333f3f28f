from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.base import COUNT, NUMBER, QuerySource

from ..ratings import GOOD, get_customer, get_day, get_ratings


class Ratings(QuerySource):
    """What customers and their contacts said in the window, in stars from 1 to 5."""

    columns = {"rating_average": NUMBER, "rating_count": COUNT, "bad_rating_count": COUNT}

    def __init__(self, env):
        self.env = env

    def get_query(self, scope):
        return SQL(
            """
            SELECT %(customer)s AS customer,
                   AVG(rating.rating)::float8 AS rating_average,
                   COUNT(*) AS rating_count,
                   COUNT(*) FILTER (WHERE rating.rating < %(good)s) AS bad_rating_count
              FROM %(ratings)s
               AND rating.rated_on >= %(since)s AND rating.rated_on < %(until)s
               AND %(day)s > %(window_start)s AND %(day)s <= %(as_of)s AND %(of_partners)s
          GROUP BY 1
            """,
            customer=get_customer(),
            good=GOOD,
            ratings=get_ratings(self.env, scope.company_id),
            day=get_day(scope.timezone),
            of_partners=scope.of_partners(SQL.identifier("rating", "partner_id")),
            **scope.parameters,
        )


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), Ratings(self.env)]
