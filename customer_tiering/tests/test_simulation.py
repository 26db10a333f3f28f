import ast
import io
import random
from collections import Counter, defaultdict
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from unittest.mock import patch

import openpyxl

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import HttpCase, freeze_time, tagged
from odoo.tools import mute_logger

from ..models import customer_tiering_replay
from .common import AS_OF, TieringCommon

COLUMNS = "odoo.addons.customer_tiering.models.customer_tiering_simulation.COLUMNS"
COMPARED = ("computed_tier_id", "segment_id", "lifecycle")

# Everything that a simulation must leave alone; drafts are rows of the tables in the second list.
RESULTS = (
    "customer_tiering_scorecard",
    "customer_tier_change",
    "customer_tiering_policy_version",
    "customer_tiering_lock",
    "customer_tiering_refresh",
    "res_partner",
    "sale_order",
)
RULES = (
    "customer_tiering_policy",
    "customer_tier",
    "customer_tier_condition",
    "customer_tiering_criterion",
    "customer_tiering_run",
)
SIMULATIONS = ("customer_tiering_simulation", "customer_tiering_simulation_line")
METHODS = ("score", "customer_share", "revenue_share", "conditions", "clusters")
DOMAINS = ("[]", "[('is_company', '=', True)]", "[('ref', '!=', 'B')]", "[('name', '<', 'Customer 30')]")


class SimulationCommon(TieringCommon):
    def _rows(self, tables):
        """``{table: {id: (place of the row, the row)}}``: an update puts a new version elsewhere."""
        self.env.flush_all()
        rows = {}
        for table in tables:
            self.env.cr.execute(f"SELECT id, ctid, t::text FROM {table} t")  # pylint: disable=sql-injection
            rows[table] = {row[0]: row[1:] for row in self.env.cr.fetchall()}
        return rows

    def _simulate(self, policy, values=None):
        """Return the draft of a simulation that a manager computed with other values."""
        draft = self._draft(policy)
        if values:
            draft.write(values)
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        return draft

    def _draft(self, policy):
        action = policy.with_user(self.manager).action_simulate()
        return self.env["customer.tiering.policy"].with_user(self.manager).browse(action["res_id"])

    def _simulation(self, draft):
        return self.env["customer.tiering.simulation"].search([("draft_id", "=", draft.id)])

    def _cards(self):
        self.env.invalidate_all()
        return self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])

    def _count(self, result, before, after):
        """The number of customers in a cell of the matrix, by the names of the tiers."""
        rows = [row["name"] for row in result["rows"]]
        columns = [column["name"] for column in result["columns"]]
        return result["cells"][rows.index(before)][columns.index(after)]["customers"]


