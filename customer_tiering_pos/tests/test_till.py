from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import HttpCase, tagged

from .common import TicketsCommon


class TillCommon(TicketsCommon):
    """Ann and Bob are Silver, whose members pay what everybody pays; Gold has prices of its own."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.silver, cls.gold = (
            cls.policy.tier_ids.filtered(lambda t, n=name: t.name == n) for name in ("Silver", "Gold")
        )
        cls.public, cls.golden = cls.env["product.pricelist"].create(
            [
                {"name": "Public", "company_id": cls.company.id},
                {
                    "name": "Golden",
                    "company_id": cls.company.id,
                    "item_ids": [Command.create({"compute_price": "percentage", "percent_price": 20})],
                },
            ]
        )
        cls.product.write({"list_price": 100, "taxes_id": False})
        cls.gold.pricelist_id = cls.golden
        cls.silver.pricelist_id = cls.public
        cls.ann, cls.bob = (cls.new_customer(name) for name in ("Ann", "Bob"))
        for who in (cls.ann, cls.bob):
            cls.ticket(who)
        cls.compute()
        cls.move(cls.silver)

    @classmethod
    def move(cls, tier):
        """Move Ann and Bob."""
        (cls.card(cls.ann) | cls.card(cls.bob)).tier_id = tier


@tagged("post_install", "-at_install")
class TestTill(TillCommon):
    def test_cashiers_see_the_tier_and_nothing_else(self):
        ann = self.ann.with_user(self.cashier)
        self.assertEqual((ann.tiering_till_tier, ann.tiering_till_color), ("Silver", self.silver.color))
        contact = self.new_customer("Contact", parent_id=self.ann.id).with_user(self.cashier)
        self.assertEqual(contact.tiering_till_tier, "Silver")
        with self.assertRaises(AccessError):
            ann.read(["tiering_tier_id"])
        with self.assertRaises(AccessError):
            self.ann.with_user(self.new_user("tiering_nobody", "base.group_user")).read(["tiering_till_tier"])

    def test_customers_are_loaded_with_their_tier(self):
        partners = self.env["res.partner"].with_user(self.cashier)
        (data,) = partners.browse(self.ann.id)._load_pos_data_read(partners.browse(self.ann.id), self.till)
        self.assertEqual((data["tiering_till_tier"], data["property_product_pricelist"]), ("Silver", self.public.id))

    def test_who_has_moved_is_loaded_again(self):
        now, both = fields.Datetime.now(), self.ann | self.bob
        both._write({"write_date": now - timedelta(days=30)})
        self.changes(self.ann)._write({"date": now.date() - timedelta(days=3)})
        self.env.invalidate_all()
        asked = [("id", "in", both.ids)]
        for days, expected in ((40, both), (5, self.ann), (1, self.env["res.partner"])):
            since = fields.Datetime.to_string(now - timedelta(days=days))
            partners = both.with_user(self.cashier).with_context(pos_last_server_date=since)
            self.assertEqual(partners.search(partners._server_date_to_domain(asked)), expected, days)
        self.assertEqual(both._server_date_to_domain(asked), asked)


@tagged("post_install", "-at_install")
class TestTillTour(TillCommon, HttpCase):
    def test_the_tier_and_its_prices_are_those_of_the_moment(self):
        lists = {
            "use_pricelist": True,
            "pricelist_id": self.public.id,
            "available_pricelist_ids": [Command.set((self.public | self.golden).ids)],
        }
        bank = self.env["account.journal"].create({"name": "Card Corner", "type": "bank", "code": "TBC"})
        card = self.env["pos.payment.method"].create({"name": "Card Corner", "journal_id": bank.id})
        till = self.env["pos.config"].create({"name": "Corner", "payment_method_ids": [Command.set(card.ids)], **lists})
        till.with_user(self.cashier).open_ui()
        opening = type(self.env["pos.session"]).set_opening_control
        cards, gold = self.card(self.ann) | self.card(self.bob), self.gold

        def open_and_move(session, *args):
            cards.with_env(session.env(su=True)).tier_id = gold.id
            return opening(session, *args)

        self.patch(type(self.env["pos.session"]), "set_opening_control", open_and_move)
        self.start_tour(f"/pos/ui/{till.id}", "customer_tiering_till", login="tiering_cashier")
        ticket = till.session_ids.order_ids
        self.assertEqual((ticket.partner_id, ticket.amount_total), (self.ann, 80))
        self.assertEqual((ticket.state, ticket.tiering_tier_id), ("paid", self.gold))
