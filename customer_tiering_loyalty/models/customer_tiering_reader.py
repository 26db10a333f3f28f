from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.base import SUM, QuerySource

from ..points import IS_HELD, LAST_DAY

# Points that lapse within so many days are told.
EXPIRING_DAYS = 30


class Loyalty(QuerySource):
    """Points of loyalty programs: those on the cards of a customer and its contacts, and what became of them.

    Cards know their balance of today only; what was given and used after the last day is taken back.
    """

    columns = dict.fromkeys(("loyalty_points", "loyalty_expiring", "loyalty_earned", "loyalty_used"), SUM)

    def get_query(self, scope):
        of_partners = scope.of_partners(SQL.identifier("partner_id"))
        cards = SQL("SELECT id FROM loyalty_card WHERE %s", of_partners)
        return SQL(
            """
            WITH moved AS (
                SELECT card_id,
                       SUM(issued) FILTER (WHERE day <= %(as_of)s) AS issued,
                       SUM(used) FILTER (WHERE day <= %(as_of)s) AS used,
                       SUM(issued - used) FILTER (WHERE day > %(as_of)s) AS later
                  FROM loyalty_history history
            CROSS JOIN LATERAL (
                           SELECT (history.create_date AT TIME ZONE 'UTC' AT TIME ZONE %(timezone)s)::date AS day
                       ) written
                 WHERE history.create_date >= %(since)s AND day > %(window_start)s AND %(of_cards)s
              GROUP BY card_id
            ), card AS (
                SELECT held.partner_id, moved.issued, moved.used, %(last_day)s AS last_day,
                       CASE WHEN %(is_held)s AND COALESCE(%(last_day)s >= %(as_of)s, TRUE)
                            THEN held.points - COALESCE(moved.later, 0) END AS points
                  FROM loyalty_card held
                  JOIN loyalty_program program ON program.id = held.program_id AND program.program_type = 'loyalty'
             LEFT JOIN moved ON moved.card_id = held.id
                 WHERE (program.company_id = %(company)s OR program.company_id IS NULL) AND %(of_partners)s
            )
            SELECT owner.commercial_partner_id AS customer,
                   SUM(points)::float8 AS loyalty_points,
                   (SUM(points) FILTER (WHERE last_day <= %(as_of)s + %(expiring_days)s))::float8 AS loyalty_expiring,
                   SUM(issued)::float8 AS loyalty_earned,
                   SUM(used)::float8 AS loyalty_used
              FROM card
              JOIN res_partner owner ON owner.id = card.partner_id
          GROUP BY 1
            """,
            is_held=IS_HELD,
            last_day=LAST_DAY,
            expiring_days=EXPIRING_DAYS,
            of_partners=of_partners,
            of_cards=SQL("card_id IN (%s)" if scope.scans else "card_id = ANY(ARRAY(%s))", cards)
            if not scope.everybody
            else SQL("TRUE"),
            **scope.parameters,
        )


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), Loyalty()]
