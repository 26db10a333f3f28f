from odoo.tools import SQL

from odoo.addons.customer_tiering import triggers

from .ratings import GOOD, get_customer, get_day, get_ratings


class BadRating(triggers.Trigger):
    """The customer, or a contact of it, gives a bad rating."""

    kind = "rating"
    may_hold_out = False
    detail = SQL("bad.id")
    may_recur = False

    def get_joins(self, scan):
        return SQL("JOIN (%s) bad ON bad.customer = card.partner_id", self._get_bad())

    def get_condition(self, scan):
        return SQL("bad.day >= %s AND bad.day <= %s", scan.since, scan.as_of)

    def get_held(self, scan):
        return SQL("FALSE")

    def get_reason(self):
        return SQL(
            """
            EXISTS (SELECT FROM (%s) bad
                     WHERE bad.customer = card.partner_id AND bad.id::text = split_part(followup.event, ':', 2))
            """,
            self._get_bad(),
        )

    def get_gone_message(self):
        return self.env._("Closed: the bad rating was changed or deleted.")

    def _get_bad(self):
        """Return the SELECT of the bad ratings of customers: ``id``, ``customer`` and ``day``."""
        company = self.playbook.company_id
        return SQL(
            "SELECT rating.id, %(customer)s AS customer, %(day)s AS day FROM %(ratings)s AND rating.rating < %(good)s",
            customer=get_customer(),
            day=get_day(company._get_tiering_timezone().key),
            ratings=get_ratings(self.env, company.id),
            good=GOOD,
        )
