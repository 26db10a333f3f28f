import psycopg2

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import TieringCommon

RUN_LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_run"


IMPOSSIBLE = (psycopg2.errors.CheckViolation, ValidationError)


@tagged("post_install", "-at_install")
class TestBadInput(TieringCommon):
    """What a policy cannot be, said in a sentence; and what happens to one that became unusable."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.edited = cls.policy.with_user(cls.manager)

    def _impossible(self, action):
        """The rules or the database refuse it; a person reads the sentence of either."""
        try:
            with mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                action()
                self.env.flush_all()
        except IMPOSSIBLE:
            return
        self.fail("It was accepted.")

    def test_a_typed_number_is_judged_before_the_database_does(self):
        """Which logs an error and names nothing."""
        judged = 0
        for model in self.env.registry.values():
            ranges = getattr(model, "_typed_ranges", None) or {}
            for fname, (least, most) in ranges.items():
                for number in (least - 1, *([] if most is None else [most + 1])):
                    judged += 1
                    with self.assertRaisesRegex(ValidationError, f"{number:,g}"):
                        self.env[model._name].create([{fname: number}])
        self.assertGreater(judged, 20)

    def test_what_is_typed_twice_is_said_before_the_database_logs_an_error(self):
        """These tests fail on an error in the log, so nothing is muted here."""
        recency = self.metric("recency")
        frequency = self.policy.criterion_ids.filtered(lambda line: line.metric_id.key == "frequency")
        with self.assertRaisesRegex(ValidationError, "Default policy uses Recency already"):
            self.edited.criterion_ids = [Command.create({"metric_id": recency})]
        with self.assertRaisesRegex(ValidationError, "Default policy uses Recency already"):
            self.edited.criterion_ids = [Command.update(frequency.id, {"metric_id": recency})]
        tenure = {"metric_id": self.metric("tenure")}
        with self.assertRaisesRegex(ValidationError, "uses Days since first order already"):
            self.edited.criterion_ids = [Command.create(tenure), Command.create(tenure)]
        with self.assertRaisesRegex(ValidationError, "Another metric has the key “recency” already"):
            self.env["customer.tiering.metric"].create({"key": "recency", "name": "Mine"})
        with self.assertRaisesRegex(ValidationError, "Another segment has the code “loyal” already"):
            self.env["customer.segment"].create({"code": "loyal", "name": "Mine"})
        # A line may leave and come back in one go.
        lines = self.edited.criterion_ids.filtered(lambda line: line.metric_id.id == recency)
        self.edited.criterion_ids = [Command.delete(lines.id), Command.create({"metric_id": recency})]
        self.assertEqual(len(self.edited.criterion_ids), 3)

    # ------------------------------------------------------------------
    # For whom
    # ------------------------------------------------------------------

    def test_two_policies_for_all_customers_are_refused(self):
        copy = self.edited.copy()
        self.assertFalse(copy.active)
        self.assertRefused("“Default policy” is already for all customers", {"active": True}, copy)
        for empty in ("[]", " [] "):
            with self.assertRaisesRegex(ValidationError, "is already for all customers"), self.env.cr.savepoint():
                self.edited.copy({"active": True, "partner_domain": empty})
        firms = self.edited.copy({"partner_domain": "[('is_company', '=', True)]"})
        self.assertTrue(firms.active)
        self.assertRefused("so “Default policy \\(copy\\)” would never get one", {"partner_domain": "[]"}, firms)
        firms.write({"partner_domain": "[]", "active": False})
        self.edited.active = False
        copy.active = True  # the only one

    def test_another_companys_policy_for_all_customers_does_not_matter(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.assertTrue(other.tiering_policy_ids.active)
        copy = self.policy.copy({"company_id": other.id})
        self.assertFalse(copy.active)

    # ------------------------------------------------------------------
    # Floors and shares
    # ------------------------------------------------------------------

    def test_staying_cannot_ask_for_more_than_entering(self):
        self._impossible(lambda: self.gold.write({"keep_floor": 60.01}))
        self._impossible(lambda: self.edited.write({"tier_ids": [Command.update(self.gold.id, {"keep_floor": 79})]}))
        with (
            mute_logger("odoo.sql_db"),
            self.assertRaises(ValidationError),
            self.env.cr.savepoint(),
            Form(self.edited) as form,
            form.tier_ids.edit(1) as line,
        ):
            line.keep_floor = 61
        with self.assertRaisesRegex(ValidationError, "“Stays Down To” of Gold is 0 or more"), self.env.cr.savepoint():
            self.gold.keep_floor = -1
        self.assertEqual(self.gold.keep_floor, 60)

    def test_keep_floors_rise_with_the_tiers(self):
        message = "Gold stays down to 35 and Silver only to 40. A higher tier must not be easier to keep"
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            self.gold.keep_floor = 35
        self.assertRefused(message, {"tier_ids": [Command.update(self.gold.id, {"keep_floor": 35})]})
        with (
            self.assertRaisesRegex(ValidationError, message),
            self.env.cr.savepoint(),
            Form(self.edited) as form,
            form.tier_ids.edit(1) as line,
        ):
            line.keep_floor = 35
        # both in one go
        self.edited.tier_ids = [
            Command.update(self.gold.id, {"keep_floor": 35}),
            Command.update(self.silver.id, {"keep_floor": 35}),
        ]
        self.assertEqual(self.compute().state, "done")

    def test_shares_add_up_to_a_hundred(self):
        def shares(*numbers):
            return {
                "method": "customer_share",
                "tier_ids": [
                    Command.update(tier.id, {"share": share})
                    for tier, share in zip(self.policy.tier_ids, numbers, strict=True)
                ],
            }

        self.assertRefused("The shares of the tiers add up to 99%", shares(10, 20, 30, 39))
        self.assertRefused("The shares of the tiers add up to 100.01%", shares(10, 20, 30, 40.01))
        self.assertRefused("Bronze: give each tier a share above 0%", shares(20, 40, 40, 0))
        self._impossible(lambda: self.gold.write({"share": 101}))
        self._impossible(lambda: self.gold.write({"share": -1}))
        self.edited.write(shares(14.29, 28.57, 28.57, 28.57))
        with self.assertRaisesRegex(ValidationError, "The shares of the tiers add up to 95.71%"):
            self.gold.share = 24.28

    def test_the_form_proposes_shares(self):
        with Form(self.edited) as form:
            form.method = "customer_share"
        self.assertEqual(self.policy.tier_ids.mapped("share"), [10, 20, 40, 30])
        with Form(self.edited) as form:
            form.method = "revenue_share"  # there are shares already
        self.assertEqual(self.policy.tier_ids.mapped("share"), [10, 20, 40, 30])

    # ------------------------------------------------------------------
    # Conditions
    # ------------------------------------------------------------------

    def _with_conditions(self, *tiers, **values):
        condition = Command.create({"metric_id": self.metric("monetary"), "value": 100, **values})
        return {
            "method": "conditions",
            "tier_ids": [Command.update(tier.id, {"condition_ids": [condition]}) for tier in tiers],
        }

    def test_every_tier_but_the_lowest_has_a_condition(self):
        self.assertRefused(
            "Silver has no condition, so nobody would be below it", self._with_conditions(self.platinum, self.gold)
        )
        self.assertRefused(
            "Bronze is the lowest tier and takes all",
            self._with_conditions(self.platinum, self.gold, self.silver, self.bronze),
        )
        self.edited.write(self._with_conditions(self.platinum, self.gold, self.silver))
        with self.assertRaisesRegex(ValidationError, "Gold has no condition"), self.env.cr.savepoint():
            self.gold.condition_ids.unlink()
        with self.assertRaisesRegex(ValidationError, "Bronze is the lowest tier"), self.env.cr.savepoint():
            self.bronze.condition_ids = [Command.create({"metric_id": self.metric("monetary"), "value": 1})]

    def test_staying_by_a_condition_cannot_ask_for_more(self):
        tiers = (self.platinum, self.gold, self.silver)
        self.assertRefused("asks for more than entering it", self._with_conditions(*tiers, keep_value=101))
        self.assertRefused(
            "asks for more than entering it",
            self._with_conditions(*tiers, metric_id=self.metric("recency"), value=30, keep_value=29),
        )
        self.edited.write(self._with_conditions(*tiers, metric_id=self.metric("recency"), value=30, keep_value=60))
        self.assertEqual(self.compute().state, "done")

    def test_a_condition_is_of_its_tiers_policy(self):
        other = self.other_policy()
        condition = self.env["customer.tier.condition"].create({"tier_id": other.tier_ids[0].id, "value": 1})
        self.assertEqual(condition.policy_id, other)

    # ------------------------------------------------------------------
    # Clusters
    # ------------------------------------------------------------------

    def test_more_clusters_than_customers_who_differ(self):
        customers = [self.new_customer(f"C{number}") for number in range(6)]
        for number, customer in enumerate(customers):
            self.order(customer, 10, 100 if number % 2 else 900)
        self.edited.write({"method": "clusters", "min_population": 1})  # nothing is known yet
        run = self.compute()
        self.assertEqual(run.state, "done")
        self.assertIn("who differ from each other: only 2, fewer than there are tiers", run.note)
        # the highest tiers stay empty
        self.assertTiers({customers[0]: "Silver", customers[1]: "Bronze"})
        # the next night finds the same
        again = self.compute()
        self.assertEqual((again.state, again.note, again.written_count), ("done", run.note, 0))
        # who edits the policy is told
        message = "Customers who differ from each other: only 2, too few for 4 clusters"
        self.assertRefused(message, {"grace_days": 3})
        self.edited.method = "score"
        self.assertRefused(message, {"method": "clusters"})
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint(), Form(self.edited) as form:
            form.method = "clusters"
        self.edited.write(
            {
                "method": "clusters",
                "tier_ids": [Command.delete(self.platinum.id), Command.delete(self.gold.id)],
            }
        )
        self.assertFalse(self.compute().note)

    # ------------------------------------------------------------------
    # Numbers
    # ------------------------------------------------------------------

    def test_the_numbers_of_the_lifecycle(self):
        message = "must be more than 1 usual gap and less than “Lost After”"
        for values in (
            {"lifecycle_late": 1},
            {"lifecycle_late": 4},
            {"lifecycle_lost": 2},
            {"lifecycle_late": -3, "lifecycle_lost": -2},
        ):
            self.assertRefused(message, values)
        for number in (0, -5, 101):
            self.assertRefused("at most 100%, which is all of the amount", {"lifecycle_falling": number})
        for number in (0, -5, 901):
            self.assertRefused("at most 900%, the most that is measured", {"lifecycle_growing": number})
        self.assertRefused("needs at least 1 day with orders", {"lifecycle_exploring_days": 0})
        self.edited.write(
            {"lifecycle_late": 5, "lifecycle_lost": 6, "lifecycle_falling": 100, "lifecycle_growing": 900}
        )

    def test_days_are_not_negative(self):
        for fname in ("grace_days", "stay_days", "protection_days", "recalibrate_days", "min_population"):
            self._impossible(lambda fname=fname: self.edited.write({fname: -1}))
        self._impossible(lambda: self.gold.write({"grace_days": -1}))

    # ------------------------------------------------------------------
    # A filter of customers that cannot be read any more
    # ------------------------------------------------------------------

    def _break(self, policy):
        """As when the module whose field the filter names was uninstalled."""
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE customer_tiering_policy SET partner_domain = %s WHERE id = %s",
            ["[('x_gone', '=', True)]", policy.id],
        )
        self.env.invalidate_all()

    def _nightly(self, policies):
        runs = self.env["customer.tiering.run"]._queue(policies, trigger="nightly")
        with self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_process_queue").method_direct_trigger()
        self.env.invalidate_all()
        return runs.sorted(lambda run: policies.ids.index(run.policy_id.id))

    def test_customers_of_a_policy_that_cannot_be_read_stay_as_they_are(self):
        firms = self.other_policy()
        firm, ann = self.new_customer("Firm", is_company=True), self.new_customer("Ann")
        for partner in (firm, ann):
            self.order(partner, 5)
        self.compute(policy=firms)
        self.compute()
        before = self.card(firm).read()
        self._break(firms)
        later = self.new_customer("Later Firm", is_company=True)
        self.order(later, 5)
        with self.assertLogs(RUN_LOGGER, "ERROR"):
            failed, done = self._nightly(firms | self.policy)
        self.assertEqual((failed.state, done.state), ("failed", "done"))
        self.assertRegex(failed.error, "The customer filter of policy “Firms” cannot be read any more .*x_gone")
        self.assertIn("Its customers keep their tiers. Choose the conditions again.", failed.error)
        self.assertEqual(self.card(firm).read(), before)
        self.assertEqual(self.card(ann).policy_id, self.policy)
        self.assertEqual(self.card(later).policy_id, self.policy)  # nobody else claims it
        self.assertEqual(done.left_count, 0)
        # repaired, all is as before
        firms.partner_domain = "[('is_company', '=', True)]"
        self.compute(policy=firms)
        self.assertEqual((self.card(firm).policy_id, self.card(later).policy_id), (firms, firms))

    def test_a_form_shows_a_policy_that_cannot_be_read(self):
        firms = self.other_policy()
        firm = self.new_customer("Firm", is_company=True)
        self.order(firm, 5)
        self.compute(policy=firms)
        self._break(firms)
        self.assertEqual((firms.population_count, self.policy.population_count), (1, 0))
        form = Form(firms)
        self.assertEqual(form.population_count, 1)
        form.partner_domain = "[('is_company', '=', False)]"
        self.assertEqual((form.population_count, form.unmatched_count), (0, 0))

    # ------------------------------------------------------------------
    # How many match, while somebody types
    # ------------------------------------------------------------------

    def test_the_form_counts_who_matches(self):
        for number in range(3):
            self.order(self.new_customer(f"Firm {number}", is_company=True))
        for number in range(2):
            self.order(self.new_customer(f"Ann {number}"))
        self.new_customer("Never ordered", is_company=True)
        self.other_policy(sequence=5)
        with Form(self.edited) as form:
            self.assertEqual((form.population_count, form.unmatched_count), (2, 0))
            form.partner_domain = "[('name', '=', 'Ann 1')]"
            self.assertEqual((form.population_count, form.unmatched_count), (1, 1))
            form.partner_domain = "['|', ('name', '=', 'Ann 1'), ('is_company', '=', True)]"
            self.assertEqual((form.population_count, form.unmatched_count), (1, 1))  # the firms are taken
        self.assertEqual((self.policy.population_count, self.policy.unmatched_count), (1, 1))
        self.edited.sequence = 1  # before the firms'
        self.assertEqual((self.policy.population_count, self.policy.unmatched_count), (4, 1))

    def test_the_form_of_a_new_policy_counts_who_matches(self):
        self.order(self.new_customer("Firm", is_company=True))
        self.order(self.new_customer("Ann"))
        form = Form(self.env["customer.tiering.policy"].with_user(self.manager))
        self.assertEqual((form.population_count, form.unmatched_count), (0, 0))  # the default one has them all
        form.partner_domain = "[('is_company', '=', True)]"
        self.assertEqual(form.population_count, 0)
        self.policy.sequence = 20  # a new one has 10
        form = Form(self.env["customer.tiering.policy"].with_user(self.manager))
        form.partner_domain = "[('is_company', '=', True)]"
        self.assertEqual((form.population_count, form.unmatched_count), (1, 0))
        form.partner_domain = "[('no_such_field', '=', 1)]"  # typed, not saved
        self.assertEqual(form.population_count, 0)

    def test_the_counts_are_those_of_the_run(self):
        firms = self.other_policy(sequence=5, partner_domain="[('name', 'like', 'Firm')]")
        for number in range(3):
            self.order(self.new_customer(f"Firm {number}"))
        self.order(self.new_customer("Ann"))
        self.assertEqual(firms.population_count, self.compute(policy=firms).customer_count)
        self.assertEqual(self.policy.population_count, self.compute().customer_count)
        self.assertEqual((firms.population_count, self.policy.population_count), (3, 1))
