import json

import numpy as np
import pandas as pd

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged

from .. import engine
from .common import TieringCommon

# What the browser counts, beside what the engine does, which the test has asked.
CODE = """
(async () => {
    const { getTiers } = odoo.loader.modules.get("@customer_tiering/live/live_tiers");
    for (const { name, method, points, amount, bought, weights, tiers, expected } of %s) {
        const arrays = {
            points: points.map((values) => Float32Array.from(values.map((value) => value ?? NaN))),
            amount: Float64Array.from(amount),
            bought: Uint8Array.from(bought),
        };
        const found = JSON.stringify(getTiers(method, arrays, weights, tiers).map((tier) => tier.customers));
        if (found !== JSON.stringify(expected)) {
            console.error(`${name}: ${found} instead of ${JSON.stringify(expected)}`);
            return;
        }
    }
    console.log("test successful");
})();
"""


@tagged("post_install", "-at_install")
class TestLive(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.live = cls.env["customer.tiering.live"].with_user(cls.manager)
        for number in range(6):
            cls.buyer(f"Buyer {number}", 10 * number, 10 * number + 5, amount=100 * (number + 1))
        cls.compute()

    def test_who_reckons_has_the_points_of_the_last_run(self):
        self.new_customer("Never bought")
        data = self.live.get_data(self.policy.id)
        self.assertEqual(data["customers"], 6)
        self.assertEqual([tier["floor"] for tier in data["tiers"]], self.policy.tier_ids.mapped("entry_floor"))
        self.assertEqual(len(data["points"]), len(self.policy.criterion_ids))

    def test_what_cannot_be_reckoned_says_why(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.manager.company_ids |= other
        with self.assertRaisesRegex(UserError, "Compute it first"):
            self.live.with_context(allowed_company_ids=other.ids).get_data(other.tiering_policy_ids.id)
        self.policy.criterion_ids.create({"policy_id": self.policy.id, "metric_id": self.metric("tenure"), "weight": 1})
        with self.assertRaisesRegex(UserError, "Compute it first"):
            self.live.get_data(self.policy.id)
        self.policy.basis_id = self.metric("frequency")
        with self.assertRaisesRegex(UserError, "simulate it instead"):
            self.live.get_data(self.policy.id)
        with self.assertRaisesRegex(UserError, "deleted"):
            self.live.get_data(0)

    def test_only_managers(self):
        for act in (lambda live: live.get_data(self.policy.id), lambda live: live.use(self.policy.id, {}, False)):
            with self.assertRaises(AccessError):
                act(self.env["customer.tiering.live"].with_user(self.salesperson))

    def test_use_these_numbers(self):
        gold = self.policy.tier_ids[1]
        weighed = self.policy.criterion_ids[0]
        values = {"floors": {str(gold.id): 65.5}, "weights": {str(weighed.id): 2.5}}
        self.assertFalse(self.live.use(self.policy.id, values, False))
        self.assertEqual((gold.entry_floor, weighed.weight), (65.5, 2.5))
        with self.assertRaises(ValidationError):
            self.live.use(self.policy.id, {"floors": {str(gold.id): 99}}, False)
            self.env.flush_all()

    def test_simulate_them(self):
        gold = self.policy.tier_ids[1]
        weighed = self.policy.criterion_ids[0]
        before = (gold.entry_floor, weighed.weight)
        values = {"floors": {str(gold.id): 65.5}, "weights": {str(weighed.id): 2.5}}
        action = self.live.use(self.policy.id, values, True)
        draft = self.env["customer.tiering.policy"].browse(action["res_id"])
        self.assertEqual((draft.tier_ids[1].entry_floor, draft.criterion_ids[0].weight), (65.5, 2.5))
        self.assertEqual((gold.entry_floor, weighed.weight), before)


@tagged("post_install", "-at_install")
class TestLiveInTheBrowser(HttpCase, TieringCommon):
    def test_the_browser_counts_as_the_engine(self):
        rng = np.random.default_rng(7)
        cases = []
        for number in range(12):
            count, criteria = int(rng.integers(1, 400)), int(rng.integers(1, 5))
            # Quarters are exact in whatever the browser reckons with.
            points = rng.integers(0, 401, (criteria, count)) / 4
            if number % 3 == 0:
                points[rng.random(points.shape) < 0.1] = np.nan
            weights = rng.integers(1, 5, criteria).astype(float).tolist()
            amount = (rng.integers(-20, 400, count) * (rng.random(count) < 0.8)).astype(float)
            bought = rng.random(count) < 0.9
            floors, shares = [80.0, 50.0, 20.0, 0.0], [10.0, 20.0, 30.0, 40.0]
            cases += [
                {
                    "name": f"{number} {method}",
                    "method": method,
                    "points": [[None if np.isnan(value) else value for value in row] for row in points],
                    "amount": amount.tolist(),
                    "bought": bought.astype(int).tolist(),
                    "weights": weights,
                    "tiers": [{"floor": floor, "share": share} for floor, share in zip(floors, shares, strict=True)],
                    "expected": self._count(method, points.T, weights, amount, bought, floors, shares),
                }
                for method in ("score", "customer_share", "revenue_share")
            ]
        ready = "odoo.isReady === true && !!document.querySelector('.o_action_manager .o_view_controller')"
        self.browser_js("/odoo/customer-tiering", CODE % json.dumps(cases), ready=ready, login="admin")

    def _count(self, method, points, weights, amount, bought, floors, shares):
        """Ask the engine: the number of customers of each tier, the highest first."""
        score = engine.explain.total(points, weights)
        if method == "score":
            place = np.searchsorted(floors[::-1], score, side="right") - 1
        else:
            values = pd.Series(amount if method == "revenue_share" else score)
            compared = values[bought & ((values > 0) | (method != "revenue_share"))]
            sizes = compared if method == "revenue_share" else compared * 0 + 1.0
            cuts = engine.tiers.share_cuts(compared, sizes, shares[::-1], higher_is_better=True)
            place = sum((values >= cut).astype(int) if cut is not None else values * 0 for cut in cuts[1:]).astype(int)
        return np.bincount(place, minlength=len(floors))[::-1].tolist()
