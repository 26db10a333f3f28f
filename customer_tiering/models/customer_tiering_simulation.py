from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import engine, languages, sources
from .customer_tier import BENEFIT_FIELDS
from .customer_tiering_policy import RULE_FIELDS
from .customer_tiering_writer import TABLE

MOVES_TABLE = SQL.identifier("customer_tiering_moves")
MONEY_TABLE = SQL.identifier("customer_tiering_money")
# What the moves need of the result; the explanations, most of it, stay out.
COLUMNS = ("score", "tier_id", "pending_tier_id", "pending_date", "upgrade_tier_id", "upgrade_date")
# "Revenue of the last 12 months" beside the customers, whatever the policy's own window.
REVENUE_DAYS = 365
TIER_FIELDS = (
    "name",
    "sequence",
    "entry_floor",
    "keep_floor",
    "share",
    "match",
    "grace_days",
    "stay_days",
    *BENEFIT_FIELDS,
)
CRITERION_FIELDS = (
    *("metric_id", "sequence", "weight", "method", "unknown"),
    *("band_1", "band_2", "band_3", "band_4", "band_unit"),
)
PROMISE_FIELDS = ("kind", "days", "text", "sequence")
CONDITION_FIELDS = ("metric_id", "operator", "value", "keep_value")


class CustomerTieringSimulation(models.Model):
    """What would happen if a policy had other values.

    The values are in a copy of the policy that nothing else looks at; it is computed by the same code
    as a run, up to the point where a run would write.
    """

    _name = "customer.tiering.simulation"
    _description = "Customer Tiering Simulation"
    _order = "id desc"
    _rec_name = "draft_id"

    base_id = fields.Many2one(
        "customer.tiering.policy", string="Policy", required=True, readonly=True, ondelete="cascade", index=True
    )
    draft_id = fields.Many2one(
        "customer.tiering.policy", string="Changed Policy", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one(related="base_id.company_id", store=True, precompute=True, index=True)
    base_rules = fields.Json(readonly=True, prefetch=False, help="The policy's rules when the simulation began.")
    draft_rules = fields.Json(readonly=True, prefetch=False, help="The rules that the result was computed by.")
    # Counts all customers: read it by the policy, which knows who may see them.
    result = fields.Json(readonly=True, groups=fields.NO_ACCESS, help="The matrix of tiers and the totals.")
    line_ids = fields.One2many("customer.tiering.simulation.line", "simulation_id", string="Customers")

    _draft_uniq = models.Constraint("UNIQUE(draft_id)", "A changed policy belongs to one simulation.")

    # ------------------------------------------------------------------
    # The result
    # ------------------------------------------------------------------

    def _record(self, run, as_of, result, cards):
        """Keep what a run would have done: the matrix, the totals and the customers who move.

        :param result: the DataFrame that the writer would have got
        :param cards: the company's scorecards as the reader's ``_read_cards`` returns them
        :return: ``{run field: count}``
        """
        self.ensure_one()
        money = self._read_money(as_of)  # before the first write, so that the replica may read
        self.env.flush_all()
        self._copy_result(run, result, cards)
        self._collect_moves(money)
        self.line_ids.unlink()
        directions = self._insert_lines()
        self.result = {
            "as_of": fields.Date.to_string(as_of),
            "customers": len(result),
            "announced": directions.pop("announced", 0),
            "rising": directions.pop("rising", 0),
            "directions": directions,
            **self._get_matrix(),
            **self._get_totals(),
        }
        self.draft_rules = self.draft_id._get_simulated_values()
        self.env.invalidate_all(flush=True)
        return {f"{direction}_count": directions.get(direction, 0) for direction in ("new", "up", "down", "left")}

    def _copy_result(self, run, result, cards):
        """Put what the moves need of the result into the writer's temporary table, with who moves up or down."""
        writer = self.env["customer.tiering.writer"]
        ladder = self.env["customer.tier"]._get_ladder(self.company_id, self.draft_id)
        before = cards[["tier_id", "policy_id"]].reindex(result.index)
        own = [tier._get_key() for tier in self.draft_id.tier_ids]
        tiers = before["tier_id"][before["tier_id"] > 0].unique()
        namesakes = self.env["customer.tier"]._get_namesakes(self.draft_id, own, map(int, tiers))
        direction = engine.changes.direction(before, result, ladder, self.base_id.id, namesakes)
        end = self._get_end(result)
        later = engine.outcome.moves_later(result, cards, end)
        frame = writer._as_kept(run, result, COLUMNS).assign(
            direction=direction,
            later=later,
            announced_date=engine.outcome.announced_date(result),
            end_tier_id=end.where(later.notna(), result["tier_id"]),
        )
        types = {"direction": "varchar", "later": "varchar", "announced_date": "date", "end_tier_id": "int4"}
        writer._copy_table(run, frame, **types)

    def _get_end(self, result):
        """Return the tier of each customer once what is announced has taken effect, as far as locks let it.

        :param result: the DataFrame that the writer would have got
        :return: a Series of Int64 with its index
        """
        locks = self.env["customer.tiering.lock"].browse(result["lock_id"].dropna().unique().tolist())
        ladder = self.draft_id._get_rules().ladder
        keys = [tier.key for tier in ladder]
        namesakes = self.env["customer.tier"]._get_namesakes(self.draft_id, keys, locks.tier_id.ids)
        modes = {lock.id: lock.mode for lock in locks}
        tiers = {lock.id: namesakes.get(lock.tier_id.id, lock.tier_id.id) for lock in locks}
        return engine.retention.effective(
            engine.outcome.announced_tier(result).fillna(result["computed_tier_id"]),
            result["lock_id"].map(modes).astype(object),
            result["lock_id"].map(tiers).astype("Int64"),
            ladder,
        )

    def _read_money(self, as_of):
        """Return each customer's revenue and open quotations, see the reader's ``_read_revenue``."""
        scope = self.draft_id._get_revenue_scope(as_of, REVENUE_DAYS)
        return self.env["customer.tiering.replica"]._read(
            lambda env: env["customer.tiering.reader"]._read_revenue(scope)
        )

    def _collect_moves(self, money):
        """Put each customer, before and after, with the revenue and the open quotations, in a temporary table.

        After means: when what would be announced has taken effect. Tiers are known by their keys; the one afterwards
        also by what it is called in the changed policy.

        :param money: what :meth:`_read_money` returns
        """
        company = self.company_id
        self.env.cr.execute(SQL("DROP TABLE IF EXISTS pg_temp.%s, pg_temp.%s", MOVES_TABLE, MONEY_TABLE))
        self.env.cr.execute(
            SQL(
                "CREATE TEMPORARY TABLE %s (customer int4, revenue float8, quotations int4, quoted float8) "
                "ON COMMIT DROP",
                MONEY_TABLE,
            )
        )
        types = {"customer": "int4", "revenue": "float8", "quotations": "int4", "quoted": "float8"}
        sources.rows.copy_frame(self.env.cr, "customer_tiering_money", money, types)
        self.env.cr.execute(
            SQL(
                """
                CREATE TEMPORARY TABLE %(moves)s ON COMMIT DROP AS
                SELECT COALESCE(result.partner_id, card.partner_id) AS partner_id,
                       card.tier_id AS from_tier_id, result.end_tier_id AS to_tier_id,
                       COALESCE(twin.id, result.end_tier_id) AS new_tier_id,
                       card.score AS score_before, result.score AS score_after,
                       CASE WHEN result.later IS NOT NULL THEN result.announced_date END AS pending_date,
                       CASE WHEN result.partner_id IS NULL AND card.partner_id IN %(elsewhere)s THEN 'elsewhere'
                            WHEN result.partner_id IS NULL THEN 'left'
                            WHEN result.direction = 'same' AND result.tier_id IS DISTINCT FROM card.tier_id THEN 'other'
                            WHEN result.direction = 'same' AND result.later IS NOT NULL THEN result.later
                            ELSE result.direction END AS direction,
                       %(priced)s AND partner.specific_property_product_pricelist -> %(company_key)s IS NULL
                           AND old_tier.pricelist_id IS DISTINCT FROM CASE
                               WHEN twin.id IS NULL THEN new_tier.pricelist_id ELSE twin.pricelist_id END
                           AS repriced,
                       COALESCE(money.revenue, 0) AS revenue,
                       COALESCE(money.quotations, 0) AS quotations,
                       COALESCE(money.quoted, 0) AS quoted
                  FROM %(result)s result
             FULL JOIN (SELECT * FROM customer_tiering_scorecard
                         WHERE company_id = %(company)s
                           AND (policy_id = %(base)s OR partner_id IN (SELECT partner_id FROM %(result)s))
                       ) card ON card.partner_id = result.partner_id
             LEFT JOIN customer_tier new_tier ON new_tier.id = result.end_tier_id
             LEFT JOIN customer_tier old_tier ON old_tier.id = card.tier_id
             LEFT JOIN customer_tier twin ON twin.origin_id = result.end_tier_id AND twin.policy_id = %(draft)s
             LEFT JOIN res_partner partner ON partner.id = COALESCE(result.partner_id, card.partner_id)
             LEFT JOIN %(money)s money ON money.customer = COALESCE(result.partner_id, card.partner_id)
                """,
                moves=MOVES_TABLE,
                money=MONEY_TABLE,
                result=TABLE,
                base=self.base_id.id,
                draft=self.draft_id.id,
                elsewhere=self.env["customer.tiering.writer"]._search_elsewhere(self.draft_id).subselect(),
                company=company.id,
                company_key=str(company.id),
                priced=self.env["res.groups"]._is_feature_enabled("product.group_product_pricelist"),
            )
        )

    def _insert_lines(self):
        """Keep the customers who move, now or later, or whose prices would change.

        :return: ``{direction: count}``
        """
        rows = self.env.execute_query(
            SQL(
                """
                WITH inserted AS (
                    INSERT INTO customer_tiering_simulation_line (
                        simulation_id, company_id, partner_id, from_tier_id, to_tier_id, pending_date, direction,
                        repriced, score_before, score_after, revenue, quotation_count, quotation_amount)
                    SELECT %(simulation)s, %(company)s, partner_id, from_tier_id, new_tier_id, pending_date,
                           CASE WHEN direction = 'same' THEN 'price' ELSE direction END,
                           repriced, score_before, score_after, revenue, quotations, quoted
                      FROM %(moves)s
                     WHERE direction != 'same' OR repriced
                  ORDER BY partner_id
                 RETURNING direction)
                SELECT direction, COUNT(*) FROM inserted GROUP BY direction
                """,
                simulation=self.id,
                company=self.company_id.id,
                moves=MOVES_TABLE,
            )
        )
        return dict(rows)

    def _get_matrix(self):
        """Return the tiers and the matrix: rows are the present tiers, columns the simulated ones.

        The last row holds customers without a tier now, those of other policies included; the last
        column those who would have none.
        """
        before = self.base_id.tier_ids
        after = self.draft_id.tier_ids
        rows = [*before.ids, 0]
        columns = [*(tier._get_key() for tier in after), 0]
        counted = {
            (origin, target): (customers, float(revenue))
            for origin, target, customers, revenue in self.env.execute_query(
                SQL(
                    """
                    SELECT CASE WHEN from_tier_id = ANY(%(known)s) THEN from_tier_id ELSE 0 END,
                           COALESCE(to_tier_id, 0), COUNT(*), SUM(revenue)
                      FROM %(moves)s
                     WHERE from_tier_id IS NOT NULL OR to_tier_id IS NOT NULL
                  GROUP BY 1, 2
                    """,
                    known=before.ids,
                    moves=MOVES_TABLE,
                )
            )
        }
        return {
            "currency_id": self.company_id.currency_id.id,
            "rows": rows,
            "columns": columns,
            "cells": [
                [
                    dict(zip(("customers", "revenue"), counted.get((row, column), (0, 0)), strict=True))
                    for column in columns
                ]
                for row in rows
            ],
            "empty": [key for key in columns[:-1] if not any(target == key for _origin, target in counted)],
        }

    def _tell(self):
        """Return the result as people read it, with the names and colours of the tiers; False before there is one."""
        result = self.sudo().result  # sudo: who may see it is asked before
        if not result:
            return False
        before = {tier.id: tier for tier in self.base_id.tier_ids}
        after = {**before, **{tier._get_key(): tier for tier in self.draft_id.tier_ids}}

        def tell(key, tiers):
            if not key:
                return {"id": 0, "name": self.env._("No tier"), "color": 0}
            if key not in tiers:  # somebody has removed it since
                return {"id": key, "name": self.env._("Removed tier"), "color": 0}
            return {"id": key, "name": tiers[key].name, "color": tiers[key].color}

        return {
            **result,
            "rows": [tell(key, before) for key in result["rows"]],
            "columns": [tell(key, after) for key in result["columns"]],
            "empty": [tell(key, after)["name"] for key in result["empty"]],
        }

    def _get_totals(self):
        """Return the revenue and the open quotations of those who move, and of those with other prices."""
        totals = {}
        for key, condition in (("moved", SQL("direction != 'same'")), ("repriced", SQL("repriced"))):
            ((customers, revenue, quotations, quoted),) = self.env.execute_query(
                SQL(
                    """
                    SELECT COUNT(*), COALESCE(SUM(revenue), 0), COALESCE(SUM(quotations), 0), COALESCE(SUM(quoted), 0)
                      FROM %s WHERE %s
                    """,
                    MOVES_TABLE,
                    condition,
                )
            )
            totals[key] = {
                "customers": customers,
                "revenue": float(revenue),
                "quotations": int(quotations),
                "quoted": float(quoted),
            }
        return totals

    # ------------------------------------------------------------------
    # Apply
    # ------------------------------------------------------------------

    def _apply(self):
        """Give the policy the simulated values and forget the simulation.

        :raises UserError: when the policy was changed since the simulation began
        """
        self.ensure_one()
        base, draft = self.base_id, self.draft_id
        if base._get_simulated_values() != self.base_rules:
            raise UserError(
                self.env._(
                    "“%(policy)s” was changed after this simulation began, so applying it would undo that change. "
                    "Discard the simulation and start a new one.",
                    policy=base.name,
                )
            )
        fnames = (*RULE_FIELDS, "recalibrate_days", "upgrade_when")
        values = draft._convert_to_write({fname: draft[fname] for fname in fnames})
        values["criterion_ids"] = self._get_commands(
            {line.metric_id: line for line in base.criterion_ids},
            {line.metric_id: line for line in draft.criterion_ids},
            CRITERION_FIELDS,
        )
        values["tier_ids"] = self._get_commands(
            {tier.id: tier for tier in base.tier_ids},
            {tier._get_key(): tier for tier in draft.tier_ids},
            (*TIER_FIELDS, *self.env["customer.tier"]._get_side_fields()),
            condition_ids=lambda tier: [
                fields.Command.clear(),
                *(
                    fields.Command.create(
                        condition._convert_to_write({fname: condition[fname] for fname in CONDITION_FIELDS})
                    )
                    for condition in tier.condition_ids
                ),
            ],
            promise_ids=self._get_promise_commands,
        )
        base.write(values)
        self._discard()

    def _get_promise_commands(self, tier):
        """Return the commands that give the original of a changed tier its promises. None where nobody changed one: so
        they keep what they say in other languages."""
        now, before = (
            [promise._convert_to_write({fname: promise[fname] for fname in PROMISE_FIELDS}) for promise in promises]
            for promises in (tier.promise_ids, tier.origin_id.promise_ids)
        )
        return [] if now == before else [fields.Command.clear(), *map(fields.Command.create, now)]

    def _get_commands(self, before, after, fnames, **tables):
        """Return the commands that turn the lines ``before`` into those ``after``, both by what identifies a line."""
        commands = [fields.Command.delete(line.id) for key, line in before.items() if key not in after]
        for key, line in after.items():
            # A benefit that the line has already was judged when a person chose it.
            present = {fname: before[key][fname] for fname in BENEFIT_FIELDS if key in before and fname in fnames}
            names = [fname for fname in fnames if fname not in present or present[fname] != line[fname]]
            vals = line._convert_to_write({fname: line[fname] for fname in names})
            vals |= {fname: get_commands(line) for fname, get_commands in tables.items()}
            if key in before:
                commands.append(fields.Command.update(before[key].id, vals))
            else:
                commands.append(fields.Command.create(vals))
        return commands

    def _discard(self):
        """Remove the simulation with its copy of the policy and its runs."""
        # sudo: runs and results are written by the system only; the person's right is checked by the caller
        drafts = self.sudo().draft_id
        with drafts._in_progress():
            drafts.tier_ids.unlink()
        drafts.unlink()

    @api.autovacuum
    def _gc_simulations(self):
        """Forget simulations that nobody has touched for a month."""
        limit = fields.Datetime.subtract(fields.Datetime.now(), days=30)
        self.search(
            [("write_date", "<", limit), ("draft_id.write_date", "<", limit), ("company_id.active", "=", True)]
        )._discard()


class CustomerTieringSimulationLine(models.Model):
    _name = "customer.tiering.simulation.line"
    _description = "Customer Who Would Move"
    _tiering_customer = "partner_id"
    _order = "revenue desc, id"
    _rec_name = "partner_id"
    _log_access = False

    simulation_id = fields.Many2one(
        "customer.tiering.simulation", required=True, readonly=True, ondelete="cascade", index=True
    )
    company_id = fields.Many2one("res.company", required=True, readonly=True, ondelete="cascade")
    currency_id = fields.Many2one(related="company_id.currency_id")
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, readonly=True, ondelete="cascade")
    from_tier_id = fields.Many2one("customer.tier", string="From", readonly=True, ondelete="cascade")
    to_tier_id = fields.Many2one("customer.tier", string="To", readonly=True, ondelete="cascade")
    pending_date = fields.Date(
        string="Announced For", readonly=True, help="The day on which a move that is announced first takes effect."
    )
    direction = fields.Selection(
        [
            ("up", "Moves up"),
            ("down", "Moves down"),
            ("announced", "Moves down later"),
            ("rising", "Moves up later"),
            ("price", "Stays, other prices"),
            ("new", "First tier"),
            ("other", "From another policy"),
            ("elsewhere", "To another policy"),
            ("left", "Leaves"),
        ],
        required=True,
        readonly=True,
    )
    repriced = fields.Boolean(
        string="Other Prices", readonly=True, help="The pricelist of the tier changes, and no person has chosen one."
    )
    score_before = fields.Float(digits=(5, 2), readonly=True, aggregator="avg")
    score_after = fields.Float(digits=(5, 2), readonly=True, aggregator="avg")
    revenue = fields.Monetary(string="Revenue (12 Months)", readonly=True)
    quotation_count = fields.Integer(string="Open Quotations", readonly=True)
    quotation_amount = fields.Monetary(string="Open Quotations Amount", readonly=True)
    from_color = fields.Integer(related="from_tier_id.color", string="From Color")
    to_color = fields.Integer(related="to_tier_id.color", string="To Color")
    user_id = fields.Many2one(related="partner_id.user_id", string="Salesperson")


