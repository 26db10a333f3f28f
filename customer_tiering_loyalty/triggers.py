from odoo.tools import SQL

from odoo.addons.customer_tiering import triggers

from .points import IS_HELD, LAST_DAY


class PointsExpire(triggers.Trigger):
    """Loyalty points of the customer expire soon: once for each day on which some do."""

    kind = "points"
    may_hold_out = False
    detail = SQL("lapse.day")
    is_state = True
    follows_calendar = True
    may_recur = False

    def get_joins(self, scan):
        return SQL("JOIN (%s) lapse ON lapse.customer = card.partner_id", self._get_lapses())

    def get_condition(self, scan):
        return SQL(
            "lapse.day >= %(as_of)s AND lapse.day <= %(as_of)s + %(days)s",
            as_of=scan.as_of,
            days=self.playbook.points_days,
        )

    def get_held(self, scan):
        return SQL("FALSE")

    def get_reason(self):
        return SQL(
            """
            EXISTS (SELECT FROM (%s) lapse
                     WHERE lapse.customer = card.partner_id AND lapse.day::text = split_part(followup.event, ':', 2))
            """,
            self._get_lapses(),
        )

    def get_gone_message(self):
        return self.env._("Closed: the loyalty points were used, or expire on another day.")

    def _get_lapses(self):
        """Return the SELECT of the days on which points of a customer expire."""
        return SQL(
            """
            SELECT owner.commercial_partner_id AS customer, %(last_day)s AS day
              FROM loyalty_card held
              JOIN loyalty_program program ON program.id = held.program_id AND program.program_type = 'loyalty'
                   AND (program.company_id = %(company)s OR program.company_id IS NULL)
              JOIN res_partner owner ON owner.id = held.partner_id
             WHERE %(is_held)s AND held.points > 0 AND %(last_day)s IS NOT NULL
          GROUP BY 1, 2
            """,
            last_day=LAST_DAY,
            is_held=IS_HELD,
            company=self.playbook.company_id.id,
        )
