from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, ormcache
from odoo.tools.misc import formatLang

from .. import engine, messages
from ..sentences import format_number

# What customers of a tier get; none of it decides over who is in the tier.
BENEFIT_FIELDS = ("pricelist_id", "payment_term_id", "user_id", "team_id")


class CustomerTier(models.Model):
    _name = "customer.tier"
    _inherit = ["customer.tiering.referred", "customer.tiering.typed"]
    _description = "Customer Tier"
    # The highest tier first; with the weighted score the sequence follows the floors.
    _order = "sequence, id"

    _typed_ranges = {
        **dict.fromkeys(("entry_floor", "share"), (0, 100)),
        **dict.fromkeys(("grace_days", "stay_days", "contact_days", "capacity"), (0, None)),
        "credit_months": (0, 120),
        **dict.fromkeys(("credit_floor", "credit_ceiling"), (0, None)),
    }

    name = fields.Char(required=True, translate=True)
    policy_id = fields.Many2one("customer.tiering.policy", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="policy_id.company_id", store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    active = fields.Boolean(default=True)
    sequence = fields.Integer(default=100)
    method = fields.Selection(related="policy_id.method", string="Policy's Method")
    # Weighted score
    entry_floor = fields.Float(
        string="From Score",
        digits=(5, 2),
        help="A customer whose score reaches this number (0 to 100) belongs to this tier, "
        "unless the score reaches a higher tier. One tier of a policy starts at 0.",
    )
    # The distance is what is kept, so that the score to stay follows when the score to enter changes.
    keep_margin = fields.Float(digits=(5, 2))
    keep_floor = fields.Float(
        string="Stays Down To",
        digits=(5, 2),
        compute="_compute_keep_floor",
        inverse="_inverse_keep_floor",
        help="Customers in this tier keep it as long as their score is not below this number. A number lower than "
        "“From Score” keeps customers from moving back and forth.",
    )
    # Shares
    share = fields.Float(
        string="Share (%)",
        digits=(5, 2),
        help="The part of the customers, or of the revenue, that this tier takes: 30 means 30%. "
        "The shares of all tiers add up to 100.",
    )
    # Conditions
    condition_ids = fields.One2many("customer.tier.condition", "tier_id", string="Conditions", copy=True)
    match = fields.Selection(
        [("all", "All of the conditions"), ("any", "One of the conditions")],
        string="Asks For",
        required=True,
        default="all",
    )
    promise_ids = fields.One2many("customer.tier.promise", "tier_id", string="Promises", copy=True)
    # Retention
    grace_days = fields.Integer(
        string="Days of Grace",
        compute="_compute_retention_days",
        store=True,
        readonly=False,
        precompute=True,
        help="A downgrade out of this tier is announced this many days before it takes effect.",
    )
    stay_days = fields.Integer(
        string="Minimum Stay (Days)",
        compute="_compute_retention_days",
        store=True,
        readonly=False,
        precompute=True,
        help="Customers who enter this tier stay at least this many days.",
    )
    origin_id = fields.Many2one(
        "customer.tier", readonly=True, copy=False, ondelete="cascade", help="The tier that this one simulates."
    )
    pricelist_id = fields.Many2one(
        "product.pricelist",
        ondelete="restrict",
        domain="[('company_id', 'in', (company_id, False))]",
        help="The prices of customers in this tier, unless a person has chosen a pricelist for the customer. "
        "Choosing one here switches on pricelists.",
    )
    contact_days = fields.Integer(
        string="Interaction Every (Days)",
        help="How often somebody should be in touch with customers of this tier: a call, a meeting, a message. "
        "Playbooks and My Customers remind of it. 0: not regularly.",
    )
    credit_months = fields.Float(
        string="Credit of So Many Months",
        digits=(5, 2),
        help="The credit limit that is proposed for customers of this tier: what they buy in so many average months of "
        "the policy's window. 0: none is proposed.",
    )
    credit_floor = fields.Monetary(string="Credit at Least", help="No less is proposed.")
    credit_ceiling = fields.Monetary(string="Credit at Most", help="No more is proposed. 0: there is no limit.")
    payment_term_id = fields.Many2one(
        "account.payment.term",
        string="Payment Terms",
        ondelete="restrict",
        domain="[('company_id', 'in', (company_id, False))]",
        help="The payment terms of new quotations and invoices of customers in this tier, unless a person has chosen "
        "others for the customer.",
    )
    user_id = fields.Many2one(
        "res.users",
        string="Account Manager",
        index="btree_not_null",
        domain=lambda self: self.env["res.users"]._get_tiering_able_domain(),
        help="The person proposed as the salesperson of customers in this tier who have none, and of their new "
        "quotations.",
    )
    team_id = fields.Many2one(
        "crm.team",
        string="Sales Team",
        domain="[('company_id', 'in', (company_id, False))]",
        help="The sales team of new quotations to customers in this tier who have no salesperson.",
    )
    benefit_warning = fields.Text(
        string="Not Used",
        compute="_compute_benefit_warning",
        compute_sudo=True,
        help="What is chosen here but not given to the customers of this tier, and why.",
    )
    capacity = fields.Integer(
        string="Customers per Person",
        help="How many customers of this tier one salesperson can look after well; 0 is no limit. The Resources "
        "report shows who has more than that, and Reassign Customers gives the surplus to others.",
    )
    color = fields.Integer(help="Color of the tier's badge.")
    description = fields.Text(translate=True, help="What customers of this tier can expect from you.")
    portal_tier = fields.Boolean(related="policy_id.portal_tier")
    portal_text = fields.Html(
        string="What Customers Read",
        translate=True,
        help="What this tier gives, in words for the customers: they read it in their portal.",
    )
    customer_count = fields.Integer(string="Customers", compute="_compute_customer_count")
    given_sentence = fields.Char(
        string="Given Away",
        compute="_compute_given_sentence",
        groups="sales_team.group_sale_manager",
        help="What customers got in the last 12 months because of this tier, against the amount of the same documents.",
    )

    _entry_floor_range = models.Constraint(
        "CHECK(entry_floor >= 0 AND entry_floor <= 100)",
        "A tier starts at a score between 0 and 100.",
    )

    _keep_margin_positive = models.Constraint(
        "CHECK(keep_margin >= 0)",
        "“Stays Down To” must not be above “From Score”: staying in a tier cannot ask for more than entering it.",
    )
    _share_range = models.Constraint("CHECK(share >= 0 AND share <= 100)", "A share lies between 0 and 100%.")
    _days_positive = models.Constraint(
        "CHECK(grace_days >= 0 AND stay_days >= 0)", "Days of grace and the minimum stay are 0 or more."
    )
    _contact_days_positive = models.Constraint("CHECK(contact_days >= 0)", "“Interaction Every” is 0 or more days.")
    _capacity_positive = models.Constraint(
        "CHECK(capacity >= 0)", "“Customers per Person” is 0 or more; 0 means that there is no limit."
    )

    @api.constrains("pricelist_id")
    def _check_pricelist_id(self):
        self._check_benefit("pricelist_id")

    @api.constrains("payment_term_id")
    def _check_payment_term_id(self):
        self._check_benefit("payment_term_id")

    @api.constrains("user_id")
    def _check_user_id(self):
        self._check_benefit("user_id")

    @api.constrains("credit_floor", "credit_ceiling")
    def _check_credit(self):
        for tier in self:
            if tier.credit_ceiling and tier.credit_floor > tier.credit_ceiling:
                raise ValidationError(
                    self.env._(
                        "%(tier)s: “Credit at Least” is more than “Credit at Most”. Change one of them.", tier=tier.name
                    )
                )

    @api.constrains("team_id")
    def _check_team_id(self):
        self._check_benefit("team_id")

    def _check_benefit(self, fname):
        for tier in self:
            original = tier.origin_id
            if original[fname] == tier[fname] and original.company_id == tier.company_id:
                continue  # what a simulation takes over was judged when a person chose it
            if problem := tier._get_problem(fname):
                raise ValidationError(problem)

    def _get_problem(self, fname):
        """Return why customers do not get what the tier gives by a field, as a sentence; False when they do.

        What was chosen rightly can be archived, or given to another company, at any time later.

        :param fname: one of ``BENEFIT_FIELDS``, or what an app adds to them
        """
        self.ensure_one()
        tier = self.sudo()  # the value may have gone to a company that the reader does not see
        value, company = tier[fname], tier.company_id
        if not value or not isinstance(value, models.BaseModel):  # a number or a yes can always be given
            return False

        def names():
            return {
                "field": self._fields[fname]._description_string(self.env),
                "tier": tier.name,
                "value": value.display_name,
                "company": company.name,
            }

        if fname == "user_id":
            reason = value._get_tiering_problem(company)
            return reason and self.env._(
                "%(field)s of %(tier)s is not proposed: %(reason)s Choose somebody else, or nobody.",
                reason=reason,
                **names(),
            )
        if not value.active:
            return self.env._(
                "%(field)s of %(tier)s: %(value)s is archived and therefore not used. Choose another, or none.",
                **names(),
            )
        if not value.filtered_domain(value._check_company_domain(company)):
            return self.env._(
                "%(field)s of %(tier)s: %(value)s belongs to %(other)s, so %(company)s cannot use it. "
                "Choose one of %(company)s, or one for all companies.",
                other=value.company_id.name,
                **names(),
            )
        return False

    @api.depends(
        "name",
        "company_id",
        *(f"{fname}.active" for fname in BENEFIT_FIELDS),
        *(f"{fname}.company_id" for fname in BENEFIT_FIELDS if fname != "user_id"),
        "user_id.company_ids",
        "user_id.all_group_ids",
    )
    @api.depends_context("lang")
    def _compute_benefit_warning(self):
        for tier in self:
            problems = [tier._get_problem(fname) for fname in BENEFIT_FIELDS]
            tier.benefit_warning = "\n".join(filter(None, [*problems, tier._get_default_price_warning()])) or False

    def _get_default_price_warning(self):
        """Return a sentence when everybody gets the tier's pricelist, because it is Odoo's default; else False."""
        self.ensure_one()
        pricelist = self.sudo().pricelist_id  # the default may be one that the reader does not see
        of_company = pricelist.with_company(self.company_id).with_context(country_code=False)
        if not pricelist or pricelist != of_company._get_country_pricelist_multi([])[False]:
            return False
        return self.env._(
            "%(pricelist)s is not for %(tier)s only: as the first pricelist of %(company)s without a country, all "
            "customers without another price get it. In the list of pricelists, drag the one for everybody above it.",
            pricelist=pricelist.name,
            tier=self.name,
            company=self.company_id.name,
        )

    def _get_usable(self, fname):
        """Return what the tier, if any, gives by a field; none where it cannot be used."""
        value = self[fname]
        return value.browse() if value and self._get_problem(fname) else value

    def _filter_giving(self, *fnames):
        """Return those of these tiers that give their customers something usable by one of these fields."""
        return self.filtered(lambda tier: tier.active and any(tier._get_usable(fname) for fname in fnames))

    def _switch_on_pricelists(self):
        """Without the feature a tier's pricelist would silently do nothing."""
        if self.pricelist_id and not self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"):
            # sudo: as the Sales settings do it, for who may only configure tiers too
            feature = self.env.ref("product.group_product_pricelist").sudo()
            self.env.ref("base.group_user").sudo()._apply_group(feature)
            # With a default pricelist: without one, Odoo would give the tier's, being the first, to everybody.
            self.env["res.company"].sudo()._activate_or_create_pricelists()

    @api.depends("entry_floor", "keep_margin")
    def _compute_keep_floor(self):
        for tier in self:
            tier.keep_floor = max(tier.entry_floor - tier.keep_margin, 0)

    def _inverse_keep_floor(self):
        for tier in self:
            if tier.keep_floor < 0:
                raise ValidationError(self.env._("“Stays Down To” of %(tier)s is 0 or more.", tier=tier.name))
            if tier.keep_floor > tier.entry_floor:
                facts = {"tier": tier._get_key(), "floor": tier.entry_floor, "kept": tier.keep_floor}
                raise ValidationError(
                    messages.get_sentence(self.env, engine.errors.RuleError("kept_range", **facts), tier.policy_id)
                )
            tier.keep_margin = tier.entry_floor - tier.keep_floor

    @api.depends("policy_id.grace_days", "policy_id.stay_days")
    def _compute_retention_days(self):
        for tier in self:
            tier.grace_days = tier.policy_id.grace_days
            tier.stay_days = tier.policy_id.stay_days

    def _compute_customer_count(self):
        counts = dict(
            self.env["customer.tiering.scorecard"]._read_group(
                [("tier_id", "in", self._origin.ids)], ["tier_id"], ["__count"]
            )
        )
        for tier in self:
            tier.customer_count = counts.get(tier._origin, 0)

    @api.depends("name")
    @api.depends_context("lang", "uid")
    def _compute_given_sentence(self):
        """To who sees all customers of the policy."""
        telling = self._origin.filtered(
            lambda tier: tier.company_id.sudo().tiering_ledger and not tier.policy_id._hides_customers()
        )
        found = self.env["customer.tiering.concession"]._sum_up(telling) if telling else {}
        for tier in self:
            given, amount = found.get(tier._origin, (0, 0))
            currency = tier.currency_id
            tier.given_sentence = bool(amount) and self.env._(
                "%(tier)s: %(given)s given in 12 months on %(amount)s, %(share)s%%.",
                tier=tier.name,
                given=formatLang(self.env, given, currency_obj=currency),
                amount=formatLang(self.env, amount, currency_obj=currency),
                share=format_number(self.env, 100 * given / amount, 1),
            )

    @api.depends("name", "policy_id")
    @api.depends_context("company")
    def _compute_display_name(self):
        several = self._are_several_policies()
        for tier in self:
            tier.display_name = (
                self.env._("%(tier)s (%(policy)s)", tier=tier.name, policy=tier.policy_id.sudo().name)
                if several
                else tier.name
            )

    @api.model
    @ormcache("self.env.company.id", cache="templates")  # as the views with a filter per tier, so cleared with them
    def _are_several_policies(self):
        """Whether the same name can be in several policies of the company: ambiguous in filters and columns."""
        return self.env["customer.tiering.policy"].sudo().search_count(self._current_policies(), limit=2) > 1

    @api.model
    def _current_policies(self):
        # Said explicitly, because a search with archived records would count archived policies too.
        return [("company_id", "=", self.env.company.id), ("active", "=", True)]

    @api.model
    def _search_current(self):
        """Return the tiers in use in the current company, the highest first."""
        return self.search([*self._current_policies(), ("policy_id.active", "=", True)])

    @api.model
    def name_create(self, name):
        raise UserError(self.env._("A tier needs a score it starts at. Add it in the policy or in the settings."))

    def _check_origin(self, vals):
        """Refuse to say by hand which tier another one simulates."""
        if vals.get("origin_id") and not self.env.su:
            raise UserError(self.env._("Which tier a simulation changes is not chosen by hand. Simulate the policy."))

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_origin(vals)
            vals.setdefault("origin_id", False)  # and no default of the context
        tiers = super().create(vals_list)
        tiers._policies_changed()
        tiers._switch_on_pricelists()
        return tiers

    def write(self, vals):
        if any(tier.policy_id.id != vals["policy_id"] for tier in self if "policy_id" in vals):
            raise UserError(self.env._("A tier stays in its policy. Add a tier to the other policy instead."))
        # A policy saved with its tiers looks when all of them are in place.
        alone = "entry_floor" in vals and not self.env["customer.tiering.policy"]._is_in_progress()
        floors = self.policy_id._get_floors() if alone else {}
        self._check_origin(vals)
        result = super().write(vals)
        self.policy_id._check_order(floors)
        if vals.keys() - {*BENEFIT_FIELDS, *self._get_side_fields(), "promise_ids"}:
            self._policies_changed()
        if vals.get("pricelist_id"):
            self._switch_on_pricelists()
        return result

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for tier, vals in zip(self, vals_list, strict=True):
            # A copy starts without what nobody could choose any more.
            for fname in BENEFIT_FIELDS:
                if fname in vals and tier._get_problem(fname):
                    del vals[fname]
        return vals_list

    def unlink(self):
        """Archive the tiers that customers or the history refer to, delete the others.

        A manager removes a tier from the table in the settings; which customers were once in it
        must stay known.
        """
        self.check_access("unlink")
        policies = self.policy_id
        policies._keep_runs_out()
        used = self.browse()
        for model, fname in (
            ("customer.tiering.scorecard", "tier_id"),
            ("customer.tiering.scorecard", "computed_tier_id"),
            ("customer.tiering.lock", "tier_id"),
            ("customer.tier.change", "from_tier_id"),
            ("customer.tier.change", "to_tier_id"),
            ("sale.order", "tiering_tier_id"),
            ("account.move", "tiering_tier_id"),
            ("customer.tiering.concession", "tier_id"),
        ):
            # sudo: the history of another company counts too
            records = self.env[model].sudo().with_context(active_test=False)
            used |= self.browse(tier.id for (tier,) in records._read_group([(fname, "in", self.ids)], [fname]))
        used.active = False
        result = super(CustomerTier, self - used).unlink()
        policies.exists()._tiers_changed()
        return result

    @api.model
    def _get_side_fields(self):
        """Return the names of the other fields that do not decide over who is in the tier; another app adds its own."""
        return ["contact_days", "capacity", "color", "description", "credit_months", "credit_floor", "credit_ceiling"]

    def _get_promises(self):
        """Return what customers of the tier are promised, a list of sentences."""
        self.ensure_one()
        promises = [promise.sentence for promise in self.promise_ids if promise.sentence]
        if self.contact_days == 1:
            promises.append(self.env._("Somebody is in touch every day."))
        elif self.contact_days:
            days = format_number(self.env, self.contact_days)
            promises.append(self.env._("Somebody is in touch every %(days)s days.", days=days))
        return promises

    def _policies_changed(self):
        """Tell the policies that their tiers changed."""
        self.policy_id._tiers_changed()

    def _get_key(self):
        """Return the id by which runs know this tier: a simulated tier stands for its original."""
        self.ensure_one()
        return self.origin_id.id or self.id

    def _get_names(self):
        """Return what versions keep of these tiers, ``{key: {language: name}}``."""
        self.flush_recordset(["name"])
        names = dict(self.env.execute_query(SQL("SELECT id, name FROM customer_tier WHERE id = ANY(%s)", self.ids)))
        return {str(tier._get_key()): names[tier.id] for tier in self}

    @api.model
    def _get_ladder(self, company, draft=None):
        """Return the keys of all tiers of a company, archived ones too, from the lowest to the highest.

        :param company: a ``res.company`` record
        :param draft: a simulated policy: its tiers stand for their originals, and those that it has not stay where
            they are
        """
        rows = self.env.execute_query(
            SQL(
                """
                SELECT tier.id
                  FROM customer_tier tier
             LEFT JOIN customer_tier twin ON twin.origin_id = tier.id AND twin.policy_id = %(draft)s
                 WHERE tier.company_id = %(company)s AND tier.origin_id IS NULL
              ORDER BY COALESCE(twin.sequence, tier.sequence) DESC, tier.id DESC
                """,
                company=company.id,
                draft=draft.id if draft else None,
            )
        )
        return [tier_id for (tier_id,) in rows]

    @api.model
    def _get_namesakes(self, policy, ladder, tier_ids):
        """Return ``{tier: tier of the ladder with the same name}`` of those of ``tier_ids`` that are of other policies.

        :param policy: whose tiers they are compared with; a simulated one gives its originals their names
        :param ladder: the keys of these tiers
        :param tier_ids: ids of tiers of the same company; nothing is read where all are in the ladder
        """
        others = set(tier_ids) - set(ladder)
        if not others:
            return {}
        self.flush_model(["name", "origin_id", "policy_id", "sequence"])
        rows = self.env.execute_query(
            SQL(
                """
                SELECT other.id, own.id
                  FROM customer_tier own
             LEFT JOIN customer_tier twin ON twin.origin_id = own.id AND twin.policy_id = %(policy)s
                  JOIN customer_tier other ON LOWER(TRIM(other.name ->> 'en_US'))
                                            = LOWER(TRIM(COALESCE(twin.name, own.name) ->> 'en_US'))
                 WHERE own.id = ANY(%(ladder)s) AND other.id = ANY(%(others)s)
                   AND other.policy_id NOT IN (%(policy)s, %(simulated)s)
              ORDER BY own.sequence DESC, own.id DESC
                """,
                policy=policy.id,
                simulated=policy._get_simulated().id,
                ladder=list(ladder),
                others=list(others),
            )
        )
        return dict(rows)

    def _get_rule(self):
        """Return the engine's rule of this tier.

        :raises RuleError: when it cannot be used
        """
        self.ensure_one()
        by_score = self.policy_id.method == "score"
        conditions = self.condition_ids if self.policy_id.method == "conditions" else self.condition_ids.browse()
        try:
            conditions = tuple(condition._get_rule() for condition in conditions)
        except engine.errors.RuleError as error:
            raise engine.errors.RuleError(error.code, tier=self._get_key(), **error.facts) from error
        return engine.rules.TierRule(
            key=self._get_key(),
            floor=self.entry_floor if by_score else 0.0,
            keep_floor=self.keep_floor if by_score else None,
            share=self.share if self.policy_id.method in engine.rules.SHARES else None,
            conditions=conditions,
            match_any=self.match == "any",
            grace_days=self.grace_days,
            stay_days=self.stay_days,
        )

    @api.model
    def _order_to_place_sql(self, tier, direction, nulls):
        """Return the term of an ORDER BY by the place of a tier among the tiers, as Odoo does, but without joining the
        tiers to each row.

        :param tier: SQL of the tier's id
        """
        # sudo: the order of all tiers tells nothing
        tiers = self.sudo().with_context(active_test=False).search([])
        return SQL("array_position(%s::int[], %s) %s %s", tiers.ids, tier, direction, nulls)

    @api.readonly
    def action_open_given(self):
        """Open what customers got because of this tier."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_concession_action")
        return {**action, "domain": [("tier_id", "=", self.id)], "context": {"search_default_year": 1}}

    @api.readonly
    def action_open_customers(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_scorecard_action")
        action["domain"] = [("tier_id", "=", self.id)]
        action["context"] = {}
        return action