class CustomerTieringPolicy(models.Model):
    """A policy can be simulated, and the changed copy in a simulation is a policy, too."""

    # What a replay adds to policies is beside replays.
    _inherit = "customer.tiering.policy"  # pylint: disable=consider-merging-classes-inherited

    is_simulation = fields.Boolean(readonly=True, copy=False, help="The changed copy inside a simulation.")
    simulation_result = fields.Json(compute="_compute_simulation")
    simulation_state = fields.Selection(
        [("new", "Not computed yet"), ("waiting", "Waiting"), ("stale", "Values changed since"), ("done", "Done")],
        compute="_compute_simulation",
    )
    simulation_hint = fields.Text(compute="_compute_simulation")
    simulation_count = fields.Integer(
        string="Simulations", compute="_compute_simulation_count", groups="sales_team.group_sale_manager"
    )

    @api.depends_context("uid", "lang")
    def _compute_simulation(self):
        for policy in self:
            simulation = policy._get_simulation() if policy.is_simulation else policy.env["customer.tiering.simulation"]
            result = simulation.sudo().result  # sudo: shown to who sees all that it counts
            hides = bool(result) and policy._hides_customers()
            policy.simulation_result = False if hides else simulation._tell()
            policy.simulation_hint = hides and self.env._(
                "You may not see all of these customers, so numbers that count all of them are not shown. You find "
                "those whom you may see under “Customers Who Would Move”."
            )
            if "queued" in policy.run_ids.mapped("state"):
                policy.simulation_state = "waiting"
            elif not result:
                policy.simulation_state = "new"
            elif simulation.draft_rules == policy._origin._get_simulated_values():
                policy.simulation_state = "done"
            else:
                policy.simulation_state = "stale"

    def _hides_customers(self):
        """Whether there are scorecards in the policy's company that the person may not see."""
        self.ensure_one()
        return self.company_id._hides_tiering_customers()

    def _compute_simulation_count(self):
        counts = dict(
            self.env["customer.tiering.simulation"]._read_group(
                [("base_id", "in", self._origin.ids)], ["base_id"], ["__count"]
            )
        )
        for policy in self:
            policy.simulation_count = counts.get(policy._origin, 0)

    # ------------------------------------------------------------------
    # What a simulation is for other policies and for runs
    # ------------------------------------------------------------------

    def _get_simulated(self):
        return self._get_simulation().base_id if self.is_simulation else super()._get_simulated()

    def _get_simulation(self):
        self.ensure_one()
        return self.env["customer.tiering.simulation"].search([("draft_id", "=", self._origin.id)])

    def _get_simulated_values(self):
        """Return all that a simulation may change and that changes its result, a dict of plain values."""
        benefits = {str(tier._get_key()): {fname: tier[fname].id for fname in BENEFIT_FIELDS} for tier in self.tier_ids}
        return {**self._get_rules_values(), "recalibrate_days": self.recalibrate_days, "benefits": benefits}

    def _keep_runs_out(self):
        # No scorecard refers to a changed copy.
        return super(CustomerTieringPolicy, self.filtered(lambda policy: not policy.is_simulation))._keep_runs_out()

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        if not (default or {}).get("is_simulation"):
            return vals_list
        for policy, vals in zip(self, vals_list, strict=True):
            # Odoo copies lines in the order of their ids. What the tiers give stays, usable or not.
            for tier, (_command, _id, tier_vals) in zip(policy.tier_ids.sorted("id"), vals["tier_ids"], strict=True):
                tier_vals.update({"origin_id": tier.id, **{fname: tier[fname].id for fname in BENEFIT_FIELDS}})
        return vals_list

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            self._check_begun(vals)
            vals.setdefault("is_simulation", False)  # and no default of the context
        return super().create(vals_list)

    def write(self, vals):
        self._check_begun(vals)
        return super().write(vals)

    def _check_begun(self, vals):
        """Refuse to make a changed copy without the simulation that it belongs to."""
        if vals.get("is_simulation") and not self.env.su:
            raise UserError(self.env._("A simulation is begun by its button."))

    def unlink(self):
        self._check_unlink()
        simulations = self.env["customer.tiering.simulation"].sudo().search([("base_id", "in", self.ids)])
        if simulations:
            simulations._discard()
        return super().unlink()

    # ------------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------------

    def action_simulate(self):
        """Open a copy of the policy to try other values on."""
        self.ensure_one()
        self.check_access("write")
        if problem := self._get_rest():
            raise UserError(problem)
        self.check_access("create")
        # sudo: which policy and which tiers a copy simulates is not written by hand
        draft = self.sudo().copy(
            {
                "active": False,
                "is_simulation": True,
                "sequence": self.sequence,
            }
        )
        names = languages.say(self, lambda policy: policy.env._("%(policy)s (simulation)", policy=policy.name))
        languages.write(draft, "name", names)
        # sudo: simulations are written by their policy only
        self.env["customer.tiering.simulation"].sudo().create(
            [{"base_id": self.id, "draft_id": draft.id, "base_rules": self._get_simulated_values()}]
        )
        return draft.sudo(False)._open_simulation()

    def _open_simulation(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_simulation_action")
        form = self.env.ref("customer_tiering.customer_tiering_simulation_view_form")
        return {**action, "res_id": self.id, "views": [(form.id, "form")], "view_mode": "form"}

    def action_simulation_compute(self):
        """Compute what the changed values would do; in the background where it takes longer."""
        self.ensure_one()
        return self.action_compute_now()

    def action_simulation_apply(self):
        """Give the policy the simulated values and compute its customers."""
        self.ensure_one()
        self.check_access("write")
        simulation = self._get_simulation()
        base = simulation.base_id
        if self.simulation_state != "done":
            raise UserError(self.env._("Simulate the present values first, so that you see what you apply."))
        simulation._apply()
        notification = base.action_compute_now()
        notification["params"]["next"] = {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.policy",
            "res_id": base.id,
            "views": [(False, "form")],
            "target": "main",  # the way back does not lead to the simulation, which is gone
        }
        return notification

    def action_simulation_discard(self):
        """Forget the simulation."""
        self.ensure_one()
        self.check_access("write")
        base = self._get_simulation().base_id
        self._get_simulation()._discard()
        return {
            "type": "ir.actions.act_window",
            "res_model": "customer.tiering.policy",
            "res_id": base.id,
            "views": [(False, "form")],
            "target": "main",
        }

    @api.readonly
    def action_simulation_lines(self):
        """Open the customers who would move."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_tiering.customer_tiering_simulation_line_action"
        )
        action["domain"] = [("simulation_id", "=", self._get_simulation().id), ("direction", "!=", "price")]
        return action

    @api.readonly
    def action_simulation_prices(self):
        """Open the customers who would have other prices, whether or not they move."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "customer_tiering.customer_tiering_simulation_line_action"
        )
        action["name"] = self.env._("Customers with Other Prices")
        action["domain"] = [("simulation_id", "=", self._get_simulation().id), ("repriced", "=", True)]
        return action

    @api.readonly
    def action_simulation_export(self):
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": f"/customer_tiering/simulation/{self.id}", "target": "download"}

    @api.readonly
    def action_open_simulations(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("customer_tiering.customer_tiering_simulation_action")
        drafts = self.env["customer.tiering.simulation"].search([("base_id", "=", self.id)]).draft_id
        action["domain"] = [("id", "in", drafts.ids), ("active", "=", False)]
        return action
