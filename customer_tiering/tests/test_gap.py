from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tools import SQL

from .common import AS_OF, TieringCommon


class GapCommon(TieringCommon):
    """Bought every 30 days until 100 days ago: stopped. The quantities are 2, 4 and 6, at 10.00."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.gaps = cls.env["customer.tiering.gap"]
        cls.policy.look_for_gaps = True
        cls.ann = cls.new_customer("Ann")
        cls.bottle = cls.new_product("Bottle")
        for ago, quantity in ((160, 2), (130, 4), (100, 6)):
            cls.bought(cls.ann, cls.bottle, ago, quantity)
        cls.bought(cls.ann, cls.product, 3)

    @classmethod
    def new_product(cls, name, **values):
        category = cls.env["product.category"].create({"name": f"All {name}"})
        return cls.env["product.product"].create(
            {"name": name, "taxes_id": False, "categ_id": category.id, "list_price": 10, **values}
        )

    @classmethod
    def bought(cls, who, product, ago, quantity=1, **values):
        line = {"product_id": product.id, "product_uom_qty": quantity, "price_unit": 10, **values}
        return cls.order(who, ago, order_line=[Command.create(line)])


class TestGap(GapCommon):
    def find(self, days=0):
        self.gaps._find(self.company, AS_OF + timedelta(days=days))
        return self.gaps.search([("company_id", "=", self.company.id)])

    def stopped(self, days=0):
        return self.find(days).filtered(lambda gap: gap.product_id and gap.state == "open")

    def test_a_stopped_product(self):
        gap = self.stopped()
        self.assertEqual((gap.partner_id, gap.product_id, gap.kind), (self.ann, self.bottle, "stopped"))
        self.assertEqual(gap.last_day, AS_OF - timedelta(days=100))
        self.assertEqual((gap.usual_gap, gap.usual_quantity, gap.yearly_worth), (30, 4, 120))
        category = self.find().filtered("category_id")
        self.assertEqual((category.category_id, category.yearly_worth), (self.bottle.categ_id, 120))

    def test_quantities_are_in_the_unit_of_the_product(self):
        jar = self.new_product("Jar")
        for ago in (160, 130, 100):
            self.bought(self.ann, jar, ago, 2, product_uom_id=self.env.ref("uom.product_uom_dozen").id)
        self.assertEqual(self.stopped().filtered(lambda gap: gap.product_id == jar).usual_quantity, 24)

    def test_what_is_not_confirmed_was_not_bought(self):
        self.bought(self.ann, self.bottle, 10).state = "draft"
        self.assertEqual(self.stopped().product_id, self.bottle)
        self.bought(self.ann, self.bottle, 10)
        self.assertFalse(self.stopped())

    def test_invoices(self):
        self.accounting()
        self.policy.revenue_from = "invoice"
        for ago, quantity in ((90, 1), (80, 3), (70, 8)):
            move = self.env["account.move"].create(
                {
                    "move_type": "out_invoice",
                    "partner_id": self.ann.id,
                    "invoice_date": AS_OF - timedelta(days=ago),
                    "invoice_line_ids": [
                        Command.create(
                            {"product_id": self.bottle.id, "quantity": quantity, "price_unit": 7, "tax_ids": False}
                        )
                    ],
                }
            )
            move.action_post()
        gap = self.stopped()
        self.assertEqual((gap.usual_gap, gap.usual_quantity, gap.yearly_worth), (10, 3, 84))
        self.policy.revenue_from = "order_invoice"  # both: every 20 days or so, 6 purchases
        self.assertEqual(self.stopped().yearly_worth, 204)

    def test_what_came_back_was_not_bought(self):
        """A bottle comes along with other goods and goes back ten days ago; the others are kept."""
        self.accounting()
        self.product.invoice_policy = self.bottle.invoice_policy = "order"
        line = {"product_uom_qty": 1, "price_unit": 10, "tax_ids": False}
        both = [Command.create({**line, "product_id": product.id}) for product in (self.product, self.bottle)]
        ben = self.new_customer("Ben")
        for who in (self.ann, ben):
            invoice = self.order(who, 20, order_line=both)._create_invoices()
            invoice.invoice_date = AS_OF - timedelta(days=20)
            invoice.action_post()
            note = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=10)}])
            note.invoice_line_ids.filtered(lambda line: line.product_id == self.product).unlink()
            note.action_post()
        self.assertFalse(self.stopped(-11))
        self.assertEqual(self.stopped().product_id, self.bottle)
        for source in ("order", "invoice", "order_invoice"):
            self.policy.revenue_from = source
            for ago, products in ((11, self.product | self.bottle), (10, self.product)):
                found = self.env["customer.tiering.reader"]._read_goods(
                    self.policy._get_scope(AS_OF - timedelta(days=ago), ben.ids)
                )
                self.assertEqual(set(found["product"].tolist()), set(products.ids), (source, ago))

    def test_another_run_changes_nothing(self):
        before = self.find()
        self.assertEqual(self.find(), before)

    def test_what_is_bought_again_is_no_gap(self):
        self.find()
        self.bought(self.ann, self.bottle, 0)
        self.assertFalse(self.find())

    def test_not_needed_stays_until_it_is_bought(self):
        gap = self.stopped().with_user(self.salesperson)
        with self.assertRaisesRegex(UserError, "why Ann does not need Bottle"):
            gap.action_not_needed()
        gap.reason = "Has a tap"
        gap.action_not_needed()
        self.assertEqual((gap.user_id, gap.date), (self.salesperson, self.company._get_tiering_today()))
        self.assertFalse(self.stopped(7))
        self.assertEqual(gap.reason, "Has a tap")
        self.bought(self.ann, self.bottle, -10)
        self.assertFalse(self.stopped(20))
        self.assertFalse(gap.exists())
        self.assertEqual(self.stopped(300).product_id, self.bottle)

    def test_needed_after_all(self):
        gap = self.stopped()
        gap.reason = "Has a tap"
        gap.action_not_needed()
        gap.action_needed()
        self.assertEqual(self.stopped(), gap)

    def test_people_cannot_say_what_was_bought(self):
        gap = self.stopped().with_user(self.salesperson)
        gap.write({"yearly_worth": 1e6, "usual_quantity": 99, "reason": "No"})
        self.assertEqual((gap.yearly_worth, gap.usual_quantity, gap.reason), (120, 4, "No"))
        with self.assertRaises(AccessError):
            gap.unlink()

    def test_what_is_not_sold_is_not_proposed(self):
        other = self.env["res.company"].create({"name": "Other"})
        for values in ({"sale_ok": False}, {"active": False}, {"company_id": other.id}):
            with self.subTest(values):
                product = self.new_product("Gone")
                for ago in (160, 130, 100):
                    self.bought(self.ann, product, ago)
                # The company past Odoo's check, which refuses it for what was sold.
                self.env.flush_all()
                ((name, value),) = values.items()
                self.env.cr.execute(
                    SQL(
                        "UPDATE product_template SET %s = %s WHERE id = %s",
                        SQL.identifier(name),
                        value,
                        product.product_tmpl_id.id,
                    )
                )
                self.env.invalidate_all()
                self.assertNotIn(product, self.stopped().product_id)

    def test_what_is_no_longer_sold_is_no_longer_shown(self):
        gap = self.stopped()
        self.assertIn(gap, self.gaps._get_of(self.ann, self.company)[self.ann.id])
        self.bottle.sale_ok = False
        self.assertNotIn(gap, self.gaps._get_of(self.ann, self.company).get(self.ann.id, self.gaps))

    def test_missing(self):
        peers = [self.new_customer(f"Peer {number}") for number in range(10)]
        jar = self.new_product("Jar")
        for number, peer in enumerate(peers):
            self.bought(peer, self.bottle, 5)
            self.bought(peer, self.product, 5)
            if number < 7:
                self.bought(peer, jar, 5, number + 1)
        missing = self.find().filtered(lambda gap: gap.kind == "missing" and gap.partner_id == self.ann)
        self.assertEqual(missing.category_id, jar.categ_id)
        self.assertEqual((missing.buyer_share, missing.yearly_worth, missing.last_day), (0.7, 40, False))

    def test_the_job_looks_only_where_it_is_wanted(self):
        cron = self.env["ir.cron"]
        day = patch.object(type(self.company), "_get_tiering_today", lambda company: AS_OF)
        with day, patch.object(type(cron), "_commit_progress", lambda *args, **kwargs: 1):
            self.gaps._cron_find()
            self.assertEqual(self.gaps.search([("product_id", "!=", False)]).product_id, self.bottle)
            self.policy.look_for_gaps = False
            self.assertFalse(self.gaps._get_of(self.ann, self.company))
            self.gaps._cron_find()
        self.assertFalse(self.gaps.search([]))

    def test_without_customers(self):
        self.env["sale.order"].search([("company_id", "=", self.company.id)]).state = "cancel"
        self.assertFalse(self.find())

    def test_my_customers(self):
        self.new_customer("Bob")
        self.find()
        partners = self.env["res.partner"].with_user(self.salesperson)
        self.assertEqual(partners.search([("tiering_gap_count", ">", 0)]), self.ann)
        self.assertEqual(partners.browse(self.ann.id).tiering_gap_count, 2)  # the product and its category

    def test_the_scorecard(self):
        self.compute()
        gap = self.stopped()
        self.assertIn(gap, self.card(self.ann).with_user(self.salesperson).gap_ids)

    def test_merged(self):
        bob = self.new_customer("Bob")
        gap = self.stopped()
        gap.write({"reason": "Has a tap", "state": "not_needed"})
        self.env.flush_all()
        self.gaps._merge({self.ann.id: bob.id})
        left = self.gaps.search([("company_id", "=", self.company.id)])
        self.assertEqual((left, left.partner_id), (gap, bob))

    # ------------------------------------------------------------------
    # On a quotation
    # ------------------------------------------------------------------

    def draft(self, **values):
        return (
            self.env["sale.order"]
            .create({"partner_id": self.ann.id, "company_id": self.company.id, **values})
            .with_user(self.salesperson)
        )

    def test_added_to_a_quotation(self):
        gap, draft = self.stopped().with_user(self.salesperson), self.draft()
        self.assertEqual(draft.tiering_gap_ids, gap)
        gap.with_context(tiering_order_id=draft.id).action_add()
        self.assertEqual(draft.order_line.product_id, self.bottle)
        self.assertEqual((draft.order_line.product_uom_qty, draft.amount_untaxed), (4, 40))
        self.assertFalse(draft.tiering_gap_ids)

    def test_added_to_quotations_of_the_customer_only(self):
        gap = self.stopped().with_user(self.salesperson)
        bobs = self.draft(partner_id=self.new_customer("Bob").id)
        self.assertFalse(bobs.tiering_gap_ids)
        with self.assertRaisesRegex(UserError, "Bottle cannot be added"):
            gap.with_context(tiering_order_id=bobs.id).action_add()
        done = self.draft(state="sale")
        self.assertFalse(done.tiering_gap_ids)
        with self.assertRaisesRegex(UserError, "no longer a quotation"):
            gap.with_context(tiering_order_id=done.id).action_add()
        with self.assertRaisesRegex(UserError, "Save the quotation"):
            gap.action_add()

    def test_who_may_not_write_the_quotation_adds_nothing(self):
        own = self.new_user("tiering_own", "sales_team.group_sale_salesman")
        self.ann.user_id = own
        gap, draft = self.stopped().with_user(own), self.draft(user_id=self.manager.id)
        with self.assertRaises(AccessError):
            gap.with_context(tiering_order_id=draft.id).action_add()
        self.assertFalse(draft.order_line)