@tagged("post_install", "-at_install")
class TestSimulationEqualsApply(SimulationCommon):
    """What a simulation says of each customer is what they get when it is applied."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(patch.object(customer_tiering_replay, "NIGHTS", 1))  # it has tests of its own
        rng = random.Random(20260630)
        cls.customers = cls.env["res.partner"].create(
            [
                {"name": f"Customer {number:02}", "is_company": number % 3 == 0, "ref": rng.choice("AB")}
                for number in range(40)
            ]
        )
        contact = cls.env["res.partner"].create({"name": "Buyer", "parent_id": cls.customers[0].id})
        cls.bought, cls.quoted = [], []  # (customer, day, amount)
        for customer in cls.customers:
            for _order in range(rng.choice((0, 1, 1, 2, 3, 5, 8))):
                day = AS_OF - timedelta(days=rng.choice((0, 1, 29, 30, 31, 90, 364, 365, 366, rng.randrange(600))))
                cls.bought.append((customer, day, rng.choice((0, 50, 100, 100, 250, 999.99, 5000))))
            for _quotation in range(rng.choice((0, 0, 1, 2))):
                cls.quoted.append((customer, AS_OF, rng.choice((10, 20.5, 3000))))
        for lines, state in ((cls.bought, "sale"), (cls.quoted, "draft")):
            orders = cls.env["sale.order"].create(
                [
                    {
                        "partner_id": contact.id if customer == cls.customers[0] else customer.id,
                        "company_id": cls.company.id,
                        "date_order": datetime.combine(day, time(12)),
                        "order_line": [
                            Command.create({"product_id": cls.product.id, "product_uom_qty": 1, "price_unit": amount})
                        ],
                    }
                    for customer, day, amount in lines
                ]
            )
            orders.state = state
        cls.env.flush_all()
        cls.since = AS_OF - timedelta(days=365)
        cls.revenue, cls.quotations, cls.quoted_amount = defaultdict(float), Counter(), defaultdict(float)
        for customer, day, amount in cls.bought:
            if cls.since < day <= AS_OF:
                cls.revenue[customer.id] += amount
        for customer, _day, amount in cls.quoted:
            cls.quotations[customer.id] += 1
            cls.quoted_amount[customer.id] += amount

    # ------------------------------------------------------------------
    # Random policies
    # ------------------------------------------------------------------

    def _random_values(self, rng, policy, names):
        """Random rules that a policy accepts; tiers are kept, removed, added and renamed."""
        method = rng.choice(METHODS)
        values = {
            "method": method,
            "basis_id": rng.choice((False, self.metric("monetary"), self.metric("recency"))),
            "window_days": rng.choice((90, 365, 400)),
            "min_population": rng.choice((1, 100)),
            "recalibrate_days": rng.choice((0, 0, 30)),
            "grace_days": rng.choice((0, 0, 20, 60)),
            "stay_days": rng.choice((0, 0, 45)),
            "one_step": rng.random() < 0.3,
            "month_end": rng.random() < 0.2,
            "protection_days": rng.choice((0, 0, 200)),
            "criterion_ids": [
                Command.update(
                    line.id, {"weight": rng.choice((1, 2, 0.5, 3)), "method": rng.choice(("percentile", "bands"))}
                )
                for line in policy.criterion_ids
            ],
        }
        kept = list(policy.tier_ids)
        removed = kept.pop(rng.randrange(len(kept))) if len(kept) > 2 and rng.random() < 0.4 else None
        if rng.random() < 0.15:
            rng.shuffle(kept)
        if len(kept) < 5 and rng.random() < 0.4:
            kept.insert(rng.randrange(len(kept) + 1), None)
        commands = [Command.delete(removed.id)] if removed else []
        for tier, vals in zip(kept, self._random_tiers(rng, method, len(kept)), strict=True):
            if not tier:
                vals["name"] = next(names)
                commands.append(Command.create(vals))
                continue
            if rng.random() < 0.2:
                vals["name"] = next(names)
            if rng.random() < 0.2:
                vals["grace_days"] = rng.choice((0, 7, 90))
            vals["condition_ids"] = [Command.clear(), *vals["condition_ids"]]
            commands.append(Command.update(tier.id, vals))
        return {**values, "tier_ids": commands}

    def _random_tiers(self, rng, method, count):
        """Values of ``count`` tiers, the highest first."""
        floors = [*sorted(rng.sample(range(5, 95), count - 1), reverse=True), 0]
        keeps = []
        for floor in reversed(floors):
            keeps.insert(0, max(floor - rng.choice((0, 5, 15)), keeps[0] if keeps else 0))
        cuts = sorted(rng.sample(range(1, 100), count - 1))
        shares = [after - before for before, after in zip([0, *cuts], [*cuts, 100], strict=True)]
        for place, (floor, keep, share) in enumerate(zip(floors, keeps, shares, strict=True)):
            vals = {"sequence": place + 1, "entry_floor": floor, "keep_floor": keep, "share": share}
            conditions = [] if method != "conditions" or place == count - 1 else self._random_conditions(rng, place)
            yield {**vals, "match": rng.choice(("all", "any")), "condition_ids": conditions}

    def _random_conditions(self, rng, place):
        amount = rng.choice((100, 300, 1000, 4000)) / (place + 1)
        choices = [
            {
                "metric_id": self.metric("monetary"),
                "operator": ">=",
                "value": amount,
                "keep_value": amount * rng.choice((1, 0.5)),
            },
            {
                "metric_id": self.metric("frequency"),
                "operator": ">=",
                "value": 5 - place,
                "keep_value": rng.choice((5 - place, 1)),
            },
            {"metric_id": self.metric("recency"), "operator": "<=", "value": 60, "keep_value": rng.choice((60, 200))},
        ]
        return [Command.create(vals) for vals in rng.sample(choices, rng.choice((1, 2)))]

    @contextmanager
    def _undone(self):
        """What happens inside is undone at the end, so that the next policy begins with the same orders."""
        savepoint = self.env.cr.savepoint()
        try:
            yield
        finally:
            savepoint.rollback()
            savepoint.close(rollback=False)
            self.env.invalidate_all(flush=False)

    # ------------------------------------------------------------------
    # The property
    # ------------------------------------------------------------------

    def test_a_simulation_tells_what_applying_gives(self):
        seen = Counter()
        for seed in range(30):
            with self.subTest(seed=seed), self._undone(), freeze_time(f"{AS_OF} 12:00:00"):
                self._compare(random.Random(seed), seen)
        # the cases that matter have occurred
        directions = ("up", "down", "new", "left", "announced", "other", "elsewhere", "same")
        for case in (*METHODS, *directions, "pending", "lock"):
            self.assertTrue(seen[case], case)

    def _compare(self, rng, seen):
        names = (f"New {number}" for number in range(100))
        policy = self.policy
        if rng.random() < 0.5:
            other = policy.copy(
                {"partner_domain": rng.choice(DOMAINS[1:]), "sequence": rng.choice((1, 20)), "name": "Other"}
            )
        else:
            other = policy.browse()
        policy.write(self._random_values(rng, policy, names))
        if other and rng.random() < 0.5:
            policy.partner_domain = rng.choice(DOMAINS[1:])
        for days in sorted(rng.sample(range(1, 150), 3), reverse=True):
            for each in policy | other:
                self.compute(AS_OF - timedelta(days=days), policy=each)
        in_tiers = self._cards().filtered(lambda card: card.policy_id == policy and card.tier_id)
        if in_tiers:
            with freeze_time(AS_OF - timedelta(days=1)):
                for card in rng.sample(list(in_tiers), min(3, len(in_tiers))):
                    self.env["customer.tiering.lock"].create(
                        {
                            "partner_id": card.partner_id.id,
                            "tier_id": rng.choice(policy.tier_ids).id,
                            "mode": rng.choice(("floor", "fixed")),
                            "reason": "Agreed",
                            "date_end": rng.choice((False, AS_OF - timedelta(days=1), AS_OF)),
                        }
                    )
            seen["lock"] += 1
        before = {card.partner_id.id: (card.policy_id, card.tier_id.id, card.score) for card in self._cards()}
        seen["pending"] += len(self._cards().pending_tier_id)

        results, rules = self._rows(RESULTS), self._rows(RULES)
        draft = self._draft(policy)
        draft.write(self._random_values(rng, draft, names))
        if (not other and rng.random() < 0.4) or (other and rng.random() < 0.5):
            draft.partner_domain = rng.choice(DOMAINS)
        # to compare more than a simulation itself looks at
        with patch(COLUMNS, ("score", "tier_id", "pending_tier_id", "pending_date", *COMPARED)):
            draft.action_simulation_compute()
        draft.invalidate_recordset()
        seen[draft.method] += 1

        # simulating wrote nothing
        self.assertEqual(self._rows(RESULTS), results)
        rules_now = self._rows(RULES)
        for table, rows in rules.items():
            self.assertEqual({id_: rules_now[table].get(id_) for id_ in rows}, rows, table)

        self.assertEqual(draft.simulation_state, "done")
        simulation = self._simulation(draft)
        result = draft.simulation_result
        run = draft.run_ids
        tier_names = {tier._get_key(): tier.name for tier in draft.tier_ids}
        self.env.cr.execute(
            "SELECT partner_id, tier_id, score, pending_tier_id, pending_date, computed_tier_id, segment_id, lifecycle "
            "FROM customer_tiering_result"
        )
        simulated = {
            id_: (tier_names.get(tier), float(score), tier_names.get(pending), day, tier_names.get(computed), *others)
            for id_, tier, score, pending, day, computed, *others in self.env.cr.fetchall()
        }
        lines = {
            line.partner_id.id: (
                line.direction,
                line.from_tier_id.id,
                line.to_tier_id and line.to_tier_id.name,
                line.score_before,
                line.score_after,
                line.revenue,
                line.quotation_count,
                line.quotation_amount,
                line.pending_date,
            )
            for line in simulation.line_ids
        }
        counts = ("new_count", "up_count", "down_count", "customer_count", "pending_count", "note", "drift")
        promised = {fname: run[fname] for fname in counts}

        draft.action_simulation_apply()
        self.assertFalse(draft.exists() or simulation.exists())
        after = {card.partner_id.id: card for card in self._cards()}
        elsewhere = {id_ for id_, card in after.items() if card.policy_id == policy} - simulated.keys()
        for card in after.values():
            if card.policy_id != policy:
                self.assertNotIn(card.partner_id.id, simulated)
        self.assertEqual(
            {
                id_: (
                    card.tier_id.name or None,
                    card.score,
                    card.pending_tier_id.name or None,
                    card.pending_date or None,
                    card.computed_tier_id.name or None,
                    card.segment_id.id,
                    card.lifecycle,
                )
                for id_, card in after.items()
                if card.policy_id == policy and id_ not in elsewhere
            },
            simulated,
        )

        # the lines, one for each customer who moves or is told so, and no others
        self._check_lines(before, after, elsewhere, lines, seen)
        self._check_matrix(before, after, elsewhere, result, lines)
        applied = policy.run_ids[0]
        self.assertEqual({fname: applied[fname] for fname in counts}, promised)
        if other:
            self.compute(policy=other)
            for id_ in elsewhere:  # they waited for the policy that has them now
                self.assertEqual(self.card(self.env["res.partner"].browse(id_)).policy_id, other)

    def _check_lines(self, before, after, elsewhere, lines, seen):
        policy = self.policy
        changes = {
            change.partner_id.id: change
            for change in self.env["customer.tier.change"].search([("run_id", "=", policy.run_ids[0].id)])
        }
        for customer in self.customers:
            id_ = customer.id
            had = before.get(id_, (policy, False, 0))
            card = after.get(id_)
            line = lines.get(id_)
            with self.subTest(customer=customer.name):
                if id_ in elsewhere:
                    self.assertEqual(line[0], "elsewhere")
                elif not card:
                    self.assertEqual(line and line[0], "left" if id_ in before else None)
                elif card.policy_id == policy and card.tier_id.id != had[1]:
                    direction = changes[id_].direction
                    # Between tiers of the same name, and from those that have none here, nobody moves up or down.
                    self.assertEqual(line[0], "other" if direction == "same" else direction)
                    self.assertTrue(direction != "same" or had[0] != policy)
                elif card.policy_id == policy and line:
                    self.assertEqual(line[0], "announced")
                    self.assertTrue(card.pending_tier_id)
                elif card.policy_id != policy:
                    self.assertFalse(line)
                seen[line[0] if line else "same"] += 1
                if line:
                    self.assertEqual(line[1], had[1])
                    self.assertAlmostEqual(line[3], had[2], 2)
                    if id_ not in elsewhere and card:
                        self.assertEqual(line[4], card.score)
                        end = self._get_end(card)
                        if line[8]:  # where the days of grace end, as far as the lock lets the customer fall
                            self.assertEqual((line[2], line[8]), (end.name, card.pending_date))
                            self.assertNotEqual(end, card.tier_id)
                        else:
                            self.assertEqual(line[2] or False, card.tier_id.name)
                        self.assertTrue(line[8] or line[0] != "announced")
                    self.assertAlmostEqual(line[5], self.revenue[id_], 2)
                    self.assertEqual(line[6], self.quotations[id_])
                    self.assertAlmostEqual(line[7], self.quoted_amount[id_], 2)

    def _get_end(self, card):
        lock, pending = card.lock_id, card.pending_tier_id
        if not pending or lock.mode == "fixed":
            return card.tier_id
        locked = lock.tier_id
        if locked and locked not in self.policy.tier_ids:
            locked = self.policy.tier_ids.filtered(lambda tier: tier.name == locked.name)
        return min(pending | locked, key=lambda tier: tier.sequence)  # the highest is the first

    def _check_matrix(self, before, after, elsewhere, result, lines):
        policy = self.policy
        none = "No tier"
        rows = {row["id"]: row["name"] for row in result["rows"]}
        customers, revenue = Counter(), defaultdict(float)
        for customer in self.customers:
            id_ = customer.id
            had, card = before.get(id_), after.get(id_)
            if card and card.policy_id != policy:
                continue
            target = card.tier_id.name if card and card.tier_id and id_ not in elsewhere else none
            if id_ in lines and lines[id_][8]:
                target = self._get_end(card).name
            if target != none or (had and had[1]):
                cell = rows.get(had and had[1], none), target
                customers[cell] += 1
                revenue[cell] += self.revenue[id_]
        cells = {
            (row["name"], column["name"]): cell
            for row, line in zip(result["rows"], result["cells"], strict=True)
            for column, cell in zip(result["columns"], line, strict=True)
        }
        self.assertEqual({names: cell["customers"] for names, cell in cells.items() if cell["customers"]}, customers)
        for names, cell in cells.items():
            self.assertAlmostEqual(cell["revenue"], revenue[names], 2)
        self.assertEqual([column["name"] for column in result["columns"][:-1]], policy.tier_ids.mapped("name"))
        filled = {target for _before, target in customers}
        self.assertEqual(result["empty"], [name for name in policy.tier_ids.mapped("name") if name not in filled])


class SimulatedCustomers(SimulationCommon):
    """Four customers of whom one can compute by hand what a changed policy makes of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.best, cls.middle, cls.poor, cls.asked = (
            cls.new_customer(name) for name in ("Best", "Middle", "Poor", "Asked")
        )
        cls.today = cls.company._get_tiering_today()
        # Fixed bands, median order 100. Best: 100 points each. Middle: 40 days → 75, 3 orders → 50,
        # 3 median orders → 50: 58.33, Silver. Poor bought before the window: 0, Bronze.
        for partner, days in ((cls.best, range(0, 100, 10)), (cls.middle, (40, 80, 120)), (cls.poor, (400,))):
            for days_ago in days:
                cls.order(partner, amount=100, when=cls.noon(cls.today, days_ago))
        cls.order(cls.asked, amount=70, state="draft", when=cls.noon(cls.today, 3))
        cls.order(cls.middle, amount=40, state="sent", when=cls.noon(cls.today, 3))
        cls.compute(cls.today)
        cls.gold = cls.policy.tier_ids.filtered(lambda tier: tier.name == "Gold")

    def _floor(self, draft, name, floor):
        tier = draft.tier_ids.filtered(lambda tier: tier.name == name)
        draft.tier_ids = [Command.update(tier.id, {"entry_floor": floor, "keep_floor": floor})]


