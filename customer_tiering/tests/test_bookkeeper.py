from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF
from .test_everyday import EverydayCommon

PAST = ((100, 500), (60, 300), (30, 400))
# Of the scorecard's columns: how it was written, and what it is of.
NOT_COMPARED = {"id", "partner_id", "digest", "run_id", "create_date", "write_date"}
# What is undone is seen where it is measured how often something is undone, in the goods that were credited, and in the
# work that it made; and it was asked for by a quotation.
UNDOING = {
    "refund_amount",
    "credited_share",
    "returned_order_count",
    "served_order_count",
    "order_line_count",
    "explanation",
    "cost_to_serve",
    "net_profit",
    "net_percent",
    "motive_rank",
    "motive_metric",
    "motive_id",
    "receivable_average",  # what came back was owed until then
}
QUOTED = {"conversion_rate", "quotations_per_order", "quotation_days"}


def _of(source, value):
    return value[source] if isinstance(value, dict) else value


class TwinsCommon(EverydayCommon):
    """Customers who bought the same in other ways have the same scorecard, whatever is measured of them.

    A way is a method ``way_…`` that gives a customer the past of its twin, who bought plainly: three orders, each
    invoiced two days later. It returns who must be like the twin, in which columns they may differ, and where it is not
    like the plain twin, like whom. Both of these may depend on the source of purchases, ``{source: …}``; like an empty
    record: not by this source.
    """

    #: What the plain twin has bought: the days before AS_OF, and the amount.
    past = PAST

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product.standard_price = 60
        metrics = cls.env["customer.tiering.metric"].search([])
        cls.policy.shown_metric_ids = [Command.set(metrics.ids)]
        cls.policy.risk_method = "prediction"

    def _judge_twins(self):
        plain = self._get_plain()
        ways = [name for name in dir(self) if name.startswith("way_")]
        twins = []
        for name in ways:
            who, but, *like = getattr(self, name)()
            twins.append((name, who, but, *(like or [plain])))
        cards = self.env["customer.tiering.scorecard"]
        self.env.flush_all()
        columns = [
            name
            for name, field in cards._fields.items()
            if field.store and field.type not in ("one2many", "many2many") and name not in NOT_COMPARED
        ]
        wrong = []
        for source in self.sources:
            self.policy.revenue_from = source
            self.compute()
            control = self.card(_of(source, plain)).sudo()
            found = control.amount, control.order_count, control.purchase_days
            many = len(self.past)
            self.assertEqual(found, (sum(amount for _days, amount in self.past), many, many), source)
            for name, who, but, like in twins:
                card, control = self.card(who).sudo(), self.card(_of(source, like)).sudo()
                wrong += [
                    f"{name}, {source}: {column} {card[column]}, expected {control[column]}"
                    for column in columns
                    if control and column not in _of(source, but) and card[column] != control[column]
                ]
        self.assertFalse(wrong, "\n".join(wrong))

    def _get_plain(self):
        """Return the twin, or ``{source: twin}``."""
        plain = self.new_customer("Plain")
        self.bought(plain)
        return plain

    def bought(self, who, past=None):
        past = self.past if past is None else past
        orders = [self.ordered(who, days, amount) for days, amount in past]
        for order, (days, _amount) in zip(orders, past, strict=True):
            self.bill(order, days - 2)
        return orders

    def new_twin(self, name, past=None, **values):
        who = self.new_customer(name, **values)
        return who, self.bought(who, past)


class ContactsTwinsCommon(TwinsCommon):
    """Customers who are otherwise who they are, wherever they buy."""

    def way_20_two_contacts_of_a_firm(self):
        firm = self.new_customer("Firm")
        for number, past in enumerate((PAST[:1], PAST[1:])):
            self.bought(self.new_customer(f"Buyer {number}", parent_id=firm.id), past)
        return firm, set()

    def way_21_merged(self):
        one, _orders = self.new_twin("One of two", PAST[:2])
        two, _orders = self.new_twin("Two of two", PAST[2:])
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((one | two).ids, dst_partner=one)
        return one, set()

    def way_22_the_buyer_has_left(self):
        firm, other = self.new_customer("Left behind"), self.new_customer("New firm")
        buyer = self.new_customer("Leaving", parent_id=firm.id)
        self.bought(buyer)
        buyer.parent_id = other
        return firm, set()


