from odoo.tests import tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestCopies(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("de_DE")

    def assertCopied(self, record, german):  # noqa: N802 - like unittest's own
        """A copy has a name of its own, in each language, and can be copied again."""
        record.with_context(lang="de_DE").name = german
        copy = record.copy()
        again = record.copy()
        self.assertEqual(copy.name, f"{record.name} (copy)")
        self.assertEqual(copy.with_context(lang="de_DE").name, f"{german} (Kopie)")
        self.assertTrue(again.exists())
        return copy

    def test_a_segment(self):
        segment = self.env["customer.segment"].create({"name": "Odd", "code": "odd", "advice": "Call"})
        copy = self.assertCopied(segment, "Seltsam")
        self.assertEqual((copy.advice, copy.code), ("Call", "odd_2"))

    def test_a_metric(self):
        metric = self.env["customer.tiering.metric"].create(
            {"name": "Per order", "origin": "ratio", "part_column": "amount", "whole_column": "order_count"}
        )
        self.assertCopied(metric, "Je Auftrag")

    def test_a_kind_of_need(self):
        self.assertCopied(self.env["customer.tiering.need.kind"].create({"name": "Odd"}), "Seltsam")

    def test_a_motive(self):
        self.assertCopied(self.env["customer.tiering.motive"].create({"name": "Odd"}), "Seltsam")

    def test_a_policy_and_a_playbook(self):
        self.assertCopied(self.policy, "Regeln")
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": "Greet",
                "policy_id": self.policy.id,
                "trigger": "up",
                "assign": "user",
                "user_id": self.salesperson.id,
            }
        )
        self.assertCopied(playbook, "Grüßen")
