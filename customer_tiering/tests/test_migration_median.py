import importlib.util
import json

from odoo.tests import tagged
from odoo.tools import file_path

from .common import AS_OF, TieringCommon


def load():
    path = file_path("customer_tiering/migrations/19.0.1.7.0/pre-10-median.py")
    spec = importlib.util.spec_from_file_location("median_migration", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@tagged("post_install", "-at_install")
class TestMigrationMedian(TieringCommon):
    """A database of before, when limits of money were multiples of the mean order."""

    def _set_back(self, run):
        """Put the old words in the place of the new ones, as they were in the database."""
        self.env.flush_all()
        for table in ("customer_tiering_criterion", "customer_tiering_metric"):
            self.env.cr.execute(f"UPDATE {table} SET band_unit = 'average_order' WHERE band_unit = 'median_order'")
        rules, fitted = run.version_id.rules, run.fitted
        old = json.loads(json.dumps(rules).replace('"median_order"', '"average_order"'))
        del old["edition"]
        fitted["average_order"] = fitted.pop("median_order")
        self.env.cr.execute(
            "UPDATE customer_tiering_policy_version SET rules = %s WHERE id = %s", [json.dumps(old), run.version_id.id]
        )
        self.env.cr.execute("UPDATE customer_tiering_run SET fitted = %s WHERE id = %s", [json.dumps(fitted), run.id])
        self.env.invalidate_all()
        self.env.registry.clear_cache()

    def test_runs_from_before_can_be_read_and_the_next_one_is_quiet(self):
        self.policy.recalibrate_days = 30
        ann = self.buyer("Ann", 10, 20, 30)
        self.buyer("Ben", 40)
        before = self.compute()
        self._set_back(before)
        load().migrate(self.env.cr, "19.0.1.6.0")
        self.env.invalidate_all()
        units = set(self.policy.criterion_ids.filtered(lambda line: line.metric_id.unit == "money").mapped("band_unit"))
        self.assertEqual(units, {"median_order"})
        metrics = self.env["customer.tiering.metric"].search([("unit", "=", "money"), ("key", "=", "average_order")])
        self.assertEqual(metrics.band_unit, "median_order")  # the metric keeps its key
        rules = before.version_id._get_rules()
        self.assertEqual(rules.get_metric("monetary").band_unit, "median_order")
        self.assertIsNone(before._load_fit().median_order)
        self.assertIn("Monetary", self.card(ann).explanation_data["text"])
        # The same rules come to other results, so that is no event in anybody's life.
        after = self.compute(AS_OF)
        self.assertNotEqual(after.version_id, before.version_id)
        self.assertTrue(after.fitted)
