from datetime import date, datetime, time, timedelta

from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user

AS_OF = date(2026, 6, 30)


class TieringCommon(TransactionCase):
    """A company of its own with its default policy, a product and a few ways to say "they bought"."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.env(context=dict(cls.env.context, tracking_disable=True, no_reset_password=True))
        cls.company = cls.env["res.company"].create({"name": "Tiering Company"})
        cls.env.user.company_ids |= cls.company
        cls.env = cls.env(context=dict(cls.env.context, allowed_company_ids=cls.company.ids))
        cls.company = cls.company.with_env(cls.env)
        cls.company.partner_id.tz = "UTC"
        cls.policy = cls.company.tiering_policy_ids
        cls.policy.recalibrate_days = 0  # what a run says depends on no earlier one
        cls.product = cls.env["product.product"].create({"name": "Compact disc", "taxes_id": False})
        cls.salesperson = cls._new_user("tiering_salesperson", "sales_team.group_sale_salesman_all_leads")
        cls.manager = cls._new_user("tiering_manager", "sales_team.group_sale_manager")

    @classmethod
    def _new_user(cls, login, groups, **values):
        return new_test_user(
            cls.env,
            login=login,
            groups=groups,
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
            **values,
        )

    @classmethod
    def _customer(cls, name, **values):
        return cls.env["res.partner"].create({"name": name, **values})

    @classmethod
    def _order(cls, partner, days_ago=0, amount=100.0, state="sale", when=None, **values):
        """An order of ``amount`` (untaxed) placed ``days_ago`` days before AS_OF, at noon UTC."""
        order = cls.env["sale.order"].create(
            {
                "partner_id": partner.id,
                "company_id": cls.company.id,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "product_uom_qty": 1, "price_unit": amount})
                ],
                **values,
            }
        )
        order.write({"state": state, "date_order": when or cls._noon(AS_OF, days_ago)})
        return order

    @classmethod
    def _accounting(cls):
        """Give the company the accounts and journals that credit notes need."""
        cls.env["account.chart.template"].try_loading("generic_coa", company=cls.company, install_demo=False)

    @classmethod
    def _credit_note(cls, partner, days_ago=0, amount=100.0, post=True):
        """A credit note of ``amount`` (untaxed) dated ``days_ago`` days before AS_OF; needs `_accounting`."""
        move = cls.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": partner.id,
                "invoice_date": AS_OF - timedelta(days=days_ago),
                "invoice_line_ids": [
                    Command.create({"name": "Return", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def _noon(cls, day, days_ago):
        return datetime.combine(day - timedelta(days=days_ago), time(12))

    @classmethod
    def _run(cls, policy=None, as_of=AS_OF, **values):
        """Compute a policy and return its run."""
        run = cls.env["customer.tiering.run"]._queue(policy or cls.policy, trigger="manual")
        run.write(values)
        run._compute(as_of=as_of)
        return run

    @classmethod
    def _other_policy(cls, **values):
        """A second policy of the company, for companies, before the default one."""
        firms = {"name": "Firms", "partner_domain": "[('is_company', '=', True)]", "sequence": 1}
        return cls.policy.copy({**firms, **values})

    @classmethod
    def _card(cls, partner, company=None):
        return cls.env["customer.tiering.scorecard"].search(
            [("partner_id", "=", partner.id), ("company_id", "=", (company or cls.company).id)]
        )

    def assertTiers(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{partner: tier name or False}``, all wrong ones reported together."""
        actual = {partner.name: self._card(partner).tier_id.name for partner in expected}
        self.assertEqual(actual, {partner.name: tier for partner, tier in expected.items()})
