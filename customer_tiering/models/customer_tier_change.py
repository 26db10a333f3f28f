from odoo import api, fields, models


class CustomerTierChange(models.Model):
    _name = "customer.tier.change"
    _description = "Customer Tier Change"
    _order = "date desc, id desc"
    _rec_name = "partner_id"
    _log_access = False  # the run says when and who

    # Rows are only ever added, and by the writer in one statement for all customers of a run: this
    # table, not the chatter, is the log of who moved when and why.
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade", index=True)
    policy_id = fields.Many2one("customer.tiering.policy", readonly=True, ondelete="set null")
    run_id = fields.Many2one("customer.tiering.run", readonly=True, ondelete="set null", index="btree_not_null")
    date = fields.Date(required=True, readonly=True, help="The day the run looked at.")
    from_tier_id = fields.Many2one(
        "customer.tier", string="From", readonly=True, ondelete="restrict", index="btree_not_null"
    )
    to_tier_id = fields.Many2one(
        "customer.tier", string="To", readonly=True, ondelete="restrict", index="btree_not_null"
    )
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
            ("instant", "Order or credit note"),
            ("lock", "Locked by a person"),
            ("lock_ended", "Lock ended"),
            ("rules", "Policy changed"),
            ("calibration", "Compared anew"),
            ("merged", "Contacts merged"),
            ("first", "First computation"),
            ("policy", "Other policy"),
            ("left", "No longer among the customers"),
        ],
        required=True,
        readonly=True,
    )
    version_id = fields.Many2one(related="run_id.version_id")
    user_id = fields.Many2one(
        "res.users",
        string="By",
        readonly=True,
        ondelete="set null",
        help="Who caused it: started the computation by hand, confirmed the order or locked the tier.",
    )
    from_color = fields.Integer(related="from_tier_id.color", string="From Colour")
    to_color = fields.Integer(related="to_tier_id.color", string="To Colour")

    _date_idx = models.Index("(company_id, date DESC, id DESC)")

    @api.depends("partner_id", "from_tier_id", "to_tier_id")
    def _compute_display_name(self):
        for change in self:
            change.display_name = "%s: %s → %s" % (
                change.partner_id.display_name,
                change.from_tier_id.name or "–",
                change.to_tier_id.name or "–",
            )
