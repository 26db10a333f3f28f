from odoo import api, fields, models
from odoo.tools import SQL


class CustomerTieringMailingDraw(models.Model):
    """To whom a mailing that holds customers out went, and to whom it did not: a row for each customer, from the moment
    before the first e-mail goes out. Nobody may see the rows: who is held out is not to be treated otherwise."""

    _name = "customer.tiering.mailing.draw"
    _inherit = ["customer.tiering.given"]
    _description = "Drawn for a Mailing"
    _order = "id"
    _log_access = False  # written by the system, all at once

    mailing_id = fields.Many2one("mailing.mailing", required=True, readonly=True, ondelete="cascade")
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    day = fields.Date(required=True, readonly=True, help="Of the draw, in the company's time zone.")
    is_held_out = fields.Boolean(string="Held Out", readonly=True)
    # Empty: merging contacts has put the customer into both groups.
    drawn_percent = fields.Float(digits=(5, 2), readonly=True)

    # A constraint, not an index: merging contacts looks for constraints to know what it cannot move.
    _drawn_uniq = models.Constraint("UNIQUE(mailing_id, partner_id)", "A mailing draws a customer once.")

    @api.model
    def _merge(self, targets):
        """Give the rows of customers to others. Who was held out and also was not, shows no effect any more, and gets
        nothing more: for one of the two the mailing may have gone out."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                WITH drawn AS (
                    SELECT draw.id, draw.mailing_id, COALESCE(given.target, draw.partner_id) AS customer_id,
                           draw.is_held_out, draw.partner_id
                      FROM customer_tiering_mailing_draw draw
                 LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target) ON given.source = draw.partner_id
                     WHERE draw.partner_id = ANY(%(sources)s || %(targets)s)
                ), ranked AS (
                    SELECT id, ROW_NUMBER() OVER same AS place,
                           BOOL_OR(is_held_out) OVER same AND NOT BOOL_AND(is_held_out) OVER same AS is_mixed
                      FROM drawn
                    WINDOW same AS (PARTITION BY mailing_id, customer_id ORDER BY is_held_out DESC, id
                                    ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
                ), deleted AS (
                    DELETE FROM customer_tiering_mailing_draw WHERE id IN (SELECT id FROM ranked WHERE place > 1)
                )
                UPDATE customer_tiering_mailing_draw SET drawn_percent = NULL
                 WHERE id IN (SELECT id FROM ranked WHERE place = 1 AND is_mixed)
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)
