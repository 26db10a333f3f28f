"""Who bought the same with gift cards, eWallets, rewards, and orders that are settled in the till."""

import functools
import itertools

from odoo.fields import Command, Datetime
from odoo.tests import tagged

from odoo.addons.customer_tiering.tests.common import AS_OF
from odoo.addons.customer_tiering.tests.test_bookkeeper import QUOTED, UNDOING, TwinsCommon
from odoo.addons.customer_tiering_pos.tests.common import TicketsCommon
from odoo.addons.customer_tiering_sale_loyalty.tests.common import LoyaltyCommon

# What is paid at once is not owed.
OWED = {"receivable_average", "receivable_cost_base", "overdue_amount", "overdue_months", "proposed_credit"}


@tagged("post_install", "-at_install")
class TestTwinsWithCards(TwinsCommon, LoyaltyCommon, TicketsCommon):
    """A gift card or eWallet is money: to buy it is no purchase, and to pay with it no discount, so that in all columns
    but what is owed nobody sees the difference. A reward is what its seller would have typed by hand.

    An order that is settled in the till is one purchase: the order where orders count, as if it had never seen the
    till, and the ticket where tickets or invoices do, as if the order had only been a quotation. What is bought without
    an order is the same by each of the sources but orders alone, in which it is not; what is ordered and invoiced in
    the office by each but tickets alone.

    All tickets are invoiced, on their day.
    """

    past = ((30, 400),)
    sources = ("order", "order_pos", "order_invoice", "pos", "invoice")
    by_order, by_ticket = sources[:3], sources[3:]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.number = itertools.count()
        cls.product.type = "service"  # nobody has to deliver
        # Of another category, and of no cost: what a free product costs is no matter here.
        gifts = cls.env["product.category"].create({"name": "Gifts"})
        cls.gift = cls.env["product.product"].create(
            {
                "name": "Gift",
                "categ_id": gifts.id,
                "list_price": 40,
                "taxes_id": False,
                "invoice_policy": "order",
                "type": "service",
            }
        )
        one = {"reward_point_mode": "order", "reward_point_amount": 1, "minimum_qty": 1}
        discount = {"reward_type": "discount", "required_points": 1, "discount": 20, "discount_mode": "percent"}
        free = {"reward_type": "product", "reward_product_id": cls.gift.id, "reward_product_qty": 1}
        coded = {"trigger": "with_code"}  # so that no other order has it
        cls.a_fifth = cls.program("promo_code", {**one, "mode": "with_code", "code": "FIFTH"}, discount, **coded)
        fixed = {**discount, "discount": 100, "discount_mode": "per_order"}
        cls.a_hundred = cls.program("promo_code", {**one, "mode": "with_code", "code": "HUNDRED"}, fixed, **coded)
        cls.a_gift = cls.program("promo_code", {**one, "mode": "with_code", "code": "GIFT"}, free, **coded)
        cls.till.down_payment_product_id = cls.new_product("Down payment", type="service")
        cls.till.invoice_journal_id = cls.env["account.journal"].search(
            [("type", "=", "sale"), ("company_id", "=", cls.company.id)], limit=1
        )

    def test_twins(self):
        self._judge_twins()

    @classmethod
    def claim(cls, order, program):
        """Enter the code of a program, and take what it gives."""
        for coupon, reward in order._try_apply_code(program.rule_ids.code).items():
            order._apply_program_reward(reward, coupon)

    @classmethod
    def claimed(cls, who, days, program, amount, **values):
        """A confirmed order with what a program gives."""
        order = cls.order(who, days, state="draft", order_line=[cls.line(amount)], **values)
        cls.claim(order, program)
        return cls.confirm(order, days)

    def _get_plain(self):
        ordered, both = self.new_customer("Plain orders"), self.new_in_till("Orders that were only quoted, and tickets")
        bought, billed = self.new_in_till("Plain tickets"), self.new_billed("Plain orders and their invoices")
        for who in (ordered, both):
            self.ordered(who, *self.past[0])
        self.tickets = dict.fromkeys(self.sources, bought) | {"order": self.env["res.partner"]}
        self.orders = dict.fromkeys(self.sources, billed) | {"pos": self.env["res.partner"]}
        self.plain = dict.fromkeys(self.by_order, ordered) | dict.fromkeys(self.by_ticket, both)
        return self.plain

    def bought(self, who, past=None):
        past = self.past if past is None else past
        return [self.settle_order(self.ordered(who, days, amount), days) for days, amount in past]

    def new_billed(self, name):
        """Who has ordered what the plain twin has, and got an invoice two days later."""
        who = self.new_customer(name)
        TwinsCommon.bought(self, who)
        return who

    def new_in_till(self, name, *lines):
        """Who has bought this on the day of the plain twin; the same goods without ``lines``."""
        who, ((days, amount),) = self.new_customer(name), self.past
        self.in_till(who, days, *(lines or [self.sells(amount)]))
        return who

    @classmethod
    def in_till(cls, who, days, *lines):
        """A ticket as the till sends it, with its invoice."""
        total = sum(line["price_subtotal_incl"] for line in lines)
        moment = Datetime.to_string(cls.noon(AS_OF, days))
        card = {"name": moment, "payment_method_id": cls.till.payment_method_ids.id, "amount": total}
        order = {
            "uuid": f"twin-{next(cls.number)}",
            "access_token": "token",
            "name": "Ticket",
            "partner_id": who.id,
            "session_id": cls.till.current_session_id.id,
            "company_id": cls.company.id,
            "date_order": moment,
            "amount_paid": total,
            "amount_total": total,
            "amount_tax": 0,
            "amount_return": 0,
            "is_refund": any("refunded_orderline_id" in line for line in lines),
            "to_invoice": True,
            "state": "paid",
            "lines": [Command.create({**line, "tax_ids": []}) for line in lines],
            "payment_ids": [Command.create(card)],
        }
        sent = cls.env["pos.order"].with_context(generate_pdf=False).sync_from_ui([order])
        return (
            cls.env["pos.order"]
            .browse([data["id"] for data in sent["pos.order"]])
            .filtered(lambda ticket: ticket.uuid == order["uuid"])
        )

    @classmethod
    def of_line(cls, ordered, share=1):
        """The line of a ticket that settles so much of a line of an order, as the till makes it: it knows the order,
        but no reward."""
        quantity = -1 if ordered.is_downpayment else ordered.product_uom_qty * share
        return cls.sells(
            ordered.price_unit,
            cls.till.down_payment_product_id if ordered.is_downpayment else ordered.product_id,
            qty=quantity,
            discount=ordered.discount,
            sale_order_origin_id=ordered.order_id.id,
            sale_order_line_id=ordered.id,
        )

    @classmethod
    def settle_order(cls, order, days, *more, share=1):
        """Settle what an order has, or a share of it, with ``more`` lines on the ticket."""
        lines = [cls.of_line(line, share) for line in order.order_line if not line.display_type]
        return cls.in_till(order.partner_id, days, *lines, *more)

    @classmethod
    def rewards(cls, program, price, quantity=1):
        """The line of a ticket by which a program gives, or pays, something."""
        reward = program.reward_ids
        return cls.sells(
            -price, reward.discount_line_product_id, qty=quantity, is_reward_line=True, reward_id=reward.id
        )

    def in_part(self, *columns):
        """What differs where tickets are the purchases."""
        return {source: columns if source in self.by_ticket else () for source in self.sources}

    # ------------------------------------------------------------------
    # Paid in advance
    # ------------------------------------------------------------------

    def _paid(self, name, program, points, days=30, amount=400, **values):
        """Somebody who pays the last order with a gift card or eWallet that has so much on it."""
        who = self.new_customer(name)
        order = self.paid(who, days, amount, self.purse(program, who, points), **values)
        self.bill(order, days - 2)
        return who, order

    def way_31_a_part_by_gift_card(self):
        who, order = self._paid("Part by card", self.gifts, 150)
        self.assertEqual(order.amount_total, 250)
        return who, OWED, self.orders

    def way_32_all_by_gift_card(self):
        who, order = self._paid("All by card", self.gifts, 1000)
        self.assertEqual(order.amount_total, 0)
        return who, OWED, self.orders

    def way_33_all_by_ewallet_that_was_topped_up(self):
        who = self.new_customer("All by eWallet")
        self.bill(self.sold(who, 120, self.top_up, 2000), 120)
        purse = self.purse(self.wallets, who, 2000)
        for days, amount in self.past:
            self.bill(self.paid(who, days, amount, purse), days - 2)
        return who, OWED, self.orders

    def way_34_a_gift_card_is_bought_alone(self):
        who = self.new_billed("Buys a card")
        self.bill(self.sold(who, 12, self.gift_card, 300), 11)
        return who, OWED | QUOTED, self.orders

    def way_35_a_gift_card_is_bought_besides(self):
        who = self.new_customer("Buys a card besides")
        self.bill(self.sold(who, 30, self.product, 400, self.gift_card, 300), 28)
        return who, OWED, self.orders

    def way_36_paid_by_gift_card_in_the_shop(self):
        """The checkout confirms at once what leaves nothing to pay."""
        who = self.new_customer("In the shop")
        website = self.env["website"].search([], limit=1)
        website.company_id = self.company
        order = self.order(who, 30, 400, state="draft", website_id=website.id)
        self.pay(order, self.purse(self.gifts, who))
        self.assertEqual(order.amount_total, 0)
        self.bill(self.confirm(order, 30), 28)
        return who, OWED | QUOTED, self.orders  # a shop's order never was a quotation

    def way_37_paid_by_gift_card_and_all_comes_back(self):
        who = self.new_billed("Card, and back")
        order = self.paid(who, 12, 700, self.purse(self.gifts, who, 300))
        self.credit(self.bill(order, 11), 5)
        return who, UNDOING | QUOTED | OWED, self.orders

    def way_38_paid_by_ewallet_and_one_of_two_goods_comes_back(self):
        who = self.new_customer("Card, and back in part")
        order = self.order(who, 30, state="draft", order_line=[self.line(400), self.line(40, product_id=self.gift.id)])
        self.pay(order, self.purse(self.wallets, who, 300))
        self.confirm(order, 30)
        invoice = self.bill(order, 28)
        place = list(invoice.invoice_line_ids.mapped("product_id")).index(self.gift)
        self.reverse(invoice, 20, {place: 40})
        return who, UNDOING | OWED, self.orders

    # ------------------------------------------------------------------
    # Rewards
    # ------------------------------------------------------------------

    @functools.cached_property
    def by_hand(self):
        """Who had the discount by hand."""
        who = self.new_customer("By hand")
        self.bill(self.order(who, 30, order_line=[self.line(500, discount=20)]), 28)
        return dict.fromkeys(self.sources, who) | {"pos": self.env["res.partner"]}

    def _rewarded(self, name, program, amount):
        who = self.new_customer(name)
        order = self.claimed(who, 30, program, amount)
        self.assertEqual(order.amount_untaxed, 400)
        self.bill(order, 28)
        return who

    def way_41_a_discount_in_percent(self):
        return self._rewarded("A fifth less", self.a_fifth, 500), set(), self.by_hand

    def way_42_a_fixed_discount(self):
        return self._rewarded("100 less", self.a_hundred, 500), set(), self.by_hand

    def way_43_a_discount_by_hand_as_a_line(self):
        who = self.new_customer("A line by hand")
        discount = self.line(-100, product_id=self.a_hundred.reward_ids.discount_line_product_id.id)
        self.bill(self.order(who, 30, order_line=[self.line(500), discount]), 28)
        return who, set(), self.by_hand

    def way_44_a_free_product(self):
        return self._rewarded("A gift", self.a_gift, 400), set(), self.orders

    # ------------------------------------------------------------------
    # Orders that are settled in the till
    # ------------------------------------------------------------------

    def way_51_settled(self):
        who, _tickets = self.new_twin("Settled")
        return who, set()

    def way_52_settled_in_two_parts(self):
        who = self.new_customer("In two parts")
        order = self.order(who, 30, order_line=[self.line(400)])
        for _part in range(2):
            self.settle_order(order, 30, share=0.5)
        # By tickets these are two purchases of a day.
        return who, self.in_part(
            *("order_count", "average_order", "served_order_count", "order_line_count", "weekday_share"),
            *("explanation", "parts", "frequency_score", "score", "points_to_next"),
        )

    def way_53_the_other_half_is_invoiced_in_the_office(self):
        """By tickets only the half that was settled there is a purchase, by invoices there are two."""
        who = self.new_customer("Half in the office")
        order = self.order(who, 30, order_line=[self.line(400)])
        self.settle_order(order, 30, share=0.5)
        self.bill(order, 30)
        return who, OWED, self.plain | dict.fromkeys(self.by_ticket, self.env["res.partner"])

    def way_54_a_down_payment_and_then_all(self):
        who = self.new_customer("Down payment")
        order = self.ordered(who, 30, 400)
        self.pay_down(order, 30, 120)
        self.settle_order(order, 30)
        return who, set()

    def way_55_a_down_payment_and_the_rest_in_the_office(self):
        """By tickets it is no purchase: the final invoice is the whole of it, and of the order's team."""
        who = self.new_customer("Down payment only")
        order = self.ordered(who, 30, 400)
        self.pay_down(order, 30, 120)
        final = self.due(order, 30)
        self.assertEqual(final.amount_untaxed, 280)
        return who, OWED | {"top_team_id", "top_team_share"}, self.plain | {"pos": self.env["res.partner"]}

    def way_56_something_else_on_the_ticket(self):
        """Where both count, an order and a ticket of the same day are two purchases, and with tickets one."""
        who = self.new_customer("And more")
        self.settle_order(self.ordered(who, 30, 250), 30, self.sells(150))
        twin = self.new_customer("And more, apart")
        self.ordered(twin, 30, 250)
        self.in_till(twin, 30, self.sells(150))
        one = self.new_in_till("And more, at once", self.sells(250), self.sells(150))
        return who, QUOTED, dict.fromkeys(self.by_order, twin) | dict.fromkeys(self.by_ticket, one)

    def way_57_some_of_it_comes_back(self):
        who = self.new_customer("Some comes back")
        order = self.order(who, 30, order_line=[self.line(400), self.line(40, product_id=self.gift.id)])
        self._gift_comes_back(self.settle_order(order, 30), 20)
        return who, UNDOING

    def _gift_comes_back(self, ticket, days):
        sold = ticket.lines.filtered(lambda line: line.product_id == self.gift)
        return self.in_till(ticket.partner_id, days, self.sells(40, self.gift, qty=-1, refunded_orderline_id=sold.id))

    def pay_down(self, order, days, amount):
        down = self.till.down_payment_product_id
        self.in_till(order.partner_id, days, self.sells(amount, down, sale_order_origin_id=order.id))
        (line,) = order.order_line.filtered(lambda line: line.is_downpayment and not line.display_type)
        self.assertEqual((line.price_unit, order.amount_untaxed), (amount, 400))

    # ------------------------------------------------------------------
    # Orders with cards and rewards that are settled in the till
    # ------------------------------------------------------------------

    def way_61_an_order_that_a_gift_card_paid_in_part(self):
        who = self.new_customer("Card in the order")
        order = self.paid(who, 30, 400, self.purse(self.gifts, who, 150))
        self.assertEqual(self.settle_order(order, 30).amount_total, 250)
        return who, set()

    def way_62_the_gift_card_pays_in_the_till(self):
        who = self.new_customer("Card in the till")
        self.settle_order(self.ordered(who, 30, 400), 30, self.rewards(self.gifts, 150))
        return who, set()

    def way_63_some_of_what_a_gift_card_paid_in_the_order_comes_back(self):
        who = self.new_customer("Card in the order, and back")
        order = self.order(who, 30, state="draft", order_line=[self.line(400), self.line(40, product_id=self.gift.id)])
        self.pay(order, self.purse(self.wallets, who, 300))
        self._gift_comes_back(self.settle_order(self.confirm(order, 30), 30), 20)
        return who, UNDOING

    def way_64_an_order_with_a_free_product(self):
        """As the invoice has it, it is another product at a discount of all its price."""
        who = self.new_customer("Gift in the order")
        self.settle_order(self.claimed(who, 30, self.a_gift, 400), 30)
        return who, set(), self.plain | {"invoice": self.env["res.partner"]}

    def way_65_an_order_with_a_discount(self):
        twins = []
        for name, order in (
            ("A fifth in the order", lambda who: self.claimed(who, 30, self.a_fifth, 500)),
            ("A fifth by hand", lambda who: self.order(who, 30, order_line=[self.line(500, discount=20)])),
        ):
            who = self.new_customer(name)
            self.settle_order(order(who), 30)
            twins.append(who)
        return twins[0], set(), twins[1]

    def way_66_an_order_that_sells_a_gift_card(self):
        """Beside other goods on the ticket, which are nothing where only orders count."""
        who, twin = self.new_customer("Sells a card"), self.new_customer("Sells none")
        card = self.of_line(self.sold(who, 30, self.gift_card, 300).order_line)
        self.in_till(who, 30, card, self.sells(400))
        self.in_till(twin, 30, self.sells(400))
        return who, QUOTED, self.plain | {"order": self.env["res.partner"], "order_pos": twin, "order_invoice": twin}

    # ------------------------------------------------------------------
    # Tickets
    # ------------------------------------------------------------------

    def way_71_a_part_by_gift_card(self):
        return self._last("Ticket, part by card", self.sells(400), self.rewards(self.gifts, 150))

    def way_72_all_by_ewallet(self):
        return self._last("Ticket, all by eWallet", self.sells(400), self.rewards(self.wallets, 400))

    def way_73_a_gift_card_is_bought_besides(self):
        return self._last("Ticket, buys a card", self.sells(400), self.sells(300, self.gift_card))

    def way_74_an_ewallet_is_topped_up(self):
        who = self.new_in_till("Ticket, tops up")
        self.in_till(who, 12, self.sells(300, self.top_up))
        return who, set(), self.tickets

    def way_75_paid_by_ewallet_and_it_comes_back_into_the_ewallet(self):
        """Some of it; the rest is paid out. (Of a refund that comes to nothing Odoo itself posts the reverse.)"""
        who = self.new_in_till("Ticket, back into the eWallet")
        ticket = self.in_till(who, 12, self.sells(500), self.rewards(self.wallets, 500))
        sold = ticket.lines.filtered(lambda line: line.product_id == self.product)
        self.in_till(who, 5, self.sells(500, qty=-1, refunded_orderline_id=sold.id), self.sells(300, self.top_up))
        return who, UNDOING, self.tickets

    def way_76_a_discount_in_percent(self):
        return self._reduced("Ticket, a fifth less", self.rewards(self.a_fifth, 100))

    def way_77_a_fixed_discount(self):
        return self._reduced("Ticket, 100 less", self.rewards(self.a_hundred, 100))

    def way_78_a_free_product(self):
        """The invoice of a ticket does not say which of its goods were given: by invoices it is another product."""
        lines = self.sells(400), self.sells(40, self.gift), self.rewards(self.a_gift, 40)
        who, but, like = self._last("Ticket, a gift", *lines)
        return who, but, like | dict.fromkeys(("invoice", "order_invoice"), self.env["res.partner"])

    def way_79_with_a_tip(self):
        return self._last("Ticket, a tip", self.sells(400), self.sells(15, self.till.tip_product_id))

    def _last(self, name, *lines):
        """Whose last ticket has these lines."""
        return self.new_in_till(name, *lines), set(), self.tickets

    def _reduced(self, name, line):
        who, _but, like = self._last(name, self.sells(500), line)
        return who, set(), {source: like[source] and self.by_hand_in_till for source in self.sources}

    @functools.cached_property
    def by_hand_in_till(self):
        return self.new_in_till("By hand", self.sells(500, discount=20))
