import json
from datetime import date, datetime, timedelta

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import file_open

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestGolden(TieringCommon):
    """The golden table through orders, SQL, engine and scorecards; the arithmetic is in the file."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with file_open("customer_tiering/tests/golden.json") as file:
            cls.golden = json.load(file)
        cls.as_of = date.fromisoformat(cls.golden["as_of"])
        cls.env["account.chart.template"].try_loading("generic_coa", company=cls.company, install_demo=False)
        cls.partners = {}
        for row in cls.golden["transactions"]:
            when = datetime.fromisoformat(row["date"]) + timedelta(hours=12)
            cls.order(cls._partner(row["customer"]), amount=row["amount"], when=when)
        for name in cls.golden["prospects"]:
            cls.order(cls._partner(name), state="draft")
        for row in cls.golden["credit_notes"]:
            line = {"name": "Return", "price_unit": row["amount"], "tax_ids": False}
            cls.env["account.move"].create(
                {
                    "move_type": "out_refund",
                    "partner_id": cls._partner(row["customer"]).id,
                    "invoice_date": row["date"],
                    "invoice_line_ids": [Command.create(line)],
                }
            ).action_post()
        cls.policy.criterion_ids.method = "percentile"
        for criterion in cls.policy.criterion_ids:
            criterion.weight = cls.golden["policy"]["weights"][criterion.metric_id.key]
        cls.policy.window_days = cls.golden["window_days"]
        cls.policy.tier_ids = [
            Command.clear(),
            *(
                Command.create({"name": tier["name"], "entry_floor": tier["floor"]})
                for tier in cls.golden["policy"]["tiers"]
            ),
        ]

    @classmethod
    def _partner(cls, name):
        if name not in cls.partners:
            cls.partners[name] = cls.new_customer(name)
        return cls.partners[name]

    def _check(self, section):
        expected = self.golden["expected"][section]
        self.policy.min_population = expected["min_population"]
        run = self.compute(self.as_of)
        self.assertEqual(run.fitted["population"], expected["population"])
        facts = self.golden["expected"]["percentile"]["customers"]  # the same in both sections
        for name, scored in expected["customers"].items():
            values = {**facts[name], **scored}
            card = self.card(self.partners[name])
            with self.subTest(customer=name, why=values["why"]):
                bought = values["recency_days"] is not None
                self.assertEqual(bool(card.last_order_date), bought)
                if bought:
                    self.assertEqual((self.as_of - card.last_order_date).days, values["recency_days"])
                self.assertEqual(card.order_count, values["order_count"])
                self.assertEqual(card.amount, round(values["amount"], 2))
                self.assertEqual(card.average_order, round(values["average_order"] or 0, 2))
                self.assertEqual(card.gap_median_days, round(values["gap_median_days"] or 0, 1))
                for metric in ("recency", "frequency", "monetary"):
                    self.assertEqual(card[f"{metric}_score"], values[f"{metric}_score"] or 0)
                    if bought:
                        points = card.explanation[metric][1]
                        self.assertAlmostEqual(points, values["points"][metric], delta=0.05001)  # one decimal
                self.assertEqual(card.score, round(values["score"], 2))
                self.assertEqual(card.segment_id.code, values["segment"])
                self.assertEqual(card.tier_id.name or None, values["tier"])

    def test_percentiles(self):
        self._check("percentile")

    def test_bands(self):
        self._check("bands")
