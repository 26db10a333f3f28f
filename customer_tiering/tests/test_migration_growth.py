import importlib.util
import json

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import file_path

from .common import TieringCommon


def load():
    path = file_path("customer_tiering/migrations/19.0.1.6.0/post-20-growth.py")
    spec = importlib.util.spec_from_file_location("growth_migration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@tagged("post_install", "-at_install")
class TestMigrationGrowth(TieringCommon):
    """A database of before, when growth was 100 (late - early) / (late + early).

    What is there is written by SQL as it was then, migrated, and nobody moves.
    """

    #: name: (amount in the later half, in the earlier half, growth of before, growth now)
    BUYERS = {
        "Gone": (0, 100, -100, -100),
        "Half": (50, 100, -33.333333, -50),
        "Same": (100, 100, 0, 0),
        "Quarter": (125, 100, 11.111111, 25),
        "Double": (200, 100, 33.333333, 100),
        "Ninefold": (900, 100, 80, 800),
        "New": (100, 0, 100, 900),
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.migration = load()
        cls.buyers = {name: cls.new_customer(name) for name in cls.BUYERS}
        for name, (late, early, *_growth) in cls.BUYERS.items():
            for amount, days in ((late, (10, 20)), (early, (300, 310))):
                for days_ago in days if amount else ():
                    cls.order(cls.buyers[name], days_ago, amount / 2)
        cls.policy.write(
            {
                "recalibrate_days": 30,
                "min_population": 1,
                "lifecycle_falling": 66.66,  # what 50 was: a third is left
                "lifecycle_growing": 66.66,  # what 25 was: 125 of 75
                "lifecycle_exploring_days": 1,
                "lifecycle_late": 40,  # nobody is late
                "lifecycle_lost": 50,
            }
        )

    # ------------------------------------------------------------------
    # A database of before
    # ------------------------------------------------------------------

    def _age(self, fits=True):
        """Make what is there what it was: the policies and all that runs kept of growth."""
        self.env.flush_all()
        cr = self.env.cr
        cr.execute("UPDATE customer_tiering_policy SET lifecycle_falling = 50, lifecycle_growing = 25")
        for table in ("customer_tiering_criterion", "customer_tier_condition"):
            # Metrics have become records since.
            cr.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS old_metric varchar")
        criteria = (
            self.env["customer.tiering.criterion"].search([]).filtered(lambda line: line.metric_id.key == "growth")
        )
        cr.execute(
            """
            UPDATE customer_tiering_criterion
               SET old_metric = 'growth', band_1 = -50, band_2 = -10, band_3 = 10, band_4 = 50
             WHERE id = ANY(%s)
            """,
            [criteria.ids],
        )
        conditions = (
            self.env["customer.tier.condition"].search([]).filtered(lambda line: line.metric_id.key == "growth")
        )
        cr.execute(
            "UPDATE customer_tier_condition SET old_metric = 'growth', value = 30, keep_value = 10 WHERE id = ANY(%s)",
            [conditions.ids],
        )
        for name, (_late, _early, old, _new) in self.BUYERS.items():
            card = self.card(self.buyers[name])
            cr.execute(
                "UPDATE customer_tiering_scorecard SET growth = %s, digest = 1 WHERE id = %s", [round(old, 1), card.id]
            )
            metrics = self.policy.criterion_ids.metric_id.mapped("key")
            if "growth" in metrics:
                parts = json.loads(card.parts)
                parts[metrics.index("growth")][0] = old
                cr.execute(
                    "UPDATE customer_tiering_scorecard SET parts = %s WHERE id = %s", [json.dumps(parts), card.id]
                )
        if fits:
            self._age_fits()
        self._forget()
        for version in self.env["customer.tiering.policy.version"].search([("policy_id", "=", self.policy.id)]):
            version.rules = self.policy._get_rules_values()
        self.env.flush_all()

    def _age_fits(self):
        old = {new: old for _late, _early, old, new in self.BUYERS.values()}
        for run in self.policy.run_ids.filtered("fitted"):
            fitted = run.fitted
            if scale := fitted["scales"].get("growth"):
                scale["knots"] = [old[round(knot)] for knot in scale["knots"]]
            if fitted["tiers"]["basis"] == "growth":
                fitted["tiers"]["cuts"] = [cut and old[round(cut)] for cut in fitted["tiers"]["cuts"]]
            run.fitted = fitted
        self.env.flush_all()

    def _forget(self):
        """As in a server that has just begun."""
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def _migrate(self):
        self.env.flush_all()
        self.migration.migrate(self.env.cr, "19.0.1.5.0")
        self._forget()

    def _criteria(self, **values):
        return {
            "criterion_ids": [
                Command.clear(),
                Command.create({"metric_id": self.metric("recency"), "sequence": 1}),
                Command.create({"metric_id": self.metric("growth"), "sequence": 2, **values}),
            ]
        }

    def _seen(self):
        """Return what everybody is: ``{name: (tier, score, stage)}``."""
        cards = {name: self.card(partner) for name, partner in self.buyers.items()}
        return {name: (card.tier_id.name, card.score, card.lifecycle) for name, card in cards.items()}

    def _assert_kept(self, before):
        """The next run keeps the comparison of before and moves nobody."""
        first = self.policy.last_run_id
        self.assertEqual(self.policy._get_rules_values(), self.policy.version_ids.rules)
        run = self.compute()
        self.assertEqual(run.calibration_id, first)
        self.assertEqual(self._seen(), before)
        self.assertFalse(run.change_ids)
        self.assertEqual((run.drift, len(self.policy.version_ids)), (0, 1))

    # ------------------------------------------------------------------
    # Tests
    # ------------------------------------------------------------------

    def test_the_numbers_by_hand(self):
        convert = self.migration
        for falling, expected in (
            (50, 66.66),  # a third is left: 66.666…
            (100, 100),
            (20, 33.33),  # 80 of 120: 33.333…
            (0.01, 0.01),
        ):
            self.assertEqual(convert.convert_falling(falling), expected)
        for limit, at_least, at_most in (
            (25, 66.66, 66.67),  # 125 of 75
            (50, 200, 200),  # 150 of 50
            (-10, -18.19, -18.18),  # 90 of 110: -18.1818…
            (-100, -100, -100),
            (0, 0, 0),
            (80, 800, 800),
            (90, 900, 900),  # 1900, and more than 900 is not measured
            (100, 900, 900),
            (120, 920, 920),  # out of reach, as before
            (None, None, None),
        ):
            self.assertEqual(convert.convert_limit(limit), at_least)
            self.assertEqual(convert.convert_limit(limit, "<="), at_most)
        self.assertEqual(convert.convert_bands([-50, -10, 10, 50]), [-66.67, -18.19, 22.22, 200])
        # Three of them are 900 and more now: whoever reached one still does.
        self.assertEqual(convert.convert_bands([50, 85, 90, 100]), [200, 899.98, 899.99, 900])

    def test_a_score_by_rank_of_growth(self):
        self.policy.write(self._criteria())
        self.compute()
        before = self._seen()
        self._age()
        self._migrate()
        policy, cards = self.policy, {name: self.card(partner) for name, partner in self.buyers.items()}
        self.assertEqual((policy.lifecycle_falling, policy.lifecycle_growing), (66.66, 66.66))
        criterion = policy.criterion_ids[1]
        self.assertEqual(criterion._get_bands(), (-66.67, -18.19, 22.22, 200))
        # Rounded twice: 100 (100 - 33.3) / (100 + 33.3) - 100, 111.1 / 88.9, 133.3 / 66.7
        growth = {name: card.growth for name, card in cards.items()}
        self.assertEqual(
            growth,
            {"Gone": -100, "Half": -50, "Same": 0, "Quarter": 25, "Double": 99.9, "Ninefold": 800, "New": 900},
        )
        for name, (_late, _early, _old, new) in self.BUYERS.items():
            self.assertAlmostEqual(cards[name].explanation["growth"][0], new, 4, name)
        knots = policy.last_run_id.fitted["scales"]["growth"]["knots"]
        for knot, (_late, _early, _old, new) in zip(knots, self.BUYERS.values(), strict=True):
            self.assertAlmostEqual(knot, new, 3)
            self.assertLessEqual(knot, new)  # so that it is still reached
        # -33.3 and 11.1 before were neither a fall of 50 nor a growth of 25; 33.3 was.
        stages = {name: stage for name, (_tier, _score, stage) in before.items()}
        self.assertEqual((stages["Gone"], stages["Half"]), ("declining", "stable"))
        self.assertEqual((stages["Quarter"], stages["Double"]), ("stable", "forming"))
        self._assert_kept(before)
        self.assertEqual(self.card(self.buyers["Double"]).growth, 100)

    def test_a_score_by_bands_of_growth(self):
        bands = {"band_1": -66.67, "band_2": -18.19, "band_3": 22.22, "band_4": 200}
        self.policy.write(self._criteria(method="bands", **bands))
        self.compute()
        before = self._seen()
        # 0 to 100 points by the bands of before: below -50, below -10, below 10, below 50
        self.assertEqual(
            {name: self.card(partner).explanation["growth"][1] for name, partner in self.buyers.items()},
            {"Gone": 0, "Half": 25, "Same": 50, "Quarter": 75, "Double": 75, "Ninefold": 100, "New": 100},
        )
        self._age(fits=False)
        for run in self.policy.run_ids:
            fitted = run.fitted
            fitted["scales"]["growth"]["knots"] = [-50, -10, 10, 50]
            run.fitted = fitted
        self._migrate()
        self.assertEqual(
            self.policy.last_run_id.fitted["scales"]["growth"]["knots"], list(self.policy.criterion_ids[1]._get_bands())
        )
        self._assert_kept(before)

    def test_a_share_of_the_customers_by_growth(self):
        tiers = [
            Command.create({"name": name, "sequence": place, "share": share})
            for place, (name, share) in enumerate(zip("ABC", (20, 40, 40), strict=True), 1)
        ]
        self.policy.write(
            {"method": "customer_share", "basis_id": self.metric("growth"), "tier_ids": [Command.clear(), *tiers]}
        )
        self.compute()
        before = self._seen()
        # Of 7 customers 20 % are 1.4: who begins below is in, so two; 60 % are 4.2
        self.assertEqual("".join(tier for tier, _score, _stage in before.values()), "CCBBBAA")
        self._age()
        self._migrate()
        cuts = self.policy.last_run_id.fitted["tiers"]["cuts"]
        self.assertEqual(cuts, [None, -0.000001, 799.999975])  # of -0.0000005 and 79.9999995
        self._assert_kept(before)

    def test_conditions_on_growth(self):
        condition = {"metric_id": self.metric("growth"), "operator": ">=", "value": 85.71, "keep_value": 22.22}
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.clear(),
                    Command.create({"name": "A", "sequence": 1, "condition_ids": [Command.create(condition)]}),
                    Command.create({"name": "B", "sequence": 2}),
                ],
            }
        )
        self.compute()
        before = self._seen()
        self.assertEqual("".join(tier for tier, _score, _stage in before.values()), "BBBBAAA")
        self._age()
        condition = self.policy.condition_ids
        self.assertEqual((condition.value, condition.keep_value), (30, 10))
        self._migrate()
        # 130 of 70 are 85.714…, 110 of 90 are 22.222…
        self.assertEqual((condition.value, condition.keep_value), (85.71, 22.22))
        self._assert_kept(before)

    def test_clusters_by_growth_are_found_anew(self):
        tiers = [Command.create({"name": name, "sequence": place}) for place, name in enumerate("AB", 1)]
        self.policy.write({"method": "clusters", "tier_ids": [Command.clear(), *tiers], **self._criteria()})
        first = self.compute()
        self._age(fits=False)
        self._migrate()
        self.assertFalse(first.fitted)
        self.assertEqual(self.policy.lifecycle_falling, 66.66)
        # Nothing to score by until the next run.
        before = self._seen()
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.buyers["New"], self.company, "instant")
        refresh._process(self.company)
        self.assertEqual(self._seen(), before)
        run = self.compute()
        self.assertEqual(run.calibration_id, run)
        self.assertEqual(self.policy.version_ids.mapped("number"), [2, 1])  # other rules: playbooks are held back
        self.assertEqual(run.version_id.rules, self.policy._get_rules_values())

    def test_a_simulation_goes_on(self):
        self.policy.write(self._criteria())
        self.compute()
        draft = self.env["customer.tiering.policy"].browse(self.policy.action_simulate()["res_id"])
        draft.action_simulation_compute()
        simulation = draft._get_simulation()
        self._age()
        for fname, policy in (("base_rules", self.policy), ("draft_rules", draft)):
            simulation[fname] = policy._get_simulated_values()
        self._migrate()
        self.assertEqual(draft.simulation_state, "done")
        self.assertEqual(simulation.base_rules, self.policy._get_simulated_values())
        self.assertEqual(simulation.base_rules["rules"]["lifecycle"]["falling"], 66.66)
        draft.action_simulation_apply()
        self.assertEqual(self.policy.lifecycle_falling, 66.66)
