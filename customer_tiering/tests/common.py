from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import TransactionCase, new_test_user

AS_OF = date(2026, 6, 30)
# Rules by which tiers follow the scores at once; companies start with calmer ones.
PLAIN = {"grace_days": 0, "enter_margin": 0, "upgrade_days": 0, "at_once_margin": 0, "skip_idle_days": False}


class TieringCommon(TransactionCase):
    """A company of its own with its default policy and a product, and what its tests say of customers.

    Days are counted back from AS_OF, the day on which policies are computed unless a test says otherwise.
    """

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
        # What a run says depends on no earlier one.
        cls.policy.write({"recalibrate_days": 0, **PLAIN})
        for tier in cls.policy.tier_ids:
            tier.keep_floor = tier.entry_floor
        cls.product = cls.env["product.product"].create({"name": "Compact disc", "taxes_id": False})
        cls.salesperson = cls.new_user("tiering_salesperson", "sales_team.group_sale_salesman_all_leads")
        cls.manager = cls.new_user("tiering_manager", "sales_team.group_sale_manager")

    # ------------------------------------------------------------------
    # Who there is, and what they did
    # ------------------------------------------------------------------

    @classmethod
    def new_user(cls, login, groups, company=None, **values):
        """A user of ``company``, that of the tests when left out, in ``groups`` (external ids with commas between)."""
        company = company or cls.company
        return new_test_user(
            cls.env,
            login=login,
            groups=groups,
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
            **values,
        )

    @classmethod
    def new_customer(cls, name, **values):
        """A contact who has bought nothing yet."""
        return cls.env["res.partner"].create({"name": name, **values})

    @classmethod
    def buyer(cls, name, *days, amount=100.0, **values):
        """A contact with an order of ``amount`` on each of the ``days`` before AS_OF."""
        partner = cls.new_customer(name, **values)
        for ago in days:
            cls.order(partner, ago, amount)
        return partner

    @classmethod
    def order(cls, who, days=0, amount=100.0, state="sale", when=None, **values):
        """An order of ``amount`` (untaxed) placed ``days`` days before AS_OF at noon, or at ``when`` (UTC)."""
        order = cls.env["sale.order"].create(
            {
                "partner_id": who.id,
                "company_id": cls.company.id,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "product_uom_qty": 1, "price_unit": amount})
                ],
                **values,
            }
        )
        order.write({"state": state, "date_order": when or cls.noon(AS_OF, days)})
        return order

    @classmethod
    def accounting(cls):
        """Give the company the accounts and journals that credit notes need."""
        cls.env["account.chart.template"].try_loading("generic_coa", company=cls.company, install_demo=False)

    @classmethod
    def credit_note(cls, who, days=0, amount=100.0, post=True):
        """A credit note of ``amount`` (untaxed) dated ``days`` days before AS_OF; needs `accounting`."""
        move = cls.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": who.id,
                "invoice_date": AS_OF - timedelta(days=days),
                "invoice_line_ids": [
                    Command.create({"name": "Return", "quantity": 1, "price_unit": amount, "tax_ids": False})
                ],
            }
        )
        if post:
            move.action_post()
        return move

    @classmethod
    def noon(cls, day, days=0):
        """The moment (UTC, as the database has it) at noon, ``days`` days before ``day``."""
        return datetime.combine(day - timedelta(days=days), time(12))

    def reset_registry(self):
        """Forget fields that the test adds, once the database has forgotten them; other classes would read them."""
        self._cleanups.insert(0, (self.registry.reset_changes, (), {}))  # the last to be called

    # ------------------------------------------------------------------
    # What the addon makes of them
    # ------------------------------------------------------------------

    @classmethod
    def other_policy(cls, **values):
        """A second policy of the company, for companies, before the default one."""
        firms = {"name": "Firms", "partner_domain": "[('is_company', '=', True)]", "sequence": 1}
        return cls.policy.copy({**firms, **values})

    @classmethod
    def metric(cls, key):
        """The id of a metric."""
        return cls.env["customer.tiering.metric"].search([("key", "=", key)]).id

    @classmethod
    def compute(cls, day=AS_OF, policy=None, **values):
        """Compute a policy (the default one) as of ``day``; return its run, which has ``values``."""
        run = cls.env["customer.tiering.run"]._queue(policy or cls.policy, trigger="manual")
        run.write(values)
        run._compute(as_of=day)
        return run

    @classmethod
    def compute_after(cls, days, **values):
        """Compute the default policy ``days`` days after AS_OF; return its run."""
        return cls.compute(AS_OF + timedelta(days=days), **values)

    @classmethod
    def card(cls, who, company=None):
        """The scorecard of a customer in a company (the test's own), empty where there is none."""
        return cls.env["customer.tiering.scorecard"].search(
            [("partner_id", "=", who.id), ("company_id", "=", (company or cls.company).id)]
        )

    @classmethod
    def changes(cls, who):
        """All changes of a customer's tier, the last one first."""
        return cls.env["customer.tier.change"].search([("partner_id", "=", who.id)])

    @contextmanager
    def parts_of(self, size):
        """Until the end, whatever is larger is computed in parts of ``size`` contacts."""
        Run = type(self.env["customer.tiering.run"])
        with (
            patch.object(Run, "_get_part_size", lambda self: size),
            patch.object(Run, "_get_part_border", lambda self: size),
        ):
            yield

    # ------------------------------------------------------------------
    # What must be so
    # ------------------------------------------------------------------

    def assertTiers(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{partner: tier name or False}``, all wrong ones reported together."""
        actual = {partner.name: self.card(partner).tier_id.name for partner in expected}
        self.assertEqual(actual, {partner.name: tier for partner, tier in expected.items()})

    def assertRefused(self, message, values, policy=None):  # noqa: N802 - like unittest's own
        """A manager cannot write ``values`` on a policy (the default one) and reads why: ``message``, a regex."""
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            (policy or self.policy).with_user(self.manager).write(values)
            self.env.flush_all()
