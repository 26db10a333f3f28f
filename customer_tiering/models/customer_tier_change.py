from odoo import api, fields, models
from odoo.tools import SQL

from ..fields import UncheckedMany2one
from .customer_tiering_scorecard import STANDING

# Customers who are restored within so many days have what they had.
RESTORE_DAYS = 30


class CustomerTierChange(models.Model):
    _name = "customer.tier.change"
    _inherit = ["customer.tiering.given"]
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
            ("moved", "Contact moved"),
            ("restored", "Restored"),
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
    standing = fields.Json(
        readonly=True,
        prefetch=False,
        exportable=False,
        groups=fields.NO_ACCESS,
        help="What was decided about a customer who was archived, by the scorecard's names.",
    )
    from_color = fields.Integer(related="from_tier_id.color", string="From Color")
    to_color = fields.Integer(related="to_tier_id.color", string="To Color")

    # What a run adds lies side by side: a few pages of these indexes stand for millions of rows.
    _run_idx = models.Index("USING brin (run_id)")
    _date_idx = models.Index("USING brin (date)")

    @api.depends("partner_id", "from_tier_id", "to_tier_id")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for change in self:
            change.display_name = "%s: %s → %s" % (
                change.partner_id.display_name,
                change.from_tier_id.name or "–",
                change.to_tier_id.name or "–",
            )

    @api.model
    def _keep_standing(self, cards, last_change_id):
        """Keep what was decided about archived customers, whose scorecards are about to be removed.

        :param cards: ids of scorecards
        :param last_change_id: the changes after this one say that they leave
        """
        if not cards:
            return
        self.env.cr.execute(
            SQL(
                """
                UPDATE customer_tier_change change SET standing = to_jsonb(kept)
                  FROM (SELECT card.partner_id, card.company_id, %(columns)s
                          FROM customer_tiering_scorecard card
                          JOIN res_partner partner ON partner.id = card.partner_id AND partner.active IS NOT TRUE
                         WHERE card.id = ANY(%(cards)s)) kept
                 WHERE change.id > %(last)s AND change.reason = 'left'
                   AND change.partner_id = kept.partner_id AND change.company_id = kept.company_id
                """,
                columns=SQL(", ").join(SQL.identifier("card", name) for name in STANDING),
                cards=cards,
                last=last_change_id,
            )
        )

    @api.model
    def _restore(self, partners):
        """Give customers who are no longer archived what they had when a run took it, if that was not long ago."""
        if not partners:
            return
        companies = self.env["res.company"].with_context(active_test=False).search([])
        today = [company._get_tiering_today() for company in companies]
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                WITH company AS (SELECT * FROM unnest(%(companies)s::int[], %(today)s::date[]) AS company (id, today)),
                last AS (
                    SELECT DISTINCT ON (partner_id, company_id) *
                      FROM customer_tier_change WHERE partner_id = ANY(%(partners)s)
                  ORDER BY partner_id, company_id, id DESC),
                restored AS (
                    INSERT INTO customer_tiering_scorecard (partner_id, company_id, %(columns)s)
                    SELECT last.partner_id, last.company_id, %(kept)s
                      FROM last
                      JOIN company ON company.id = last.company_id
                CROSS JOIN LATERAL jsonb_populate_record(NULL::customer_tiering_scorecard, last.standing) kept
                      JOIN customer_tiering_policy policy ON policy.id = kept.policy_id AND policy.active
                      JOIN customer_tier tier ON tier.id = kept.tier_id AND tier.active
                     WHERE last.reason = 'left' AND last.standing IS NOT NULL AND last.date >= company.today - %(days)s
               ON CONFLICT DO NOTHING
                 RETURNING partner_id, company_id, policy_id, tier_id)
                INSERT INTO customer_tier_change (
                    partner_id, company_id, policy_id, date, to_tier_id, direction, reason, user_id)
                SELECT partner_id, company_id, policy_id, company.today, tier_id, 'same', 'restored', %(user)s
                  FROM restored JOIN company ON company.id = restored.company_id
             RETURNING company_id, partner_id
                """,
                partners=partners.ids,
                columns=SQL(", ").join(map(SQL.identifier, STANDING)),
                kept=SQL(", ").join(SQL.identifier("kept", name) for name in STANDING),
                companies=companies.ids,
                today=today,
                days=RESTORE_DAYS,
                user=self.env.uid,
            )
        )
        if not rows:
            return
        self.env.invalidate_all(flush=False)
        for company_id in {company_id for company_id, _partner_id in rows}:
            restored = partners.browse(partner_id for id_, partner_id in rows if id_ == company_id)
            company = self.env["res.company"].browse(company_id)
            self.env["customer.tiering.refresh"]._add(restored, company, "restored")