@tagged("post_install", "-at_install")
class TestTwins(ContactsTwinsCommon):
    def test_twins(self):
        self._judge_twins()

    # ------------------------------------------------------------------
    # Undone
    # ------------------------------------------------------------------

    def way_01_all_of_an_order_comes_back(self):
        who, _orders = self.new_twin("Came back")
        self.credit(self.bill(self.ordered(who, 12, 700), 11), 5)
        return who, UNDOING | QUOTED

    def way_02_an_order_is_cancelled(self):
        who, _orders = self.new_twin("Cancelled")
        self.ordered(who, 12, 700)._action_cancel()
        return who, QUOTED

    def way_03_an_invoiced_order_is_credited_and_cancelled(self):
        who, _orders = self.new_twin("Credited and cancelled")
        order = self.ordered(who, 12, 700)
        self.credit(self.bill(order, 11), 5)
        order._action_cancel()
        return who, UNDOING | QUOTED

    def way_04_an_invoice_is_made_again(self):
        who, orders = self.new_twin("Made again")
        self.credit(orders[-1].invoice_ids, 28, again=True)
        return who, UNDOING

    def way_05_an_invoice_is_reset_and_posted_again(self):
        who, orders = self.new_twin("Reset")
        invoice = orders[1].invoice_ids
        invoice.button_draft()
        invoice.action_post()
        return who, set()

    def way_06_a_draft_is_cancelled_and_confirmed_after_all(self):
        who, _orders = self.new_twin("After all", PAST[:2])
        order = self.ordered(who, 30, 400, state="draft")
        order._action_cancel()
        order.action_draft()
        order.action_confirm()
        order.date_order = self.noon(AS_OF, 30)
        self.bill(order, 28)
        return who, set()

    def way_07_the_quantity_is_set_to_nothing(self):
        who, _orders = self.new_twin("Set to nothing")
        order = self.ordered(who, 12, 700)
        self.bill(order, 11)
        order.order_line.product_uom_qty = 0
        self.due(order, 5)
        return who, UNDOING | QUOTED

    def way_08_one_of_two_goods_comes_back(self):
        who, _orders = self.new_twin("Came back in part", PAST[:2])
        category = self.env["product.category"].create({"name": "Lamps"})
        lamp = self.env["product.product"].create(
            {"name": "Lamp", "categ_id": category.id, "standard_price": 100, "taxes_id": False}
        )
        order = self.order(who, 30, order_line=[self.line(400), self.line(900, product_id=lamp.id)])
        self.reverse(self.bill(order, 28), 20, {1: 900})
        return who, UNDOING

    # ------------------------------------------------------------------
    # Otherwise ordered and invoiced
    # ------------------------------------------------------------------

    def way_10_the_day_of_an_order_is_moved_back(self):
        who, _orders = self.new_twin("Moved back", PAST[1:])
        late = self.ordered(who, 3, 500)
        late.date_order = self.noon(AS_OF, 100)
        self.bill(late, 98)
        return who, set()

    def way_11_two_down_payments_and_the_rest(self):
        who, _orders = self.new_twin("Two down payments", PAST[:2])
        order = self.ordered(who, 30, 400)
        for percent in (30, 20):
            self.advance(order, 28, advance_payment_method="percentage", amount=percent)
        self.due(order, 28)
        return who, {"receivable_average", "receivable_cost_base", "overdue_amount", "overdue_months"}

    def way_12_an_order_in_two_deliveries(self):
        who, _orders = self.new_twin("In two deliveries", PAST[:2])
        order = self.order(who, 30, order_line=[self.line(400)])
        for share in (0.25, 0.75):
            invoice = order._create_invoices()
            invoice.invoice_date = self.date(28)
            invoice.invoice_line_ids.quantity = share
            invoice.action_post()
        self.assertEqual(order.invoice_status, "invoiced")
        # By invoices these are two purchases of a day.
        return who, {
            "order_count",
            "average_order",
            "served_order_count",
            "order_line_count",
            "weekday_share",
            "explanation",
            "parts",
        }

    def way_13_sections_and_notes(self):
        who, _orders = self.new_twin("With sections", PAST[:2])
        lines = [
            Command.create({"display_type": "line_section", "name": "Part"}),
            self.line(400),
            Command.create({"display_type": "line_note", "name": "Note"}),
        ]
        self.bill(self.order(who, 30, order_line=lines), 28)
        return who, set()

    def way_14_in_another_currency(self):
        euro = self._euro()
        prices = self.env["product.pricelist"].create({"name": "Euro", "currency_id": euro.id})
        who, _orders = self.new_twin("In euro", PAST[:2])
        self.bill(self.ordered(who, 30, 200, pricelist_id=prices.id), 28)
        return who, set()

    def _euro(self):
        euro = self.env.ref("base.EUR")
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": self.date(900), "rate": 0.5}
        )
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": self.date(15), "rate": 0.8}
        )
        return euro

    def way_15_all_orders_of_one_day_in_one_invoice(self):
        """The goods of one order are ordered by two, of which one is cancelled and added to the other."""
        who, _orders = self.new_twin("Put together", PAST[:2])
        first, second = self.ordered(who, 30, 150), self.ordered(who, 30, 250)
        second._action_cancel()
        first.order_line.price_unit = 400
        self.bill(first, 28)
        return who, QUOTED

    # ------------------------------------------------------------------
    # Otherwise who they are
    # ------------------------------------------------------------------

    def way_23_a_person_becomes_a_contact(self):
        who, _orders = self.new_twin("Becoming a contact")
        firm = self.new_customer("Around it", is_company=True)
        who.parent_id = firm
        return firm, set()

    def way_24_another_company_sells_to_them_too(self):
        who, _orders = self.new_twin("Of two companies")
        other = self.env["res.company"].create({"name": "The other one"})
        self.env.user.company_ids |= other
        order = self.env["sale.order"].with_company(other)
        order = order.create(
            {
                "partner_id": who.id,
                "company_id": other.id,
                "order_line": [
                    Command.create({"product_id": self.product.id, "price_unit": 90000, "tax_ids": False}),
                ],
            }
        )
        order.write({"state": "sale", "date_order": self.noon(AS_OF, 4)})
        return who, set()

    def way_25_a_contact_has_another_salesperson(self):
        firm = self.new_customer("Firm of somebody", user_id=self.manager.id)
        self.bought(self.new_customer("Its buyer", parent_id=firm.id, user_id=self.salesperson.id))
        return firm, set()
