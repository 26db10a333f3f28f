from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon

# What PostgreSQL keeps and no XML can hold, so that no view, and no workbook, can be made of it.
UNFIT = ("\x01", "\x0b", "\x1f", "\ufffe", "\uffff")


@tagged("post_install", "-at_install")
class TestPoison(TieringCommon):
    """What one person types, by whatever way, makes no page of others fail and no run of the company."""

    # ------------------------------------------------------------------
    # Characters
    # ------------------------------------------------------------------

    def _get_filters(self):
        self.env.registry.clear_cache("templates")
        arch = self.env["res.partner"].with_user(self.salesperson).get_view(view_type="search")["arch"]
        self.assertIn("tiering_tier_id_", arch)
        return arch

    def test_a_name_that_no_page_could_show_is_refused(self):
        tier, segment = self.policy.tier_ids[0], self.env["customer.segment"].search([], limit=1)
        for character in UNFIT:
            for record in (tier, segment, self.policy, self.policy.playbook_ids[0]):
                with (
                    self.subTest(model=record._name, character=character),
                    self.assertRaisesRegex(ValidationError, "cannot be kept as it was typed"),
                    self.env.cr.savepoint(),
                ):
                    record.with_user(self.manager).name = f"Go{character}ld"
            with self.assertRaisesRegex(ValidationError, "cannot be kept"), self.env.cr.savepoint():
                tier.with_user(self.manager).update_field_translations("name", {"en_US": f"Go{character}ld"})
        tier.with_user(self.manager).description = "Two\r\nlines\tand a tab"
        self.assertIn(tier.name, self._get_filters())

    def test_contacts_are_found_although_a_tier_has_such_a_name_from_before(self):
        tier, segment = self.policy.tier_ids[0], self.env["customer.segment"].search([], limit=1)
        name = f"Go{''.join(UNFIT)}ld"
        for record in (tier, segment):
            self.env.cr.execute(
                f"UPDATE {record._table} SET name = jsonb_build_object('en_US', %s::text) WHERE id = %s",
                [name, record.id],
            )
        self.env.invalidate_all(flush=False)
        self.assertEqual((tier.name, segment.name), (name, name))
        self.assertEqual(self._get_filters().count('string="Gold"'), 3)  # the two, and the tier Gold itself

    # ------------------------------------------------------------------
    # Numbers
    # ------------------------------------------------------------------

    def _order_as_salesperson(self, who, price, **values):
        order = (
            self.env["sale.order"]
            .with_user(self.salesperson)
            .create(
                {
                    "partner_id": who.id,
                    "company_id": self.company.id,
                    "order_line": [Command.create({"product_id": self.product.id, "price_unit": price})],
                }
            )
        )
        order.action_confirm()
        order.date_order = self.noon(AS_OF, 1)
        order.write(values)
        self.assertEqual({name: str(order[name]) for name in values}, {name: str(values[name]) for name in values})
        return order

    def test_an_order_beyond_all_money_stops_nobody_else(self):
        """As when a barcode is scanned into the price: 1e25 is beyond what a scorecard keeps."""
        ann, eve = self.buyer("Ann", 5, amount=100), self.new_customer("Eve")
        for price in (1e25, 1e300):
            with self.subTest(price=price):
                self._order_as_salesperson(eve, price)
                self.assertEqual(self.compute().state, "done")
                self.assertEqual(self.card(ann).amount, 100)
                self.assertTrue(self.card(eve).explanation_data)
        # Two orders, each counted as the most that one document is worth.
        self.assertEqual(self.card(eve).amount, 2e15)

    def test_a_rate_that_is_none_counts_as_one(self):
        """Of 10 in a currency with such a rate."""
        ann = self.buyer("Ann", 5, amount=100)
        for rate in (1e-320, 1e300, float("inf"), float("nan"), -1.0, 0.0):
            with self.subTest(rate=rate):
                eve = self.new_customer("Eve")
                self._order_as_salesperson(eve, 10, currency_rate=rate)
                self.assertEqual(self.compute().state, "done")
                self.assertEqual((self.card(eve).amount, self.card(ann).amount), (10, 100))
        bob = self.new_customer("Bob")
        self._order_as_salesperson(bob, 1e300, currency_rate=1e-11)
        self.assertEqual(self.compute().state, "done")
        self.assertEqual(self.card(bob).amount, 1e15)

    def test_a_number_of_a_contact_beyond_all_numbers_is_shown(self):
        field = self.env["ir.model.fields"].create(
            {
                "name": "x_poison",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "ttype": "float",
                "field_description": "Poison",
            }
        )
        self.reset_registry()
        metric = self.env["customer.tiering.metric"].create(
            {"name": "Poison", "origin": "field", "field_name": field.name, "unit": "number"}
        )
        self.policy.criterion_ids = [Command.create({"metric_id": metric.id, "weight": 50, "method": "percentile"})]
        eve = self.buyer("Eve", 5, x_poison=1e308)
        self.compute()
        self.assertTrue(self.card(eve).explanation_data)
        self.assertTrue(self.policy.with_user(self.manager).action_advise())
