from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from .common import AS_OF, TieringCommon

RUN_LOGGER = "odoo.addons.customer_tiering.models.customer_tiering_run"


@tagged("post_install", "-at_install")
class TestCheck(TieringCommon):
    """Ann is there twice: with five orders of 100 each, of the last 50 days. Fixed bands decide: see test_run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.tiering_check_data = True
        cls.checks = cls.env["customer.tiering.check"]
        days = range(0, 50, 10)
        cls.ann = cls.buyer("Ann Smith", *days, vat="DE 123.456.789", zip="10115")
        cls.twin = cls.buyer("Smith, Ann Mary", *days, vat="DE123456789")
        cls.others = [cls.buyer(f"Customer {number}", 40) for number in range(3)]
        for partner in (cls.ann, cls.twin, *cls.others):
            partner.user_id = cls.salesperson

    def look(self, days=0):
        self.checks._look(self.company, AS_OF + timedelta(days=days))
        return self.checks.search([("company_id", "=", self.company.id)])

    def found(self, kind, days=0):
        return self.look(days).filtered(lambda check: check.kind == kind and check.state == "open")

    # ------------------------------------------------------------------
    # Duplicates
    # ------------------------------------------------------------------

    def test_duplicates_and_the_tier_that_they_would_have_together(self):
        """Apart: 0 days are 100 points, 5 orders 75, 500 = 5 median orders 75: 82.5 or so; together 10 orders."""
        first = self.found("duplicate")
        self.assertEqual((first.partner_ids, first.evidence, first.number), (self.ann | self.twin, "vat", 2))
        self.assertFalse(first.tier_id)  # nothing was computed yet
        self.compute()
        check = self.found("duplicate")
        self.assertEqual(check, first)
        # The same tier as that of one customer who has bought all of it.
        one = self.buyer("One", *range(0, 50, 10), *range(0, 50, 10))
        self.env["customer.tiering.refresh"]._add(one, self.company, "instant")
        with freeze_time(self.noon(AS_OF)):
            self.env["customer.tiering.refresh"]._process(self.company)
        self.assertEqual(check.tier_id, self.card(one).tier_id)
        apart = self.card(self.ann).tier_id
        self.assertNotEqual(check.tier_id, apart)
        self.assertEqual(check.problem, "The same VAT number.")
        self.assertEqual(check.effect, f"Now: {apart.name} and {apart.name}. Together: {check.tier_id.name}.")
