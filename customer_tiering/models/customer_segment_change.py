from odoo import api, fields, models
from odoo.tools import SQL

from ..fields import UncheckedMany2one


class CustomerSegmentChange(models.Model):
    """Which segment a customer left, since when it had been in it, and where it went.

    Only changes are kept, by the writer, in one statement for all customers of a run. Where a customer is now, and
    since when, stands on the scorecard; so the segment of any day is known from these two.
    """

    _name = "customer.segment.change"
    _inherit = ["customer.tiering.given"]
    _description = "Customer Segment Change"
    _order = "id desc"  # rows are only ever added, so this is also the order of their dates
    _rec_name = "partner_id"
    _log_access = False  # the run says when and who

    partner_id = UncheckedMany2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = UncheckedMany2one("res.company", required=True, readonly=True, ondelete="cascade")
    run_id = UncheckedMany2one("customer.tiering.run", readonly=True, ondelete="set null")
    date = fields.Date(required=True, readonly=True, help="The day the run looked at.")
    from_segment_id = UncheckedMany2one("customer.segment", string="From", readonly=True, ondelete="set null")
    from_since = fields.Date(string="In It Since", readonly=True)
    to_segment_id = UncheckedMany2one(
        "customer.segment", string="To", readonly=True, ondelete="set null", help="Empty: no customer any more."
    )
    by_rules = fields.Boolean(
        readonly=True, help="What changed was the policy or the comparison of the customers, not what the customer did."
    )

    _date_idx = models.Index("USING brin (date)")

    @api.model
    def _merge(self, targets):
        """Give the history of customers to others who have none of their own: two histories at once are none. Of those
        of several customers who become one, that stays which began first."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                WITH history AS (
                    SELECT partner_id, company_id,
                           ROW_NUMBER() OVER (PARTITION BY company_id, COALESCE(given.target, partner_id)
                                                  ORDER BY given.target IS NOT NULL, MIN(change.id)) AS place
                      FROM customer_segment_change change
                 LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target) ON given.source = partner_id
                     WHERE partner_id = ANY(%(sources)s || %(targets)s)
                  GROUP BY partner_id, company_id, given.target)
                DELETE FROM customer_segment_change change
                 USING history
                 WHERE history.place > 1 AND change.partner_id = history.partner_id
                   AND change.company_id = history.company_id
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)