@tagged("post_install", "-at_install")
class TestSimulation(SimulatedCustomers):
    def test_the_tiers_before(self):
        self.assertTiers({self.best: "Platinum", self.middle: "Silver", self.poor: "Bronze", self.asked: False})

    def test_unchanged_values_move_nobody(self):
        for method in METHODS:
            values = {"method": method}
            if method == "conditions":
                rows = [Command.create({"metric_id": self.metric("monetary"), "value": 250})]
                top, *others = self.policy.tier_ids
                values["tier_ids"] = [
                    Command.update(top.id, {"condition_ids": rows}),
                    *(Command.delete(tier.id) for tier in others[:2]),
                ]
            elif method == "clusters":
                values["tier_ids"] = [Command.delete(tier.id) for tier in self.policy.tier_ids[:2]]
            elif method != "score":
                values["tier_ids"] = [
                    Command.update(tier.id, {"share": share})
                    for tier, share in zip(self.policy.tier_ids, (10, 20, 30, 40), strict=True)
                ]
            with self.subTest(method=method), self.env.cr.savepoint() as savepoint:
                self.policy.write(values)
                self.compute(self.today)
                tiers = {card.partner_id: card.tier_id.name for card in self._cards()}
                draft = self._simulate(self.policy)
                result = draft.simulation_result
                self.assertEqual((draft.simulation_state, draft.method), ("done", method))
                self.assertFalse(self._simulation(draft).line_ids)
                self.assertEqual(result["moved"], {"customers": 0, "revenue": 0, "quotations": 0, "quoted": 0})
                for row, tier in enumerate(result["rows"]):
                    for column, other in enumerate(result["columns"]):
                        count = sum(name == tier["name"] for name in tiers.values()) if tier == other else 0
                        self.assertEqual(result["cells"][row][column]["customers"], count)
                savepoint.rollback()
                self.env.invalidate_all(flush=False)

    def test_a_lower_floor_lifts_a_customer(self):
        draft = self._draft(self.policy)
        self.assertEqual(draft.simulation_state, "new")
        self._floor(draft, "Gold", 55)
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        result = draft.simulation_result
        self.assertEqual(self._count(result, "Silver", "Gold"), 1)
        self.assertEqual(self._count(result, "Platinum", "Platinum"), 1)
        self.assertEqual(self._count(result, "Bronze", "Bronze"), 1)
        self.assertEqual(sum(cell["customers"] for row in result["cells"] for cell in row), 3)
        # Middle: three orders of 100 and a sent quotation of 40
        self.assertEqual(result["moved"], {"customers": 1, "revenue": 300, "quotations": 1, "quoted": 40})
        self.assertEqual(result["empty"], ["Silver"])
        self.assertEqual(result["directions"], {"up": 1})
        line = self._simulation(draft).line_ids
        self.assertRecordValues(
            line,
            [
                {
                    "partner_id": self.middle.id,
                    "direction": "up",
                    "from_tier_id": self.policy.tier_ids[2].id,
                    "score_before": 58.33,
                    "score_after": 58.33,
                    "revenue": 300,
                    "quotation_count": 1,
                    "quotation_amount": 40,
                }
            ],
        )
        self.assertEqual(line.to_tier_id.name, "Gold")
        lines = line.search(draft.action_simulation_lines()["domain"])
        self.assertEqual(lines, line)
        action = draft.action_simulation_apply()
        self.assertEqual(action["params"]["next"]["res_id"], self.policy.id)
        self.assertEqual(action["params"]["next"]["target"], "main", "no way leads back to what is gone")
        self.assertTiers({self.best: "Platinum", self.middle: "Gold", self.poor: "Bronze", self.asked: False})
        self.assertEqual(self.gold.entry_floor, 55)
        self.assertTrue(self.policy.active)

    def test_what_is_said_counts_moves_that_are_announced_first(self):
        self.policy.upgrade_days = 7
        draft = self._draft(self.policy)
        self._floor(draft, "Gold", 55)  # the middle one, with 58.33 points, rises after 7 days
        message = draft.action_simulation_compute()["params"]["message"]
        self.assertIn("Upgrades: 1, announced first: 1. Downgrades: 0, announced first: 0.", message)

    def test_a_renamed_tier_has_its_new_name_everywhere(self):
        draft = self._draft(self.policy)
        gold = draft.tier_ids.filtered(lambda tier: tier.name == "Gold")
        draft.tier_ids = [Command.update(gold.id, {"name": "Emerald", "entry_floor": 55, "keep_floor": 55})]
        draft.action_simulation_compute()
        self.assertEqual(self._count(draft.simulation_result, "Silver", "Emerald"), 1)
        self.assertEqual(self._simulation(draft).line_ids.to_tier_id.name, "Emerald")

    def test_who_leaves_for_another_policy_is_told_apart(self):
        self.best.is_company = True
        firms = self.policy.copy({"name": "Firms", "partner_domain": "[('is_company', '=', True)]", "sequence": 99})
        draft = self._simulate(self.policy, {"partner_domain": "[('is_company', '=', False), ('name', '!=', 'Poor')]"})
        lines = self._simulation(draft).line_ids
        self.assertEqual(
            {line.partner_id: line.direction for line in lines}, {self.best: "elsewhere", self.poor: "left"}
        )
        draft.action_simulation_apply()
        self.compute(self.today, policy=firms)
        self.assertEqual(self.card(self.best).policy_id, firms)
        self.assertFalse(self.card(self.poor))

    def test_revenue_is_of_twelve_months_net_of_credit_notes_and_in_the_companys_currency(self):
        self.env["account.chart.template"].try_loading("generic_coa", company=self.company, install_demo=False)
        half = self.order(self.middle, amount=50, when=self.noon(self.today, 364))
        half.currency_rate = 0.5
        self.order(self.middle, amount=7, when=self.noon(self.today, 365))  # a day too old
        self.order(self.middle, amount=9, state="cancel", when=self.noon(self.today, 3))
        for days_ago, amount, post in ((10, 20, True), (365, 50, True), (5, 70, False)):
            refund = self.env["account.move"].create(
                {
                    "move_type": "out_refund",
                    "partner_id": self.middle.id,
                    "invoice_date": self.today - timedelta(days=days_ago),
                    "invoice_line_ids": [
                        Command.create({"name": "Return", "quantity": 1, "price_unit": amount, "tax_ids": False})
                    ],
                }
            )
            if post:
                refund.action_post()
        draft = self._draft(self.policy)
        draft.window_days = 30  # has no influence on the revenue shown
        draft.action_simulation_compute()
        line = self._simulation(draft).line_ids.filtered(lambda line: line.partner_id == self.middle)
        # 3 × 100 + 50 / 0.5 − 20; its last order is 40 days ago, so it falls
        self.assertRecordValues(line, [{"direction": "down", "revenue": 380, "quotation_count": 1}])

    def test_a_share_of_the_customers(self):
        draft = self._draft(self.policy)
        shares = zip(draft.tier_ids, (40, 20, 20, 20), strict=True)
        draft.write(
            {
                "method": "customer_share",
                "tier_ids": [Command.update(tier.id, {"share": share}) for tier, share in shares],
            }
        )
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        # Two of the three buyers bought in the window and are compared; before Best are 0 %, before
        # Middle 50 %: the first 40 % and the next 20 %. Poor is below all.
        result = draft.simulation_result
        self.assertEqual(self._count(result, "Silver", "Gold"), 1)
        self.assertEqual(self._count(result, "Platinum", "Platinum"), 1)
        self.assertEqual(self._count(result, "Bronze", "Bronze"), 1)
        self.assertEqual(result["empty"], ["Silver"])

    def test_clusters(self):
        for number in range(3):  # one like Best, two like Poor
            twin = self.new_customer(f"Twin {number}")
            for days_ago in range(0, 100, 10) if not number else (300,):
                self.order(twin, amount=100, when=self.noon(self.today, days_ago))
        self.compute(self.today)
        top, *middle, low = self.policy.tier_ids
        draft = self._draft(self.policy)
        commands = [Command.delete(tier.id) for tier in draft.tier_ids[1:3]]
        draft.write({"method": "clusters", "tier_ids": commands})
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        result = draft.simulation_result
        self.assertEqual([column["name"] for column in result["columns"]], [top.name, low.name, "No tier"])
        self.assertEqual(self._count(result, "Platinum", "Platinum"), 2)
        self.assertEqual(self._count(result, "Bronze", "Bronze"), 3)
        draft.action_simulation_apply()
        self.assertEqual(self.policy.method, "clusters")
        self.assertTiers({self.best: "Platinum", self.poor: "Bronze"})
        self.assertFalse((middle[0] | middle[1]).exists().filtered("active"))

    def test_removed_tiers_and_archived_policies_do_not_disturb(self):
        self.policy.copy({"name": "Former"})  # for all customers too, archived
        self.policy.tier_ids = [Command.delete(self.policy.tier_ids[2].id)]  # stays, archived, for the history
        self.compute(self.today)
        self.assertTiers({self.middle: "Bronze"})
        draft = self._draft(self.policy).with_context(active_test=False)
        self._floor(draft, "Gold", 55)
        draft.action_simulation_compute()
        self.env.invalidate_all()
        names = [row["name"] for row in draft.simulation_result["rows"]]
        self.assertEqual(names, ["Platinum", "Gold", "Bronze", "No tier"])
        draft.action_simulation_apply()
        self.assertTiers({self.best: "Platinum", self.middle: "Gold", self.poor: "Bronze"})

    # ------------------------------------------------------------------
    # No trace
    # ------------------------------------------------------------------

    def test_discarding_leaves_no_trace(self):
        tables = (*RESULTS, *RULES, *SIMULATIONS)
        rows = self._rows(tables)
        draft = self._draft(self.policy)
        top, *_others = draft.tier_ids
        draft.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(
                        top.id, {"condition_ids": [Command.create({"metric_id": self.metric("monetary"), "value": 1})]}
                    ),
                    Command.delete(draft.tier_ids[1].id),
                    Command.delete(draft.tier_ids[2].id),
                    Command.update(draft.tier_ids[3].id, {"sequence": 9}),
                ],
            }
        )
        draft.action_simulation_compute()
        self.assertNotEqual(self._rows(tables), rows)
        action = draft.action_simulation_discard()
        self.assertEqual(action["res_id"], self.policy.id)
        self.assertEqual(self._rows(tables), rows)

    def test_applying_leaves_no_draft(self):
        draft = self._simulate(self.policy, {"window_days": 200})
        draft.action_simulation_apply()
        drafts = self.env["customer.tiering.policy"].with_context(active_test=False)
        self.assertFalse(drafts.search([("is_simulation", "=", True)]))
        self.assertFalse(any(self._rows(SIMULATIONS).values()))
        tiers = self.env["customer.tier"].with_context(active_test=False).search([("company_id", "=", self.company.id)])
        self.assertEqual(tiers.policy_id, self.policy)
        self.assertEqual(self.policy.window_days, 200)

    def test_deleting_the_policy_deletes_its_simulations(self):
        unused = self.policy.copy()
        draft = self._draft(unused)
        draft.action_simulation_compute()
        unused.with_user(self.manager).unlink()
        self.assertFalse(draft.exists())

    def test_simulations_of_a_month_ago_are_forgotten(self):
        old, touched, new = (self._simulate(self.policy) for _number in range(3))
        self.env.flush_all()
        long_ago = datetime.now() - timedelta(days=31)
        simulations = (self._simulation(old) | self._simulation(touched)).ids
        self.env.cr.execute(
            "UPDATE customer_tiering_simulation SET write_date = %s WHERE id = ANY(%s)", [long_ago, simulations]
        )
        self.env.cr.execute("UPDATE customer_tiering_policy SET write_date = %s WHERE id = %s", [long_ago, old.id])
        self.env.invalidate_all()
        self.env["customer.tiering.simulation"]._gc_simulations()
        self.assertFalse(old.exists())
        self.assertEqual((touched | new).exists(), touched | new)

    def test_drafts_are_seen_nowhere_else(self):
        draft = self._draft(self.policy)
        draft.partner_domain = "[('name', '=', 'Best')]"
        for xmlid in ("customer_tiering_policy_action", "customer_tier_action"):
            action = self.env["ir.actions.act_window"]._for_xml_id(f"customer_tiering.{xmlid}")
            domain = ast.literal_eval(action["domain"])
            records = self.env[action["res_model"]].with_context(active_test=False).search(domain)
            self.assertFalse(records & (draft if records._name == draft._name else draft.tier_ids), xmlid)
        settings = self.env["res.config.settings"].create({})
        self.assertEqual((settings.tiering_policy_id, settings.tiering_tier_ids), (self.policy, self.policy.tier_ids))
        arch = self.env["res.partner"].get_view(view_type="search")["arch"]
        for tier in self.policy.tier_ids:
            self.assertIn(f"tiering_tier_id_{tier.id}", arch)
            self.assertEqual(tier.display_name, tier.name)  # one policy is one, so names need no addition
        for tier in draft.tier_ids:
            self.assertNotIn(f'"tiering_tier_id_{tier.id}"', arch)
        expanded = self.env["res.partner"].with_context(read_group_expand=True)
        groups = expanded.web_read_group([], ["tiering_tier_id"])["groups"]
        columns = {group["tiering_tier_id"] and group["tiering_tier_id"][0] for group in groups}
        self.assertEqual(columns, {*self.policy.tier_ids.ids, False})
        # nobody is taken away from the policy, nor from another one
        other = self.other_policy(partner_domain="[('name', 'in', ('Best', 'Poor'))]")
        self.assertEqual((self.policy.population_count, self.policy.unmatched_count), (2, 0))
        self.assertEqual(other.population_count, 2)
        with freeze_time(self.noon(AS_OF, -1)), self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_nightly").method_direct_trigger()
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertFalse(draft.run_ids)
        self.assertEqual(self.policy.run_ids[0].trigger, "nightly")
        self.assertEqual(self.card(self.best).policy_id, other)
        self.assertEqual(self.card(self.middle).policy_id, self.policy)

    # ------------------------------------------------------------------
    # Refusals
    # ------------------------------------------------------------------

    def test_a_policy_changed_meanwhile_is_not_overwritten(self):
        draft = self._simulate(self.policy, {"window_days": 200})
        self.gold.entry_floor = 65
        with self.assertRaisesRegex(UserError, "was changed after this simulation began, so applying it would undo"):
            draft.action_simulation_apply()
        self.assertEqual(self.policy.window_days, 365)
        self.assertTrue(draft.exists())
        draft.action_simulation_discard()

    def test_what_was_not_simulated_is_not_applied(self):
        draft = self._draft(self.policy)
        with self.assertRaisesRegex(UserError, "Simulate the present values first"):
            draft.action_simulation_apply()
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        self.assertEqual(draft.simulation_state, "done")
        self._floor(draft, "Gold", 55)
        draft.invalidate_recordset()
        self.assertEqual(draft.simulation_state, "stale")
        with self.assertRaisesRegex(UserError, "Simulate the present values first"):
            draft.action_simulation_apply()
        self.assertEqual(self.gold.entry_floor, 60)
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        draft.action_simulation_apply()
        self.assertEqual(self.gold.entry_floor, 55)

    def test_a_draft_is_judged_like_a_policy(self):
        draft = self._draft(self.policy)
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"):
            self._floor(draft, "Bronze", 10)

    def test_salespeople_have_no_access(self):
        draft = self._simulate(self.policy, {"window_days": 200})
        policy = self.policy.with_user(self.salesperson)
        with self.assertRaises(AccessError):
            policy.action_simulate()
        everything = self.env["customer.tiering.policy"].with_context(active_test=False)
        self.assertIn(draft, everything.with_user(self.manager).search([]))
        self.assertNotIn(draft, everything.with_user(self.salesperson).search([]))
        for action in ("compute", "apply", "discard", "lines"):
            with self.subTest(action=action), self.assertRaises(AccessError):
                getattr(draft.with_user(self.salesperson), f"action_simulation_{action}")()
        for model in ("customer.tiering.simulation", "customer.tiering.simulation.line"):
            with self.assertRaises(AccessError):
                self.env[model].with_user(self.salesperson).search([])
            records = self.env[model].with_user(self.manager).search([])
            self.assertTrue(records or model.endswith("line"))
            for operation in ("write", "create", "unlink"):  # results are not rewritten
                self.assertFalse(records.has_access(operation))
        self.assertEqual(policy.read(["simulation_state", "simulation_result"])[0]["simulation_result"], False)

    def test_other_companies_see_nothing(self):
        draft = self._simulate(self.policy)
        other = self.env["res.company"].create({"name": "Other Company"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager")
        stranger.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        env = self.env(user=stranger, context={"allowed_company_ids": other.ids, "active_test": False})
        self.assertFalse(env["customer.tiering.simulation"].search([]))
        self.assertFalse(env["customer.tiering.policy"].search([("id", "=", draft.id)]))
        with self.assertRaises(AccessError):
            draft.with_env(env).action_simulation_apply()

    # ------------------------------------------------------------------
    # In the background
    # ------------------------------------------------------------------

    def test_a_large_simulation_is_computed_in_the_background(self):
        draft = self._draft(self.policy)
        self._floor(draft, "Gold", 55)
        with patch("odoo.addons.customer_tiering.models.customer_tiering_policy.DIRECT_ORDER_LIMIT", 0):
            action = draft.action_simulation_compute()
        self.assertIn("You will be told", action["params"]["message"])
        draft.invalidate_recordset()
        self.assertEqual(draft.simulation_state, "waiting")
        self.assertFalse(draft.simulation_result)
        Users = type(self.env["res.users"])
        with patch.object(Users, "_bus_send", autospec=True) as send, self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(draft.simulation_state, "done")
        self.assertEqual(self._count(draft.simulation_result, "Silver", "Gold"), 1)
        (users, kind, payload), _kwargs = send.call_args
        self.assertEqual((users, kind, payload["type"]), (self.manager, "simple_notification", "success"))
        self.assertTiers({self.middle: "Silver"})

    def test_values_changed_while_it_waits_are_those_that_count(self):
        draft = self._draft(self.policy)
        with patch("odoo.addons.customer_tiering.models.customer_tiering_policy.DIRECT_ORDER_LIMIT", 0):
            draft.action_simulation_compute()
        self._floor(draft, "Gold", 55)
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(draft.simulation_state, "done")
        self.assertEqual(self._count(draft.simulation_result, "Silver", "Gold"), 1)


@tagged("post_install", "-at_install")
class TestSimulationExport(SimulatedCustomers, HttpCase):
    def _download(self, draft, login):
        self.authenticate(login, login)
        return self.url_open(f"/customer_tiering/simulation/{draft.id}")

    def test_the_workbook_holds_the_result(self):
        self.middle.name = "=1+1"  # a customer may be called anything
        self.poor.name = "http://example.com"
        draft = self._draft(self.policy)
        self._floor(draft, "Gold", 55)
        self._floor(draft, "Silver", 0.5)
        draft.tier_ids = [Command.update(draft.tier_ids[2].id, {"name": "+Silver"})]
        draft.window_days = 500
        draft.action_simulation_compute()
        draft.invalidate_recordset()
        result = draft.simulation_result
        self.assertEqual(draft.action_simulation_export()["url"], f"/customer_tiering/simulation/{draft.id}")
        response = self._download(draft, "tiering_manager")
        self.assertEqual(response.status_code, 200)
        self.assertIn("spreadsheetml", response.headers["Content-Type"])
        self.assertIn(".xlsx", response.headers["Content-Disposition"])
        workbook = openpyxl.load_workbook(io.BytesIO(response.content))
        matrix, customers = workbook.worksheets
        rows = [[cell for cell in row if cell is not None] for row in matrix.iter_rows(values_only=True)]
        blocks = [row for row in rows if row]
        count = len(result["rows"])
        names = [column["name"] for column in result["columns"]]
        self.assertEqual(len(blocks), 2 * (count + 1))
        for key, block in (("customers", blocks[: count + 1]), ("revenue", blocks[count + 1 :])):
            self.assertEqual(block[0][1:], names)
            for row, cells, line in zip(result["rows"], result["cells"], block[1:], strict=True):
                self.assertEqual(line, [row["name"], *(cell[key] for cell in cells)])
        header, *lines = customers.iter_rows(values_only=True)
        simulation = self._simulation(draft)
        directions = dict(simulation.line_ids._fields["direction"]._description_selection(self.env))
        expected = [
            [
                line.partner_id.name,
                directions[line.direction],
                line.from_tier_id.name,
                line.to_tier_id.name,
                line.score_before,
                line.score_after,
                line.revenue,
                line.quotation_count,
                line.quotation_amount,
            ]
            for line in simulation.line_ids
        ]
        self.assertEqual([[*line[:4], *line[6:11]] for line in lines], expected)
        self.assertEqual({line[0] for line in lines}, {"=1+1", "http://example.com"})
        self.assertEqual(len(header), 12)
        cell = next(cell for cell in customers["A"] if cell.value == "=1+1")
        self.assertEqual(cell.data_type, "s")  # text, not a formula
        self.assertFalse([cell for cell in customers["A"] if cell.hyperlink])

    def test_an_announced_downgrade_has_its_date(self):
        draft = self._draft(self.policy)
        draft.grace_days = 30
        self._floor(draft, "Platinum", 95)
        self._floor(draft, "Silver", 59)
        draft.action_simulation_compute()
        self.authenticate("tiering_manager", "tiering_manager")
        response = self._download(draft, "tiering_manager")
        _matrix, customers = openpyxl.load_workbook(io.BytesIO(response.content)).worksheets
        _header, line = customers.iter_rows(values_only=True)
        day = self.today + timedelta(days=30)
        announced = ("Middle", "Moves down later", "Silver", "Bronze", datetime.combine(day, time()))
        self.assertEqual(line[:5], announced)

    def test_others_are_refused(self):
        draft = self._draft(self.policy)
        self.assertEqual(self._download(draft, "tiering_manager").status_code, 404)  # not computed yet
        draft.action_simulation_compute()
        self.assertEqual(self._download(draft, "tiering_manager").status_code, 200)
        self.assertEqual(self._download(self.policy, "tiering_manager").status_code, 404)  # is none
        with mute_logger("odoo.http"):
            self.assertEqual(self._download(draft, "tiering_salesperson").status_code, 403)
        other = self.env["res.company"].create({"name": "Other Company"})
        self.new_user("tiering_stranger", "sales_team.group_sale_manager").write(
            {"company_ids": [Command.set(other.ids)], "company_id": other.id}
        )
        with mute_logger("odoo.http"):
            self.assertIn(self._download(draft, "tiering_stranger").status_code, (403, 404))
        draft.action_simulation_discard()
        self.assertEqual(self._download(draft, "tiering_manager").status_code, 404)
