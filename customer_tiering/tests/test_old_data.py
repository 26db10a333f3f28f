from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestOldData(TieringCommon):
    """Whatever imports and old migrations have left in the database: nothing of ours makes a person's own work fail."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accounting()
        cls.stray = cls.new_customer("As a raw import left it")
        cls.of_stray = cls.new_customer("Its contact", parent_id=cls.stray.id)
        cls.other = cls.buyer("Other", 10)
        # A company of nobody, and a contact whose company belongs to nobody.
        cls._forget_commercial(cls.stray)
        cls.policy.upgrade_when = "instant"

    @classmethod
    def _forget_commercial(cls, partners):
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE res_partner SET commercial_partner_id = NULL WHERE id = ANY(%s)", [partners.ids])
        cls.env.invalidate_all()

    def _waiting(self):
        return self.env["customer.tiering.refresh"].search([("company_id", "=", self.company.id)]).partner_id

    def _quotation(self, who):
        return self.order(who, state="draft")

    def _do_all(self, who):
        """What people do with a contact, in the words of the ORM; each step must pass."""
        order = self._quotation(who)
        order.action_confirm()
        order._action_cancel()
        move = self.credit_note(who)
        move.button_draft()
        who.message_post(body="Hello", message_type="comment")
        activity = who.activity_schedule("mail.mail_activity_data_call", summary="Call", user_id=self.env.uid)
        activity.action_feedback("Done")
        self.env["calendar.event"].create(
            {"name": "Visit", "start": AS_OF, "stop": AS_OF, "partner_ids": [Command.link(who.id)]}
        )
        self.env.flush_all()
        self.env.invalidate_all()
        who.read(["tiering_tier_id", "tiering_explanation", "tiering_price_source", "property_product_pricelist"])

    def test_work_with_a_contact_of_nobody_goes_on(self):
        self.compute()
        self._do_all(self.stray)
        self.assertFalse(self._waiting())
        # Its contact, who belongs to it as before, waits as the customer that there is not, and then no more.
        self._do_all(self.of_stray)
        self.assertEqual(self._waiting(), self.stray)
        self.env["customer.tiering.refresh"]._process(self.company)
        self.assertFalse(self._waiting() or self.card(self.stray))

    def test_work_goes_on_without_anything_of_ours(self):
        # Somebody has deleted the jobs and archived the policy, and the time zone is no zone any more.
        for name in ("nightly", "process_queue", "refresh", "followup"):
            self.env.ref(f"customer_tiering.ir_cron_{name}").unlink()
        self.env.cr.execute("UPDATE res_partner SET tz = 'Mars/Crater' WHERE id = %s", [self.company.partner_id.id])
        self.env.invalidate_all()
        self.policy.active = False
        self._do_all(self.other)
        self._do_all(self.stray)

    def test_an_order_of_several_customers_queues_those_there_are(self):
        orders = self._quotation(self.stray) | self._quotation(self.other)
        self.env["customer.tiering.refresh"].search([]).unlink()
        orders.action_confirm()
        self.assertEqual(self._waiting(), self.other)

    def test_merging_contacts_of_nobody_goes_on(self):
        self.compute()
        self.order(self.stray, 5)
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((self.stray | self.other).ids, dst_partner=self.other)
        self.assertFalse(self.stray.exists())
        target = self.new_customer("Target")
        self._forget_commercial(target)
        wizard._merge((self.other | target).ids, dst_partner=target)
        self.assertFalse(self.other.exists())

    def test_a_run_says_what_it_could_not_place(self):
        self.order(self.stray, 5)
        self.order(self.of_stray, 5)  # of somebody who belongs to nobody
        for days in (6, 7):
            self.order(self.stray, days)
        self.order(self.stray, 5, state="cancel")  # no dealing
        note = self.compute().hints or ""
        self.assertIn("Orders or invoices that count for nobody: 4.", note)
        self.assertIn("As a raw import left it", note)
        self.assertIn("Its contact", note)
        # And what it says to do helps.
        self.stray.is_company = True
        self.assertNotIn("count for nobody", self.compute().hints or "")
        self.assertEqual(self.card(self.stray).order_count, 4)

    def test_a_run_names_a_few_and_counts_the_others(self):
        many = self.env["res.partner"].create([{"name": f"Stray {number}"} for number in range(7)])
        for partner in many:
            self.order(partner, 5)
        self._forget_commercial(many)
        self.assertRegex(self.compute().hints or "", "count for nobody: 7.*Stray 0, Stray 1, .*Stray 4,? and 2 more")

    def test_strays_without_orders_are_no_matter(self):
        self.assertNotIn("count for nobody", self.compute().hints or "")

    def test_where_there_is_none_it_costs_one_look(self):
        self.stray.is_company = True
        run = self.compute()
        scope = self.policy._get_scope(AS_OF)
        self.env.flush_all()
        with self.assertQueryCount(1):
            self.assertFalse(run._find_strays(scope))
