from odoo.tests import HttpCase, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestOtherPrograms(TieringCommon, HttpCase):
    """What ``docs/administration.md`` says about JSON-2, with a real key of a salesperson."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 5, 20)
        cls.ben = cls.buyer("Ben", 200)
        cls.compute()

    def setUp(self):
        super().setUp()
        user = self.salesperson
        self.key = self.env["res.users.apikeys"].with_user(user).sudo()._generate("rpc", "Warehouse", None)

    def call(self, model, method, **arguments):
        answer = self.url_open(
            f"/json/2/{model}/{method}",
            json={**arguments, "context": {"allowed_company_ids": self.company.ids}},
            headers={"Authorization": f"Bearer {self.key}", "X-Odoo-Database": self.env.cr.dbname},
            timeout=60,
        )
        self.assertEqual(answer.status_code, 200, answer.text)
        return answer.json()

    def read_changes(self, last_id, limit=2):
        return self.call(
            "customer.tier.change",
            "search_read",
            domain=[["company_id", "=", self.company.id], ["id", ">", last_id]],
            fields=["partner_id", "from_tier_id", "to_tier_id", "date", "reason"],
            order="id",
            limit=limit,
        )

    def test_scorecards_are_read_by_a_key(self):
        rows = self.call(
            "customer.tiering.scorecard",
            "search_read",
            domain=[["company_id", "=", self.company.id], ["id", ">", 0]],
            fields=["partner_id", "tier_id", "score", "last_order_date"],
            order="id",
            limit=1000,
        )
        self.assertEqual([row["partner_id"] for row in rows], [[self.ann.id, "Ann"], [self.ben.id, "Ben"]])
        self.assertEqual(rows[0]["tier_id"][0], self.card(self.ann).tier_id.id)
        self.assertEqual(rows[0]["score"], self.card(self.ann).score)

    def test_changes_are_read_with_a_cursor_each_once(self):
        seen, last_id = [], 0
        while rows := self.read_changes(last_id, limit=1):
            seen += rows
            last_id = rows[-1]["id"]
        self.assertEqual({row["partner_id"][0] for row in seen}, {self.ann.id, self.ben.id})
        self.assertFalse(self.read_changes(last_id))
        self.order(self.ben, 0, 5_000)
        self.order(self.ben, 1, 5_000)
        self.compute(AS_OF)
        rows = self.read_changes(last_id)
        self.assertEqual([row["partner_id"][0] for row in rows], self.changes(self.ben)[0].partner_id.ids)
        self.assertEqual(rows[0]["to_tier_id"][0], self.card(self.ben).tier_id.id)

    def test_a_key_sees_no_more_than_its_person(self):
        self.env["ir.rule"].create(
            {
                "name": "Not Ben",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": [("id", "!=", self.ben.id)],
            }
        )
        self.assertEqual({row["partner_id"][0] for row in self.read_changes(0, limit=10)}, {self.ann.id})
