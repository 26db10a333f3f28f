from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import SQL

from ..models.customer_tiering_run import LOCK_CLASS
from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestUnchecked(TieringCommon):
    """What foreign keys would do for scorecards and history, and what a digest must not hide."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer, cls.other = cls.new_customer("Ann"), cls.new_customer("Bob")
        cls.order(cls.customer, 10, 500)
        cls.order(cls.other, 200, 20)

    def test_nothing_is_checked_row_by_row(self):
        for table in ("customer_tiering_scorecard", "customer_tier_change"):
            self.env.cr.execute(
                "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", [table]
            )
            self.assertEqual(self.env.cr.fetchall(), [])

    def test_columns_become_empty_when_what_they_refer_to_is_deleted(self):
        parent = self.env["product.category"].create({"name": "All"})
        user = self.new_user("tiering_leaver", "sales_team.group_sale_salesman")
        unreached = self.env["customer.tier"].create(
            {"policy_id": self.policy.id, "name": "Unreached", "entry_floor": 100}
        )
        referred = {
            "top_category_id": self.env["product.category"].create({"name": "Child", "parent_id": parent.id}),
            "top_team_id": self.env["crm.team"].create({"name": "Team"}),
            "pending_tier_id": unreached,
            "next_tier_id": unreached,
        }
        self.compute()
        card, change = self.card(self.customer), self.changes(self.customer)
        card.sudo().write({fname: record.id for fname, record in referred.items()})
        change.sudo().user_id = user
        self.env["customer.tiering.refresh"].with_user(user)._add(self.customer, self.company, "instant")
        waiting = self.env["customer.tiering.refresh"].search([])
        self.assertEqual(waiting.user_id, user)
        self.env.flush_all()
        self.assertEqual(card.next_tier_id.name, "Unreached")
        for record in (parent, referred["top_team_id"], unreached, user):  # the category goes with its parent
            record.unlink()
        self.assertFalse(change.user_id)
        self.assertFalse(waiting.user_id)
        for fname in referred:
            self.assertFalse(card[fname], fname)

    def test_a_deleted_customer_takes_scorecard_and_history_along(self):
        idle = self.new_customer("Cy")
        order = self.order(idle, 5, state="draft")
        self.compute()
        self.assertTrue(self.card(idle))
        self.env["customer.tier.change"].create(
            {
                "partner_id": idle.id,
                "company_id": self.company.id,
                "direction": "new",
                "reason": "first",
                "date": AS_OF,
            }
        )
        order.unlink()
        self.env["customer.tiering.lock"].search([]).unlink()
        self.env["customer.tiering.refresh"]._add(idle | self.customer, self.company, "instant")
        ids = idle.ids
        idle.unlink()
        for model in ("customer.tiering.scorecard", "customer.tier.change", "customer.tiering.refresh"):
            self.assertFalse(self.env[model].search([("partner_id", "in", ids)]))
        self.assertTrue(self.card(self.customer) and self.changes(self.customer))
        self.assertEqual(self.env["customer.tiering.refresh"].search([]).partner_id, self.customer)

    def test_who_waits_and_is_gone_does_not_stop_the_others(self):
        self.compute()
        refresh = self.env["customer.tiering.refresh"]
        newcomer = self.new_customer("Cy")
        self.order(newcomer, 5, 900)
        refresh._add(self.other | newcomer, self.company, "instant")
        self.env.cr.execute(
            "UPDATE customer_tiering_refresh SET partner_id = 2000000000, user_id = 2000000000 WHERE partner_id = %s",
            self.other.ids,
        )
        self.env.invalidate_all()
        self.assertEqual(refresh._process(self.company), 2)
        self.assertTrue(self.card(newcomer))
        self.assertFalse(refresh.search([]))

    def test_what_is_left_of_customers_deleted_elsewhere_goes_at_night(self):
        self.compute()
        card = self.card(self.other)
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET partner_id = 2000000000 WHERE id = %s", card.ids)
        self.env.cr.execute(
            "UPDATE customer_tier_change SET partner_id = 2000000000 WHERE partner_id = %s", self.other.ids
        )
        self.env.invalidate_all()
        self.env["customer.tiering.writer"]._gc_deleted()
        self.assertFalse(card.exists())
        self.assertFalse(self.changes(self.other))
        self.assertTrue(self.card(self.customer) and self.changes(self.customer))

    def test_what_a_run_wrote_meanwhile_goes_after_the_commit(self):
        idle, category = self.new_customer("Cy"), self.env["product.category"].create({"name": "Gone"})
        self.compute()
        gone, old, card = self.card(self.other), idle.id, self.card(self.customer)
        self.env.cr.postcommit.clear()
        idle.unlink()
        category.unlink()
        # What a run that was under way commits then:
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET partner_id = %s WHERE id = %s", [old, gone.id])
        self.env.cr.execute(
            "UPDATE customer_tiering_scorecard SET top_category_id = %s WHERE id = %s", [category.id, card.id]
        )
        with self.enter_registry_test_mode():
            self.env.cr.postcommit.run()
        self.env.invalidate_all()
        self.assertFalse(gone.exists())
        self.assertFalse(card.top_category_id)

    def test_a_deleted_company_takes_all_along(self):
        self.compute()
        company = self.env["res.company"].create({"name": "Short-lived"})
        policy = company.tiering_policy_ids
        order = self.order(self.new_customer("Dan"), 5, state="draft", company_id=company.id)
        run = self.env["customer.tiering.run"]._queue(policy, trigger="manual")
        run._compute(as_of=AS_OF)
        self.assertEqual((order.company_id, run.written_count), (company, 1))
        order.unlink()
        ids = company.ids
        company.unlink()
        for table in ("customer_tiering_scorecard", "customer_tier_change"):
            self.env.cr.execute(SQL("SELECT FROM %s WHERE company_id = ANY(%s)", SQL.identifier(table), ids))
            self.assertFalse(self.env.cr.rowcount)
        self.assertTrue(self.card(self.customer))

    def test_merged_customers_keep_one_scorecard_and_all_history(self):
        self.compute()
        kept, gone = self.other, self.customer
        history = self.changes(kept) | self.changes(gone)
        since = self.card(kept).tier_since
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((kept | gone).ids, kept)
        self.assertFalse(gone.exists())
        self.assertEqual(len(self.card(kept)), 1)
        self.assertEqual(self.card(kept).tier_since, since)
        self.assertEqual(self.changes(kept), history)

    def test_a_merged_customer_without_scorecard_gets_that_of_the_other(self):
        self.compute()
        stranger = self.new_customer("Eve")
        tier = self.card(self.customer).tier_id
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge((stranger | self.customer).ids, stranger)
        self.assertEqual(self.card(stranger).tier_id, tier)

    def test_the_next_run_puts_right_what_was_written_on_a_scorecard(self):
        self.compute()
        card = self.card(self.customer)
        score = card.score
        card.sudo().score = 1
        self.assertEqual(self.compute().written_count, 1)
        self.env.invalidate_all()
        self.assertEqual(card.score, score)
        self.assertEqual(self.compute().written_count, 0)

    def test_who_waits_for_another_policy_keeps_the_explanation(self):
        self.compute()
        card = self.card(self.customer)
        before = card.explanation
        self.assertEqual(list(before), ["recency", "frequency", "monetary"])
        self.policy.copy({"name": "Ann", "partner_domain": f"[('id', '=', {self.customer.id})]", "sequence": 0})
        self.env["customer.tiering.criterion"].create(
            {"policy_id": self.policy.id, "metric_id": self.metric("average_order")}
        )
        self.compute()  # leaves the customer to the policy that has not run yet
        self.env.invalidate_all()
        self.assertEqual(card.policy_id, self.policy)
        self.assertEqual(card.explanation, before)
        self.assertEqual(len(self.card(self.other).explanation), 4)

    def test_other_weights_are_told_to_who_has_no_points(self):
        prospect = self.new_customer("Cy")
        self.order(prospect, 5, state="draft")
        self.compute()
        self.policy.criterion_ids[0].weight = 7
        run = self.compute()
        self.assertEqual(self.card(prospect).run_id, run)
        self.assertEqual(self.card(prospect).explanation["recency"], [None, 0, 7, 0])

    def test_a_policy_whose_tier_an_order_remembers_is_not_deleted(self):
        order = self.order(self.customer, 5, state="draft")
        tier = self.policy.tier_ids[0]
        order.sudo().tiering_tier_id = tier
        tier.active = False
        self.assertFalse(self.changes(self.customer))
        with self.assertRaisesRegex(UserError, "Archive it"):
            self.policy.unlink()

    def test_a_metric_that_nobody_uses_any_more_becomes_empty(self):
        criterion = self.env["customer.tiering.criterion"].create(
            {"policy_id": self.policy.id, "metric_id": self.metric("contact_decay")}
        )
        self.customer.message_post(body="Hello", message_type="comment")
        self.env["mail.message"].search(
            [("model", "=", "res.partner"), ("res_id", "=", self.customer.id)]
        ).date = self.noon(AS_OF, 1)
        self.compute()
        card = self.card(self.customer)
        self.assertTrue(card.contact_decay)
        criterion.unlink()
        self.compute()
        self.env.invalidate_all()
        self.env.cr.execute("SELECT contact_decay FROM customer_tiering_scorecard WHERE id = %s", card.ids)
        self.assertEqual(self.env.cr.fetchone(), (None,))

    def test_nothing_that_scorecards_refer_to_is_deleted_during_a_run(self):
        segment = self.env["customer.segment"].create({"name": "Own", "code": "own"})
        with self.registry.cursor() as other:  # a run of the same company
            other.execute(SQL("SELECT pg_try_advisory_xact_lock(%s, %s)", LOCK_CLASS, self.company.id))
            self.assertEqual(other.fetchone(), (True,))
            for record in (self.policy.tier_ids[0], segment, self.policy):
                with self.subTest(record=record), self.assertRaises(UserError):
                    record.unlink()
        segment.unlink()
        self.assertFalse(segment.exists())
