from odoo import api, fields, models
from odoo.tools import SQL

from ..fields import UncheckedMany2one


class CustomerTierChange(models.Model):
    _name = "customer.tier.change"
    _description = "Customer Tier Change"
    _order = "id desc"  # rows are only ever added, so this is also the order of their dates
    _rec_name = "partner_id"
    _log_access = False  # the run says when and who

    # Rows are only ever added, and by the writer in one statement for all customers of a run: this
    # table, not the chatter, is the log of who moved when and why.
    partner_id = UncheckedMany2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = UncheckedMany2one("res.company", required=True, readonly=True, ondelete="cascade")
    policy_id = UncheckedMany2one("customer.tiering.policy", readonly=True, ondelete="set null")
    run_id = UncheckedMany2one("customer.tiering.run", readonly=True, ondelete="set null")
    date = fields.Date(required=True, readonly=True, help="The day the run looked at.")
    from_tier_id = UncheckedMany2one("customer.tier", string="From", readonly=True, ondelete="restrict")
    to_tier_id = UncheckedMany2one("customer.tier", string="To", readonly=True, ondelete="restrict")
    score_before = fields.Float(digits=(5, 2), readonly=True, aggregator="avg")
    score_after = fields.Float(digits=(5, 2), readonly=True, aggregator="avg")
    direction = fields.Selection(
        [
            ("new", "First tier"),
            ("up", "Moved up"),
            ("down", "Moved down"),
            ("same", "Other tier"),
            ("left", "No tier any more"),
        ],
        required=True,
        readonly=True,
    )
    reason = fields.Selection(
        [
            ("score", "Score"),
            ("share", "Place among the others"),
            ("condition", "Conditions"),
            ("cluster", "Cluster"),
            ("instant", "Order, invoice or credit note"),
            ("lock", "Locked by a person"),
            ("lock_ended", "Lock ended"),
            ("rules", "Policy changed"),
            ("calibration", "Recalibrated"),
            ("merged", "Contacts merged"),
            ("first", "First computation"),
            ("policy", "Other policy"),
            ("left", "No longer among the customers"),
        ],
        required=True,
        readonly=True,
    )
    version_id = fields.Many2one(related="run_id.version_id")
    user_id = UncheckedMany2one(
        "res.users",
        string="By",
        readonly=True,
        ondelete="set null",
        help="The person who caused it by starting the computation, confirming the order or locking the tier.",
    )
    from_color = fields.Integer(related="from_tier_id.color", string="From Colour")
    to_color = fields.Integer(related="to_tier_id.color", string="To Colour")

    # What a run adds lies side by side: a few pages of these indexes stand for millions of rows.
    _run_idx = models.Index("USING brin (run_id)")
    _date_idx = models.Index("USING brin (date)")

    @api.depends("partner_id", "from_tier_id", "to_tier_id")
    def _compute_display_name(self):
        for change in self:
            change.display_name = "%s: %s → %s" % (
                change.partner_id.display_name,
                change.from_tier_id.name or "–",
                change.to_tier_id.name or "–",
            )

    @api.model
    def _merge(self, sources, target):
        """Move the history of the partners ``sources``, who are about to be deleted, to the partner ``target``."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL("UPDATE customer_tier_change SET partner_id = %s WHERE partner_id = ANY(%s)", target.id, sources.ids)
        )
        self.invalidate_model(flush=False)
