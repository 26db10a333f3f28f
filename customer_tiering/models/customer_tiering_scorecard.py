import dataclasses
import json
import urllib.parse
from datetime import datetime, time, timezone

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date
from odoo.tools.misc import formatLang

from .. import engine, sentences
from ..fields import UncheckedMany2one
from .customer_tiering_policy import FIRST_DAY

# Who may see what customers owe, as on contacts.
RECEIVABLES = "account.group_account_invoice,account.group_account_readonly"
# So many ids are in an address.
MOST_CHOSEN = 500
# So many changes of the own tier are in the portal.
PORTAL_CHANGES = 100
# So many tiers, scores and marks are on a timeline, the last ones.
MOST_MARKS = 200
# The mean length of a month, days.
MONTH = 365 / 12
# What was decided about a customer and cannot be computed again from what it did.
STANDING = (
    *("policy_id", "tier_id", "tier_since", "computed_tier_id", "computed_since", "pending_tier_id", "pending_date"),
    *("upgrade_tier_id", "upgrade_date"),
    *("segment_id", "segment_since"),
)


class CustomerTieringScorecard(models.Model):
    _name = "customer.tiering.scorecard"
    _inherit = ["customer.tiering.given"]
    _description = "Customer Scorecard"
    _order = "score desc, id"
    _rec_name = "partner_id"
    # Only runs write scorecards, and the run says when and who; two more columns with foreign keys
    # would cost hundreds of thousands of checks a night.
    _log_access = False

    partner_id = UncheckedMany2one(
        "res.partner",
        string="Customer",
        required=True,
        readonly=True,
        ondelete="cascade",
        help="The company or the person who buys. What its contacts do counts for it.",
    )
    company_id = UncheckedMany2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    policy_id = UncheckedMany2one("customer.tiering.policy", required=True, readonly=True, ondelete="cascade")
    run_id = UncheckedMany2one(
        "customer.tiering.run",
        string="Last Changed By",
        readonly=True,
        ondelete="set null",
        help="The run that last changed this scorecard. A run that finds the same values leaves it alone.",
    )

    # What the customer did
    first_order_date = fields.Date(string="First Order", readonly=True)
    last_order_date = fields.Date(
        string="Last Order", readonly=True, help="The last day with a purchase, over the whole history."
    )
    # Days that pass are not stored: every scorecard would change every night.
    recency_days = fields.Integer(string="Days since Last Order", compute="_compute_days")
    purchase_days = fields.Integer(
        string="Days with Orders Ever", readonly=True, help="Days with a confirmed order, over the whole history."
    )
    order_count = fields.Integer(
        string="Orders in the Window",
        readonly=True,
        help="Purchases in the policy's window: orders, invoices or tickets, as its revenue comes from, of which "
        "something is left.",
    )
    small_count = fields.Integer(
        string="Too Small to Count",
        readonly=True,
        help="Orders, invoices or tickets in the policy's window of which less is left than the policy asks for.",
    )
    amount = fields.Monetary(
        string="Amount in the Window",
        readonly=True,
        help="Untaxed amount of the orders in the policy's window, less credit notes, in the company's currency.",
    )
    average_order = fields.Monetary(
        readonly=True, aggregator="avg", help="Average untaxed amount of an order in the policy's window."
    )
    gap_mean_days = fields.Float(
        string="Average Days between Orders",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="Average number of days between two days with orders, over the whole history.",
    )
    gap_median_days = fields.Float(
        string="Purchase Cycle (Days)",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="How often the customer usually buys: the median number of days between two days with orders, "
        "over the whole history.",
    )
    contact_count = fields.Integer(
        string="Interactions in the Window",
        readonly=True,
        help="Meetings with the customer or its contacts, and done activities, e-mails, messages and notes on "
        "the customer, its contacts and their orders, in the policy's window.",
    )
    last_contact_date = fields.Date(
        string="Last Interaction",
        readonly=True,
        help="The last day with a meeting, a done activity or a message with the customer or its contacts.",
    )
    days_since_contact = fields.Integer(string="Days since Last Interaction", compute="_compute_days")
    tenure_days = fields.Integer(
        string="Days since First Order", compute="_compute_days", help="How long the customer has been buying."
    )
    lateness = fields.Float(
        digits=(10, 1),
        compute="_compute_days",
        help="Days since the last order in multiples of the purchase cycle: 2 means twice as long as usual.",
    )
    gap_regularity = fields.Float(
        string="Regularity (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How alike the days between orders are, over the whole history: 100 is always the same, "
        "50 is pure chance. Needs three days with orders.",
    )
    growth = fields.Float(
        string="Growth (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="By how many percent the customer bought for more, or below 0 for less, in the later half of the policy's "
        "window than in the earlier half: 100 is twice as much, -50 is half. 900 is the most: ten times as much or "
        "more, or nothing in the earlier half.",
    )
    # Only what the policy's criteria look at is measured; the rest is empty.
    category_count = fields.Integer(
        string="Product Categories",
        readonly=True,
        aggregator="avg",
        help="Different product categories bought in the policy's window.",
    )
    top_category_id = UncheckedMany2one(
        "product.category",
        readonly=True,
        ondelete="set null",
        help="The product category with the highest amount in the policy's window.",
    )
    top_category_share = fields.Float(
        string="Share of Top Category (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How much of the amount in the policy's window comes from the top category.",
    )
    repurchase_rate = fields.Float(
        string="Bought Again (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the products bought in the policy's window were bought on two or more days.",
    )
    discount_share = fields.Float(
        string="Discount (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Discounts given in the policy's window, in percent of the prices before discount.",
    )
    top_team_id = UncheckedMany2one(
        "crm.team",
        string="Top Sales Team",
        readonly=True,
        ondelete="set null",
        help="The sales team with the most orders in the policy's window.",
    )
    top_team_share = fields.Float(
        string="Share of Top Sales Team (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the orders in the policy's window come from the top sales team.",
    )
    conversion_rate = fields.Float(
        string="Confirmed (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the quotations and orders dated in the policy's window are confirmed.",
    )
    quotations_per_order = fields.Float(
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Quotations and orders dated in the policy's window for each of them that is confirmed. Empty without "
        "one.",
    )
    quotation_days = fields.Float(
        string="Days to Answer a Quotation",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Days from the day on which a quotation of the policy's window was made to the day on which it was first "
        "sent, or else confirmed: half of them waited longer than this median. One that was not sent counts with its "
        "age once it is older than 7 days.",
    )
    credited_share = fields.Float(
        string="Credited Share (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Amount of the credit notes in percent of the amount of the invoices, both dated in the policy's window "
        "and untaxed. Empty without an invoice.",
    )
    open_quotation_count = fields.Integer(
        string="Open Quotations", readonly=True, help="Quotations that are neither confirmed nor cancelled."
    )
    open_quotation_amount = fields.Monetary(
        readonly=True, help="Untaxed amount of the open quotations, in the company's currency."
    )
    contact_decay = fields.Float(
        string="Recent Interactions",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="Interactions in the policy's window. Recent ones count more: today's count 1, "
        "those in the middle of the window half.",
    )
    overdue_activity_count = fields.Integer(
        string="Overdue Activities",
        readonly=True,
        help="Open activities past their deadline on the customer, its contacts and their orders.",
    )
    margin = fields.Monetary(
        readonly=True,
        help="Amount in the policy's window less what the goods cost. Goods of which no cost is known are left out. "
        "Where there are no others, no margin is known.",
    )
    margin_percent = fields.Float(
        string="Margin (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Margin in percent of the amount of which the cost is known.",
    )
    uncosted_amount = fields.Monetary(
        string="Amount without a Cost",
        readonly=True,
        help="What was bought of goods of which no cost is known. It is in the amount, and in no margin.",
    )
    costed_amount = fields.Monetary(
        string="Amount with a Cost", readonly=True, help="The amount of which the cost is known."
    )
    cost_to_serve = fields.Monetary(
        string="Cost to Serve",
        readonly=True,
        help="What the customer's orders, meetings, activities and receivables of the policy's window cost by the "
        "rates of the company.",
    )
    net_profit = fields.Monetary(readonly=True, help="Margin less the cost to serve.")
    net_percent = fields.Float(
        string="Net Profit (%)",
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Net profit in percent of the amount in the policy's window.",
    )
    served_order_count = fields.Integer(
        string="Orders Served",
        readonly=True,
        help="Orders, invoices or tickets of the policy's window, whatever their size and whatever came back of them.",
    )
    order_line_count = fields.Integer(string="Order Lines", readonly=True, help="Lines of goods of the orders served.")
    returned_order_count = fields.Integer(
        string="Returned Orders", readonly=True, help="Those of the orders served of which something came back."
    )
    # With the decimals that costs are reckoned with, see the engine's profit.KEPT_DECIMALS.
    meeting_hours = fields.Float(
        digits=(16, 6), readonly=True, help="Hours of meetings with the customer in the policy's window."
    )
    done_activity_count = fields.Integer(
        string="Done Activities",
        readonly=True,
        help="Activities that were done in the policy's window on the customer, its contacts and their orders.",
    )
    days_to_pay = fields.Float(
        digits=(16, 1),
        readonly=True,
        aggregator="avg",
        help="Days from an invoice to its payments in the policy's window, on average by money. Empty without any.",
        groups=RECEIVABLES,
    )
    overdue_amount = fields.Monetary(
        readonly=True,
        help="What is past due, less payments of the customer that are not matched yet.",
        groups=RECEIVABLES,
    )
    overdue_months = fields.Float(
        string="Months Overdue",
        digits=(16, 6),
        readonly=True,
        help="How long invoices, or instalments, were past due in the policy's window, each counted for itself.",
        groups=RECEIVABLES,
    )
    receivable_average = fields.Monetary(
        string="Average Receivables",
        readonly=True,
        help="What the customer owed on a day of the policy's window, on average.",
        groups=RECEIVABLES,
    )
    receivable_cost_base = fields.Float(
        string="One Percent on Receivables",
        digits=(16, 6),
        readonly=True,
        help="What an interest of 1 percent a year on the receivables comes to.",
        groups=RECEIVABLES,
    )
    profit_data = fields.Json(
        string="Profit for People",
        compute="_compute_profit_data",
        compute_sudo=True,
        exportable=False,
        help="How the net profit comes about, line by line: label, amount and kind. Empty where nobody asks for it.",
    )
    top_weekday = fields.Integer(
        readonly=True,
        aggregator=None,
        help="The day of the week with the most purchases in the policy's window: 1 is Monday, 7 is Sunday.",
    )
    weekday_share = fields.Float(
        string="Share of Top Weekday (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the purchases in the policy's window are on the top weekday.",
    )
    behaviour = fields.Char(
        string="Purchase Behavior",
        compute="_compute_behaviour",
        help="When and how the customer buys, in words, as far as it is measured.",
    )
    proposed_credit = fields.Monetary(
        string="Proposed Credit Limit",
        compute="_compute_proposed_credit",
        help="What the customer's tier proposes: what was bought in so many average months of the policy's window, "
        "within what the tier says is the least and the most.",
    )
    need_count = fields.Integer(
        string="Known Needs",
        readonly=True,
        help="Needs of the customer that people have noted, at the last computation.",
    )
    pulse = fields.Float(
        digits=(3, 2),
        readonly=True,
        aggregator="avg",
        help="What salespeople feel about the customer, from -1 to 1: the last word of each of them within 90 days.",
    )
    motive_id = UncheckedMany2one(
        "customer.tiering.motive",
        string="Buying Motive",
        readonly=True,
        ondelete="set null",
        help="What matters to the customer: what a person has said, else what is proposed from how the customer buys.",
    )
    proposed_motive_id = UncheckedMany2one("customer.tiering.motive", readonly=True, ondelete="set null")
    motive_color = fields.Integer(related="motive_id.color", string="Motive Color", aggregator=None)
    motive_advice = fields.Text(related="motive_id.advice", string="What Works")
    motive_metric = fields.Char(readonly=True, exportable=False, groups=fields.NO_ACCESS)
    motive_rank = fields.Integer(readonly=True, aggregator=None, exportable=False, groups=fields.NO_ACCESS)
    motive_reason = fields.Char(
        string="Why This Motive",
        compute="_compute_motive_reason",
        compute_sudo=True,
        help="Who said so, or what it is proposed by.",
    )
    has_motives = fields.Boolean(related="policy_id.propose_motives", string="Motives Are Proposed")
    motive_confirmed = fields.Boolean(compute="_compute_motive_reason", compute_sudo=True)
    upper_share = fields.Float(
        string="Upper Price Range (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How much of the amount in the policy's window is for products in the upper third of the list prices of "
        "their category.",
    )
    specified_share = fields.Float(
        string="Made to Order (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the lines of goods ordered in the policy's window have a value that somebody typed, or an "
        "option of which the product has no variant.",
    )
    rush_share = fields.Float(
        string="Orders in a Hurry (%)",
        digits=(5, 1),
        readonly=True,
        aggregator="avg",
        help="How many of the orders in the policy's window have a delivery date at most two days after the day of the "
        "order.",
    )
    need_ids = fields.Many2many("customer.tiering.need", string="Needs", compute="_compute_need_ids")
    gap_ids = fields.Many2many("customer.tiering.gap", string="Stopped Products", compute="_compute_gap_ids")
    needs = fields.Char(
        string="Personalised Needs",
        compute="_compute_need_ids",
        help="What the customer needs otherwise than others, as people have noted it, today.",
    )
    promises = fields.Text(
        compute="_compute_promises",
        help="What customers of the tier are promised, as the tier says today.",
    )
    pulse_ids = fields.Many2many("customer.tiering.pulse", string="Pulses", compute="_compute_pulse_ids")
    remedy = fields.Char(
        compute="_compute_remedy",
        help="The smallest single change that brings a customer without a net profit to zero, by the costs of the last "
        "computation. Everything else stays as it is.",
    )
    remedy_peers = fields.Char(
        string="Who Lives with It",
        compute="_compute_remedy",
        help="How many customers with half to twice the amount live with such a rule already.",
    )
    lifecycle = fields.Selection(
        [
            ("prospect", "No Order Yet"),
            ("exploring", "Exploring"),
            ("forming", "Forming"),
            ("stable", "Stable"),
            ("declining", "Declining"),
            ("lost", "Lost"),
        ],
        string="Lifecycle Stage",
        readonly=True,
        help="No Order Yet: never bought. Exploring: the first orders. Forming: buys more and more. "
        "Stable: buys as usual. Declining: the next order has become unlikely, or buys much less. "
        "Lost: nothing more is expected.",
    )

    usual_gap_days = fields.Float(
        string="Usual Gap (Days)",
        digits=(10, 1),
        readonly=True,
        aggregator="avg",
        help="After how many days the customer usually orders again: the customer's own purchase cycle from three days "
        "with orders on, and what is typical of all customers before that.",
    )
    risk = fields.Selection(
        [("none", "None"), ("watch", "Watch"), ("high", "High"), ("lost", "Very High")],
        readonly=True,
        help="How likely it is that no order comes, from the numbers of the policy on. Where the usual gap between "
        "orders decides: Watch: late, or buying much less. High: very late, or two of these: late, buying less, "
        "silent. Very High: so late that the stage is Lost.",
    )
    risk_rank = fields.Integer(
        string="Risk (%)",
        readonly=True,
        aggregator="avg",
        help="The chance that no order comes within the days for which the policy looks ahead. Where the usual gap "
        "between orders decides, it only ranks the customers in steps of 5: twice as late as usual is 50; buying less "
        "and silence raise it. No warning is 0.",
    )
    expected_loss = fields.Monetary(
        readonly=True,
        help="The risk's percentage of the amount in the policy's window: what is not bought any more if nobody wins "
        "the customer back.",
    )
    risk_signals = fields.Char(
        readonly=True,
        exportable=False,
        groups="base.group_no_one",
        help="Which signals led to the risk, as the engine names them. Empty without risk.",
    )
    risk_reason = fields.Char(
        string="Reason for the Risk",
        compute="_compute_risk_reason",
        compute_sudo=True,
        help="Why the customer is at risk, in words, as of today. Empty without risk.",
    )

    # What is foretold
    order_percent = fields.Integer(
        string="Chance of an Order (%)",
        readonly=True,
        aggregator="avg",
        help="How likely the customer orders within the days for which the policy looks ahead, learned from the orders "
        "of all customers, in steps. Empty where nothing can be foretold.",
    )
    expected_orders = fields.Float(
        digits=(10, 1),
        readonly=True,
        help="How many days with orders are to be expected within the days for which the policy looks ahead.",
    )
    expected_amount = fields.Monetary(
        readonly=True, help="What those orders come to: their number times what an order of the customer is worth."
    )
    year_value = fields.Monetary(
        string="Value of 12 Months",
        readonly=True,
        help="What is to be expected of the customer in the next 12 months; money that comes later is worth less.",
    )
    year_value_low = fields.Monetary(
        string="12 Months, Low",
        readonly=True,
        help="Of customers with such a value one in ten brought less than this, looking back.",
    )
    year_value_high = fields.Monetary(
        string="12 Months, High",
        readonly=True,
        help="Of customers with such a value one in ten brought more than this, looking back.",
    )
    next_order_date = fields.Date(
        string="Next Order Expected",
        readonly=True,
        help="By this day the next order is as likely to have come as not. Empty: none is to be expected.",
    )
    second_order_date = fields.Date(
        string="Second Order Until",
        readonly=True,
        help="Of customers who have ordered once: nine of ten second orders have come by this day after the first.",
    )
    outlook = fields.Char(
        compute="_compute_outlook",
        compute_sudo=True,
        help="What is to be expected of the customer, in words.",
    )

    # What it is worth
    recency_score = fields.Integer(string="R", readonly=True, aggregator="avg", help="Recency score, 5 is best.")
    frequency_score = fields.Integer(string="F", readonly=True, aggregator="avg", help="Frequency score, 5 is best.")
    monetary_score = fields.Integer(string="M", readonly=True, aggregator="avg", help="Monetary score, 5 is best.")
    score = fields.Float(digits=(5, 2), readonly=True, aggregator="avg", help="0 to 100, 100 is best.")
    tier_id = UncheckedMany2one(
        "customer.tier",
        readonly=True,
        ondelete="restrict",
        group_expand="_read_group_tier_id",
        help="The tier in which the customer is today.",
    )
    tier_since = fields.Date(readonly=True, help="Since when the customer has been in this tier.")
    # What the rules say, without a person's lock; the next run starts from it.
    computed_tier_id = UncheckedMany2one(
        "customer.tier",
        readonly=True,
        ondelete="restrict",
        help="The tier that the customer would have without the lock.",
    )
    computed_since = fields.Date(readonly=True)
    differs = fields.Boolean(
        string="Lock Changes the Tier", readonly=True, help="The customer is in another tier than the computed one."
    )
    pending_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Announced Downgrade",
        readonly=True,
        ondelete="set null",
        help="The tier to which the customer falls on the announced day, unless an order in time calls it off.",
    )
    pending_date = fields.Date(
        string="Downgrade On",
        readonly=True,
        help="The day from which the announced downgrade takes effect.",
    )
    upgrade_tier_id = UncheckedMany2one(
        "customer.tier",
        string="Announced Upgrade",
        readonly=True,
        ondelete="set null",
        help="The tier to which the customer rises on the announced day, if the customer still reaches it until then.",
    )
    upgrade_date = fields.Date(
        string="Upgrade On",
        readonly=True,
        help="The day from which the announced upgrade takes effect.",
    )
    lock_id = UncheckedMany2one("customer.tiering.lock", string="Tier Lock", readonly=True, ondelete="set null")
    idle_lock_id = UncheckedMany2one(
        "customer.tiering.lock",
        string="Lock without Effect",
        readonly=True,
        ondelete="set null",
        help="A lock of the customer that names a tier which the customer's policy does not have.",
    )
    lock_mode = fields.Selection(related="lock_id.mode")
    lock_reason = fields.Char(related="lock_id.reason")
    lock_user_id = fields.Many2one(related="lock_id.user_id")
    segment_id = UncheckedMany2one(
        "customer.segment",
        readonly=True,
        ondelete="restrict",
        help="Customers who buy alike: where the customer stands on the policy's map of segments.",
    )
    segment_since = fields.Date(readonly=True, help="Since when the customer has been in this segment.")
    next_tier_id = UncheckedMany2one("customer.tier", readonly=True, ondelete="set null")
    points_to_next = fields.Float(
        string="Points to the Next Tier",
        digits=(5, 2),
        readonly=True,
        aggregator="avg",
        help="Points missing to the next tier.",
    )
    parts = fields.Text(
        string="Parts of the Score",
        readonly=True,
        exportable=False,
        groups=fields.NO_ACCESS,
        help="The explanation without the names and weights of the criteria, as it is kept.",
    )
    told = fields.Json(
        compute="_compute_told",
        compute_sudo=True,
        groups=fields.NO_ACCESS,
        help="The explanation with the values of fields that not everybody may see.",
    )
    explanation = fields.Json(
        compute="_compute_explanation",
        compute_sudo=True,
        help="Per criterion: value (none for days that pass, and where the field behind it may not be seen), points "
        "(0 to 100), weight, contribution. The contributions add up to the score.",
    )

    digest = fields.Float(
        readonly=True,
        prefetch=False,
        exportable=False,
        aggregator=None,
        groups="base.group_no_one",
        help="Of all that the run wrote: the next run writes only scorecards whose digest differs.",
    )

    # What the screens show beside
    tier_color = fields.Integer(related="tier_id.color", string="Tier Color")
    segment_color = fields.Integer(related="segment_id.color", string="Segment Color")
    segment_description = fields.Text(related="segment_id.description")
    segment_advice = fields.Text(
        string="Advice",
        compute="_compute_segment_advice",
        help="What usually works with customers of this segment. A high risk goes before what suits a faithful "
        "customer.",
    )
    partner_ref = fields.Char(
        related="partner_id.ref", string="Customer Number", help="The reference on the customer's contact."
    )
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")
    country_id = fields.Many2one(related="partner_id.country_id", string="Country")
    explanation_data = fields.Json(
        string="Explanation for People",
        compute="_compute_explanation_data",
        help="Everything that explains the tier: the lines of the score, the ways to the next tier and to keep "
        "this one, announced downgrade, lock, stage, and all of it as text.",
    )
    change_ids = fields.Many2many("customer.tier.change", string="Tier History", compute="_compute_change_ids")

    # Partners are filtered by "commercial partner in (partners of a tier)", grouped by tier and sorted
    # by score: the indexes hold all that these joins read, without the wide rows. To group and to sort, all
    # scorecards of a company are read, hence the order of this one; PostgreSQL does so in parallel.
    _partner_company_uniq = models.Constraint(
        "UNIQUE(company_id, partner_id) INCLUDE (tier_id, score)", "A customer has one scorecard in each company."
    )
    _tier_idx = models.Index("(tier_id, company_id, partner_id)")
    _segment_idx = models.Index("(segment_id, company_id, partner_id)")
    # The daily list asks for the few who are at risk.
    _risk_idx = models.Index("(company_id, risk, partner_id) WHERE risk != 'none'")

    @api.model
    def _merge(self, targets):
        """Give the scorecards of customers to others.

        Where one would have several in a company, that in a tier stays; then its own; then the one that is longest in
        its tier.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM customer_tiering_scorecard
                 WHERE id IN (SELECT id
                                FROM (SELECT card.id, ROW_NUMBER() OVER (
                                                 PARTITION BY company_id, COALESCE(given.target, partner_id)
                                                     ORDER BY tier_id IS NULL, given.target IS NOT NULL, tier_since,
                                                              card.id)
                                        FROM customer_tiering_scorecard card
                                   LEFT JOIN unnest(%(sources)s, %(targets)s) AS given (source, target)
                                          ON given.source = partner_id
                                       WHERE partner_id = ANY(%(sources)s || %(targets)s)) ranked
                               WHERE row_number > 1)
                """,
                sources=list(targets),
                targets=list(targets.values()),
            )
        )
        return super()._merge(targets)

    @api.model
    def _begin_as(self, firms):
        """Give who stands on its own from now on the tier that it had as a contact, with all that holds of it.

        :param firms: ``{customer id: id of the customer whose contact it was}``
        """
        if not firms:
            return
        columns = SQL(", ").join(map(SQL.identifier, ("company_id", *STANDING)))
        companies = self.env["res.company"].with_context(active_test=False).search([])
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                WITH begun AS (
                    INSERT INTO customer_tiering_scorecard (partner_id, %(columns)s)
                    SELECT begun.id, %(columns)s
                      FROM unnest(%(ids)s, %(firms)s) AS begun (id, firm)
                      JOIN customer_tiering_scorecard card ON card.partner_id = begun.firm
                     WHERE card.company_id IN (SELECT id FROM res_company) AND card.tier_id IS NOT NULL
               ON CONFLICT DO NOTHING
                 RETURNING partner_id, company_id, policy_id, tier_id)
                INSERT INTO customer_tier_change (
                    partner_id, company_id, policy_id, date, to_tier_id, direction, reason, user_id)
                SELECT partner_id, company_id, policy_id, company.today, tier_id, 'same', 'moved', %(user)s
                  FROM begun
                  JOIN unnest(%(companies)s::int[], %(today)s::date[]) AS company (id, today)
                    ON company.id = begun.company_id
                """,
                columns=columns,
                ids=list(firms),
                firms=list(firms.values()),
                companies=companies.ids,
                today=[company._get_tiering_today() for company in companies],
                user=self.env.uid,
            )
        )
        self.env.invalidate_all(flush=False)

    def write(self, vals):
        """Write without the digest, so that the next run puts right what was not its own."""
        return super().write({"digest": 0, **vals})

    @api.depends("partner_id", "tier_id.name")
    @api.depends_context("tiering_with_tier", "lang")
    def _compute_display_name(self):
        result = super()._compute_display_name()
        if self.env.context.get("tiering_with_tier"):
            for card in self.filtered("tier_id"):
                card.display_name = self.env._(
                    "%(customer)s: %(tier)s", customer=card.display_name, tier=card.tier_id.name
                )
        return result

    @api.model
    def _read_group_tier_id(self, tiers, domain):
        """Show the empty tiers of the current company too, the highest first."""
        return self.env["customer.tier"]._search_current() | tiers

    @api.depends("first_order_date", "last_order_date", "last_contact_date", "gap_median_days", "company_id")
    def _compute_days(self):
        for company, cards in self.grouped("company_id").items():
            today = company._get_tiering_today()
            for card in cards:
                card.recency_days = card.last_order_date and (today - card.last_order_date).days
                card.days_since_contact = card.last_contact_date and (today - card.last_contact_date).days
                card.tenure_days = card.first_order_date and (today - card.first_order_date).days
                card.lateness = card.gap_median_days and card.recency_days / card.gap_median_days

    @api.depends(
        "risk_signals",
        "usual_gap_days",
        "purchase_days",
        "growth",
        "last_order_date",
        "last_contact_date",
        "order_percent",
        "company_id",
        "policy_id.window_days",
    )
    @api.depends_context("lang")
    def _compute_risk_reason(self):
        for card in self:
            card.risk_reason = sentences.risk_reason(card)

    @api.depends("order_percent", "expected_orders", "expected_amount", "year_value", "next_order_date", "policy_id")
    @api.depends_context("lang")
    def _compute_outlook(self):
        for card in self:
            card.outlook = sentences.tell_outlook(card)

    @api.depends("risk", "segment_id.advice")
    @api.depends_context("lang")
    def _compute_segment_advice(self):
        for card in self:
            card.segment_advice = sentences.advice(card)

    @api.depends("parts", "run_id")
    def _compute_told(self):
        self.told = False
        runs = self.run_id.exists()  # no foreign key says so
        written = self.filtered(lambda card: card.parts and card.run_id in runs)
        for version, cards in written.grouped(lambda card: card.run_id.version_id).items():
            if version:
                weights = version._get_rules().weights
                for card in cards:
                    card.told = engine.explain.from_text(card.parts, weights)

    @api.depends("told")
    @api.depends_context("uid")
    def _compute_explanation(self):
        for version, cards in self.grouped(lambda card: card.run_id.exists().version_id).items():
            texts = version._get_metric_texts()
            may_see = self.env["customer.tiering.metric"]._may_see_fields
            hidden = {key for key, words in texts.items() if not may_see(words.get("fields") or ())}
            for card in cards:
                card.explanation = card.told and {
                    key: [None, *part[1:]] if key in hidden else part for key, part in card.told.items()
                }

    @api.depends(
        "told",
        "tier_id",
        "computed_tier_id",
        "pending_tier_id",
        "upgrade_tier_id",
        "lock_id",
        "idle_lock_id",
        "lifecycle",
        "risk",
        "risk_reason",
        "first_order_date",
        "last_order_date",
        "last_contact_date",
        "gap_median_days",
        "policy_id.criterion_ids.sequence",
    )
    @api.depends_context("lang", "uid")
    def _compute_explanation_data(self):
        for policy, cards in self.grouped("policy_id").items():
            rules, fit = policy._get_last_computation()
            for card in cards:
                card.explanation_data = card._get_explanation_data(rules, fit)

    @api.depends("amount", "margin", "uncosted_amount", "costed_amount", "cost_to_serve", "net_profit", "policy_id")
    @api.depends_context("lang", "uid")
    def _compute_profit_data(self):
        costs = {cost.key: cost for cost in self.env["customer.tiering.cost"].sudo().search([])}
        for policy, cards in self.grouped("policy_id").items():
            rules, _fit = policy._get_last_computation()
            asked = rules and set(engine.profit.COLUMNS) <= rules.columns
            for card in cards:
                card.profit_data = asked and sentences.tell_profit(card, rules, costs)

    @api.depends(
        *("amount", "tier_id.credit_months", "tier_id.credit_floor", "tier_id.credit_ceiling"),
        "policy_id.window_days",
    )
    def _compute_proposed_credit(self):
        for card in self:
            tier, credit = card.tier_id, 0
            if tier.credit_months:
                month = max(card.amount, 0) / card.policy_id.window_days * MONTH
                credit = max(month * tier.credit_months, tier.credit_floor)
                credit = min(credit, tier.credit_ceiling) if tier.credit_ceiling else credit
            card.proposed_credit = card.currency_id.round(credit) if card.currency_id else credit

    @api.depends("top_weekday", "weekday_share", "top_team_id", "top_team_share", "discount_share", "order_count")
    @api.depends_context("lang")
    def _compute_behaviour(self):
        for card in self:
            card.behaviour = sentences.tell_behaviour(card)

    @api.depends("partner_id", "company_id")
    @api.depends_context("lang", "uid")
    def _compute_need_ids(self):
        for company, cards in self.grouped("company_id").items():
            needs = self.env["customer.tiering.need"].with_company(company)
            of_customer = needs._get_of(cards.partner_id)
            for card in cards:
                found = of_customer.get(card.partner_id.id, needs)
                card.need_ids, card.needs = found, bool(found) and found._tell()

    @api.depends("partner_id", "company_id")
    @api.depends_context("uid")
    def _compute_gap_ids(self):
        for company, cards in self.grouped("company_id").items():
            of_customer = self.env["customer.tiering.gap"]._get_of(cards.partner_id, company)
            for card in cards:
                card.gap_ids = of_customer.get(card.partner_id.id)

    @api.depends("partner_id", "company_id")
    def _compute_pulse_ids(self):
        pulses = self.env["customer.tiering.pulse"].search(
            [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        )
        of_card = pulses.grouped(lambda pulse: (pulse.partner_id, pulse.company_id))
        for card in self:
            card.pulse_ids = of_card.get((card.partner_id, card.company_id), False)

    @api.depends("motive_id", "proposed_motive_id", "motive_metric", "motive_rank")
    @api.depends_context("lang", "uid")
    def _compute_motive_reason(self):
        words = self.env["customer.tiering.motive.word"]._get_last(self.partner_id, self.company_id)
        keys = list(set(self.mapped("motive_metric")))
        metrics = self.env["customer.tiering.metric"].search([("key", "in", keys)]).grouped("key")
        for card in self:
            word = words.get((card.partner_id, card.company_id))
            card.motive_confirmed = bool(word and word.motive_id)
            card.motive_reason = word._tell() if card.motive_confirmed else sentences.say_motive(card, metrics)

    @api.depends("net_profit", "company_id")
    @api.depends_context("lang", "uid")
    def _compute_remedy(self):
        self.remedy = self.remedy_peers = False
        for company, cards in self.filtered(lambda card: card.net_profit < 0).grouped("company_id").items():
            report = self.env["customer.tiering.profit.report"].with_company(company)
            for card, (remedy, peers) in report._get_remedies(cards).items():
                card.remedy, card.remedy_peers = remedy, peers

    def _get_explanation_data(self, rules, fit):
        """Return all that explains the tier, a dict of plain values.

        :param rules: the engine's ``PolicyRules`` of the policy's last run, or None
        :param fit: the engine's ``Fit`` that it scored by, or None
        """
        self.ensure_one()
        return sentences.Explanation(self, rules, fit).get_data()

    @api.depends("tier_id")
    @api.depends_context("lang")
    def _compute_promises(self):
        for card in self:
            tier = card.tier_id
            card.promises = "\n".join(tier._get_promises()) if tier else False

    def _get_portal_data(self):
        """Return what the customer reads of the own tier, a dict of plain values; see ``sentences.OwnWords``."""
        self.ensure_one()
        rules, fit = self.policy_id._get_last_computation()
        changes = self.env["customer.tier.change"].search(
            [
                ("partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("policy_id.portal_tier", "=", True),
            ],
            limit=PORTAL_CHANGES,
        )
        return sentences.OwnWords(self, rules, fit).get_data() | {
            "text": self.tier_id.portal_text,
            "history": [
                {"date": format_date(self.env, change.date), "tier": change.to_tier_id.name or self.env._("No tier")}
                for change in changes
            ],
        }

    def _get_letter_data(self):
        """Return what a letter tells the customer of the own tier, in the language of the environment; see
        ``sentences.LetterWords``."""
        self.ensure_one()
        rules, fit = self.policy_id._get_last_computation()
        return sentences.LetterWords(self, rules, fit).get_data() | {"text": self.tier_id.portal_text}

    @api.depends("partner_id", "company_id")
    def _compute_change_ids(self):
        changes = self.env["customer.tier.change"].search(
            [("partner_id", "in", self.partner_id.ids), ("company_id", "in", self.company_id.ids)]
        )
        of_card = changes.grouped(lambda change: (change.partner_id, change.company_id))
        for card in self:
            card.change_ids = of_card.get((card.partner_id, card.company_id), False)

    def action_tiering_lock(self):
        """Open the form to lock the tier of these customers."""
        return self.partner_id.action_tiering_lock()

    def action_tiering_unlock(self):
        """Put these customers back to automatic, in the company of their scorecard."""
        for company, cards in self.grouped("company_id").items():
            cards.partner_id.with_company(company).action_tiering_unlock()

    @api.model
    def _get_table_fields(self):
        """Return the names of the fields that are the columns of the tiering table; another app adds its own."""
        return [
            *("partner_ref", "partner_id", "tier_id", "segment_id", "amount", "order_count", "average_order"),
            *("gap_median_days", "last_order_date", "top_category_id", "behaviour", "discount_share", "needs"),
            "motive_id",
            *("open_quotation_count", "conversion_rate", "contact_count", "last_contact_date", "pulse"),
            *("repurchase_rate", "tenure_days", "margin", "margin_percent", "cost_to_serve", "net_profit"),
            *("lifecycle", "risk", "score", "user_id"),
        ]

    @api.model
    def _may_see_column(self, column):
        """Whether the person may see the field of a column, also where it is read with all rights for them."""
        return column in self._fields and self.sudo(False)._has_field_access(self._fields[column], "read")

    @api.model
    def _get_seen_table_fields(self):
        """Return the names of those that the person may see."""
        return list(filter(self._may_see_column, self._get_table_fields()))

    @api.model
    def _get_table_metrics(self):
        """Return the metrics that fill the columns of the tiering table."""
        columns = {*self._get_seen_table_fields(), "weekday_share", "top_team_share", "top_category_share"}
        return self.env["customer.tiering.metric"].search([]).filtered(lambda metric: metric.column in columns)

    @staticmethod
    def _is_number(field):
        """Whether a field is a number that a run writes, or leaves empty."""
        return field.store and field.name != "id" and field.type in ("float", "integer", "monetary")

    def _post_model_setup__(self):
        """Let no filter take a number that nobody knows for 0, as Odoo does: who never paid does not pay in less than
        10 days."""
        result = super()._post_model_setup__()
        for field in self._fields.values():
            if self._is_number(field):
                field.falsy_value = None
        return result

    def _find_unknown(self, fnames):
        """Return which numbers nobody knows of which scorecards: ``{id: names of fields}``. Odoo reads them as 0.

        :param fnames: names of any fields
        """
        numbers = [fname for fname in fnames if fname in self._fields and self._is_number(self._fields[fname])]
        if not (numbers and self):
            return {}
        self.flush_recordset(numbers)
        rows = self.env.execute_query(
            SQL(
                "SELECT id, %s FROM %s WHERE id IN %s",
                SQL(", ").join(SQL("%s IS NULL", SQL.identifier(fname)) for fname in numbers),
                SQL.identifier(self._table),
                self._ids,
            )
        )
        return {
            id_: {fname for fname, is_unknown in zip(numbers, flags, strict=True) if is_unknown} for id_, *flags in rows
        }

    @api.readonly
    def web_read(self, specification):
        """Leave a number empty that nobody knows: a pulse of 0 says “as ever”, a recommendation of 0 “never”."""
        rows = super().web_read(specification)
        unknown = self._find_unknown(specification)
        for row in rows:
            row |= dict.fromkeys(unknown.get(row["id"], ()), False)
        return rows

    def _export_rows(self, fields, *, _is_toplevel_call=True):
        """As the list shows it: a number that nobody knows is empty."""
        places = {place: path[0] for place, path in enumerate(fields) if path}
        unknown = self._find_unknown({*places.values()})
        if not unknown:
            return super()._export_rows(fields, _is_toplevel_call=_is_toplevel_call)
        # Of each scorecard, the first row has its numbers; lists in it may bring more.
        rows = []
        for card in self:
            first, *more = super(CustomerTieringScorecard, card)._export_rows(
                fields, _is_toplevel_call=_is_toplevel_call
            )
            of_card = unknown.get(card.id, ())
            rows += [["" if places.get(place) in of_card else value for place, value in enumerate(first)], *more]
        return rows

    def _tell(self, fname):
        """Return the value of a field as a person reads it."""
        self.ensure_one()
        field, value = self._fields[fname], self[fname]
        if field.type == "date":
            return format_date(self.env, value) if value else "–"
        if field.type == "monetary":
            return formatLang(self.env, value, currency_obj=self.currency_id)
        return sentences.format_number(self.env, value, 0 if field.type == "integer" else 1)

    def _get_months(self):
        """Return what the customer bought in each of the last twelve months, a list of dicts: ``name``, ``amount``,
        ``text``, and the ``height`` of a bar of at most 60."""
        self.ensure_one()
        today = self.company_id._get_tiering_today()
        first = today.replace(day=1) - relativedelta(months=11)
        # sudo: who sees the scorecard may know what the customer bought
        scope = self.policy_id.sudo()._get_scope(today, self.partner_id.ids)
        scope = dataclasses.replace(scope, window_days=(today - first).days + 1)
        amounts = self.env["customer.tiering.reader"].sudo()._read_months(scope, first)
        most = max(amounts, default=0)
        return [
            {
                "name": format_date(self.env, first + relativedelta(months=number), date_format="MMM"),
                "amount": amount,
                "text": sentences.format_number(self.env, amount) if amount else "",
                "height": round(60 * max(amount, 0) / most) if most > 0 else 0,
            }
            for number, amount in enumerate(amounts)
        ]

    # ------------------------------------------------------------------
    # Through time
    # ------------------------------------------------------------------

    @api.readonly
    def get_timeline(self, months):
        """Return what the customer did and in which tiers it was, a dict of plain values.

        :param months: the last 12 or 24; 0: since the first purchase
        :return: ``unit`` of the ``periods``, each with its first and last day, ``orders``, ``amount``, ``returned`` and
            ``interactions``; ``bands``: tiers with the days from and to which they held; ``scores`` at the changes of
            tier; ``marks``: new rules and follow-ups, with their day and text; ``currency_id``
        """
        self.ensure_one()
        self.check_access("read")
        if months not in (0, 12, 24):
            raise UserError(self.env._("Choose 12 or 24 months, or all."))
        today = self.company_id._get_tiering_today()
        first = self.first_order_date or today if months == 0 else today
        first = min(first, today - relativedelta(months=months or 12) + relativedelta(days=1))
        unit, starts = engine.timeline.get_periods(first, today)
        first = starts[0].item()
        # sudo: who sees the scorecard may know what the customer bought
        card = self.sudo()
        scope = card.policy_id._get_scope(today, self.partner_id.ids)
        scope = dataclasses.replace(scope, window_days=(today - first).days + 1, with_untaken=False)
        bought, met = self.env["customer.tiering.reader"].sudo()._read_timeline(scope)
        found = engine.timeline.sum_up(starts, today, bought, met, scope.decimals, least=scope.least)
        ends = [start.item() - relativedelta(days=1) for start in starts[1:]] + [today]
        changes = card.change_ids.sorted("id")
        return {
            "unit": unit,
            "currency_id": self.currency_id.id,
            "first": fields.Date.to_string(first),
            "last": fields.Date.to_string(today),
            "periods": [
                {"start": str(start), "end": fields.Date.to_string(end), **row}
                for start, end, row in zip(starts, ends, found.to_dict("records"), strict=True)
            ],
            "bands": card._get_timeline_bands(changes, first, today),
            "scores": [
                {"day": fields.Date.to_string(change.date), "score": change.score_after}
                for change in changes[-MOST_MARKS:]
                if change.date >= first and change.score_after
            ],
            "marks": self._get_timeline_marks(first),
        }

    def _get_timeline_bands(self, changes, first, today):
        """Return the tiers from ``first`` until today; one that was deleted since has no name any more."""
        bands = engine.timeline.get_bands(
            [(change.date, change.from_tier_id.id, change.to_tier_id.id) for change in changes],
            self.tier_id.id,
            self.tier_since,
            first,
            today + relativedelta(days=1),
        )[-MOST_MARKS:]
        tiers = self.env["customer.tier"].browse({band.tier for band in bands}).exists().grouped("id")
        return [
            {
                "tier": tiers[band.tier].name if band.tier in tiers else self.env._("Deleted since"),
                "color": tiers[band.tier].color if band.tier in tiers else 0,
                "start": fields.Date.to_string(band.start),
                "end": fields.Date.to_string(band.end - relativedelta(days=1)),
            }
            for band in bands
        ]

    def _get_timeline_marks(self, first):
        """Return the rules that the customer's policy got since ``first``, and the follow-ups that the person sees."""
        marks = []
        versions = self.policy_id.sudo().version_ids.filtered(lambda version: version.number > 1)
        zone = self.company_id._get_tiering_timezone()
        for version in versions:
            day = version.create_date.replace(tzinfo=timezone.utc).astimezone(zone).date()
            marks.append((day, "rules", self.env._("New rules: %(version)s", version=version.display_name)))
        followups = self.env["customer.tiering.followup"].search(
            [
                ("partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("date", ">=", first),
                ("state", "!=", "skipped"),
                ("is_held_out", "=", False),
            ],
            order="date desc, id desc",
            limit=MOST_MARKS,
        )
        for followup in followups:
            said = self.env._("Follow-up: %(playbook)s", playbook=followup.playbook_id.sudo().name)
            marks.append((followup.date, "followup", said))
        marks = sorted(mark for mark in marks if mark[0] >= first)[-MOST_MARKS:]
        return [{"day": fields.Date.to_string(day), "kind": kind, "text": text} for day, kind, text in marks]

    # ------------------------------------------------------------------
    # From a number to its documents
    # ------------------------------------------------------------------

    def action_tiering_purchases(self, start=None, end=None):
        """Open what the customer bought: the documents from which revenue comes, of the policy's window.

        :param start, end: the first and the last day, as texts, where another time is meant
        """
        self.ensure_one()
        today = self.company_id._get_tiering_today()
        try:
            start, end = fields.Date.to_date(start), fields.Date.to_date(end)
        except (TypeError, ValueError) as error:
            raise UserError(self.env._("Choose both days.")) from error
        start = max(start or today - relativedelta(days=self.policy_id.window_days - 1), FIRST_DAY)
        end = min(end or today, today)
        if self.policy_id.revenue_from == "invoice":
            return self._open_invoices([("invoice_date", ">=", start), ("invoice_date", "<=", end)])
        zone = self.company_id._get_tiering_timezone()
        since, until = (
            datetime.combine(day, time(), tzinfo=zone).astimezone(timezone.utc).replace(tzinfo=None)
            for day in (start, end + relativedelta(days=1))
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Orders of %(customer)s", customer=self.partner_id.display_name),
            "res_model": "sale.order",
            "views": [(False, "list"), (False, "form")],
            "domain": [
                ("partner_id.commercial_partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("state", "=", "sale"),
                ("date_order", ">=", fields.Datetime.to_string(since)),
                ("date_order", "<", fields.Datetime.to_string(until)),
            ],
            "context": {"create": False},
        }

    def action_tiering_invoices(self):
        """Open all invoices and credit notes of the customer."""
        self.ensure_one()
        return self._open_invoices([])

    def _open_invoices(self, domain):
        # Days as texts: the client would send them back as such
        domain = [(fname, operator, fields.Date.to_string(day)) for fname, operator, day in domain]
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Invoices of %(customer)s", customer=self.partner_id.display_name),
            "res_model": "account.move",
            "views": [(self.env.ref("account.view_out_invoice_tree").id, "list"), (False, "form")],
            "domain": [
                ("commercial_partner_id", "=", self.partner_id.id),
                ("company_id", "=", self.company_id.id),
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("state", "=", "posted"),
                *domain,
            ],
            "context": {"create": False, "default_move_type": "out_invoice"},
        }

    def action_tiering_activities(self):
        """Open the activities, done and open, on the customer, its contacts and their orders."""
        self.ensure_one()
        contacts = self.env["res.partner"].with_context(active_test=False)
        contacts = contacts.search([("commercial_partner_id", "=", self.partner_id.id)])
        orders = self.env["sale.order"].search(
            [("partner_id", "in", contacts.ids), ("company_id", "=", self.company_id.id)],
            order="date_order desc",
            limit=MOST_CHOSEN,
        )
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Activities with %(customer)s", customer=self.partner_id.display_name),
            "res_model": "mail.activity",
            "views": [(self.env.ref("mail.mail_activity_view_tree_open_target").id, "list")],
            "domain": [
                "|",
                *("&", ("res_model", "=", "res.partner"), ("res_id", "in", contacts.ids)),
                *("&", ("res_model", "=", "sale.order"), ("res_id", "in", orders.ids)),
            ],
            "context": {"active_test": False, "create": False},
        }

    def action_tiering_workbook(self):
        """Download the tiering table: of these customers; when none are chosen, of those whom the filters of the list
        show."""
        if len(self) > MOST_CHOSEN:
            raise UserError(
                self.env._(
                    "Choose at most %(most)s customers, or none: then all in the list are in the workbook.",
                    most=sentences.format_number(self.env, MOST_CHOSEN),
                )
            )
        if self:
            which = {"ids": ",".join(map(str, self.ids))}
        else:
            which = {"domain": json.dumps(self.env.context.get("active_domain") or [])}
        url = f"/customer_tiering/table?{urllib.parse.urlencode(which)}"
        return {"type": "ir.actions.act_url", "target": "self", "url": url}

    def action_tiering_use_credit(self):
        """Make the proposed credit limits those of the customers, where the person may set them; where none is proposed
        the limit stays."""
        proposed = self.filtered("proposed_credit").grouped(lambda card: (card.company_id, card.proposed_credit))
        for (company, credit), cards in proposed.items():
            partners = cards.partner_id.with_company(company)
            partners.filtered(lambda partner, credit=credit: partner.credit_limit != credit).credit_limit = credit

    def action_tiering_letter(self):
        """Print the letters that tell these customers why they are in their tiers, each of its own company."""
        for card in self:
            card._get_letter()  # or says why there is none
        report = self.env.ref("customer_tiering.customer_tiering_scorecard_letter_report")
        return report.report_action(self, config=False)

    def _get_letter(self):
        """Return what the letter to this customer says, see ``res.partner._get_tiering_letter``."""
        self.ensure_one()
        self.check_access("read")
        return self.partner_id.with_company(self.company_id)._get_tiering_letter()

    def action_tiering_send_letter(self):
        """Open the composer with the letter to this customer."""
        self.ensure_one()
        return self.partner_id.with_company(self.company_id).action_tiering_send_letter()

    def action_tiering_needs(self):
        """Open what this customer needs."""
        return self.partner_id.with_company(self.company_id).action_tiering_needs()

    def action_tiering_gaps(self):
        """Open what this customer has stopped buying."""
        return self.partner_id.with_company(self.company_id).action_tiering_gaps()

    def action_tiering_pulse(self):
        """Open the dialog to say how it goes with this customer."""
        return self.partner_id.with_company(self.company_id).action_tiering_pulse()

    def action_tiering_motive(self):
        """Open the dialog to say what matters to this customer."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("What matters to %(customer)s?", customer=self.partner_id.display_name),
            "res_model": "customer.tiering.motive.word",
            "views": [(False, "form")],
            "target": "new",
            "context": {
                "default_partner_id": self.partner_id.id,
                "default_company_id": self.company_id.id,
                "default_motive_id": self.motive_id.id,
            },
        }

    def action_tiering_confirm_motive(self):
        """Say that what is proposed is right, so that nothing else is proposed any more."""
        self.env["customer.tiering.motive.word"].create(
            [
                {"partner_id": card.partner_id.id, "company_id": card.company_id.id, "motive_id": card.motive_id.id}
                for card in self
                if card.motive_id and not card.motive_confirmed
            ]
        )

    def action_tiering_plan_call(self):
        """Open Odoo's dialog to schedule calls on these customers."""
        return self.partner_id.action_tiering_plan_call()

    @api.readonly
    def action_open_partner(self):
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "res.partner",
            "res_id": self.partner_id.id,
            "views": [(False, "form")],
        }
