from odoo.exceptions import AccessError, ValidationError
from odoo.tests import tagged

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestProposedCredit(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.anna = cls.buyer("Anna", 10, amount=3650)
        cls.compute()
        cls.tier = cls.card(cls.anna).tier_id

    def propose(self, **values):
        self.tier.write(values)
        return self.card(self.anna).proposed_credit

    def test_it_is_so_many_average_months(self):
        """3,650 of 365 days are 304.17 a month."""
        self.assertEqual(self.propose(), 0)
        self.assertEqual(self.propose(credit_months=2), 608.33)

    def test_it_stays_within_floor_and_ceiling(self):
        self.assertEqual(self.propose(credit_months=2, credit_floor=1000), 1000)
        self.assertEqual(self.propose(credit_months=2, credit_floor=0, credit_ceiling=500), 500)
        with self.assertRaisesRegex(ValidationError, "more than"):
            self.propose(credit_floor=600)
        with self.assertRaises(ValidationError):
            self.tier.with_user(self.manager).write({"credit_months": -1})

    def test_who_may_set_limits_takes_it_over(self):
        """Nothing is on the contact until then."""
        self.propose(credit_months=2)
        card = self.card(self.anna)
        self.assertFalse(self.anna.credit_limit)
        with self.assertRaises(AccessError):
            card.with_user(self.manager).action_tiering_use_credit()
        card.action_tiering_use_credit()
        self.assertEqual(self.anna.credit_limit, 608.33)

    def test_where_none_is_proposed_the_limit_stays(self):
        self.anna.credit_limit = 700
        self.propose(credit_months=0)
        self.card(self.anna).action_tiering_use_credit()
        self.assertEqual(self.anna.credit_limit, 700)
