"""Stories of a till, and a ledger that knows tickets: see ``stories``, ``stage`` and ``ledger`` of customer_tiering."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from odoo.fields import Command

from odoo.addons.customer_tiering.tests import stories
from odoo.addons.customer_tiering.tests.ledger import Ledger, Purchase, cents, exact
from odoo.addons.customer_tiering.tests.stage import Stage, StageError

TICKETS, ORDERS_AND_TICKETS = "pos", "order_pos"
INVOICES_AT_MOST = 12  # Odoo makes one after the other


# --------------------------------------------------------------------------
# What may happen
# --------------------------------------------------------------------------


@dataclass(frozen=True)
class Sold(stories.Event):
    """Something is sold and paid; ``settled`` is an order that is paid with it, all of it."""

    ticket: str
    who: str | None
    moment: datetime
    items: tuple
    settled: str | None = None
    invoiced: bool = False


@dataclass(frozen=True)
class Back(stories.Item):
    """Something that comes back: of which ``place`` of which ticket, ``None`` if nobody knows."""

    ticket: str | None = None


@dataclass(frozen=True)
class GivenBack(stories.Event):
    """Goods come back by a ticket, which may sell others in exchange."""

    ticket: str
    who: str | None
    moment: datetime
    back: tuple
    items: tuple = ()


@dataclass(frozen=True)
class InvoicedLater(stories.Event):
    ticket: str


@dataclass(frozen=True)
class GivenToAnother(stories.Event):
    """The ticket turns out to be somebody else's."""

    ticket: str
    who: str


# --------------------------------------------------------------------------
# The author
# --------------------------------------------------------------------------


class TillAuthor(stories.Author):
    """Most strands are of the till, some of orders that are settled there, some of neither."""

    def _some_strands(self, people, at_most=3):
        for _ in range(min(self.random.choice((1, 1, 2, 3)), at_most)):
            strands = [self._till_strand, self._settling_strand, self._order_strand, self._rebate_strand]
            self.random.choices(strands, [65, 20, 10, 5])[0](people)

    def _till_strand(self, people):
        self._begin()
        who = self.random.choice([*people, *people, None])
        self._sell(who, self._items([stories.PLAIN, stories.TAXED], self.rates.home))
        self._go_on_in_the_till(people)

    def _settling_strand(self, people):
        self._begin()
        who = self.random.choice(people)
        self._order(who, who, who, self.rates.home)
        (order,) = self.orders
        self._step()
        # A discount on the order is one on the ticket: what comes back of the goods is told apart elsewhere.
        items = [replace(item, order=None) for item in order.items]
        more = self._items([stories.PLAIN], self.rates.home) if self._chance(0.3) else []
        more = [replace(item, place=len(items) + place) for place, item in enumerate(more)]
        self._sell(self.random.choice(people), [*items, *more], order.key)
        self._go_on_in_the_till(people)

    def _sell(self, who, items, settled=None):
        key = self._key("ticket")
        invoiced = bool(who) and self._chance(0.1)
        self.strand.append(Sold(key, who, self._moment(), tuple(items), settled, invoiced))
        # Of each line what is left: the ticket by which it could come back, its place there, and how many.
        self.sold = [(key, item, item.quantity) for item in items if item.price > 0]
        self.ticket, self.invoiced = key, invoiced or not who

    def _go_on_in_the_till(self, people):
        for _ in range(self.random.choice((0, 0, 1, 1, 2, 3))):
            self._step()
            self.random.choices([self._give_back, self._invoice_later, self._give_to_another], [8, 1, 1])[0](people)

    def _step(self):
        self.day += timedelta(days=self.random.choice(stories.GAPS))

    def _give_back(self, people):
        back = []
        for place, (ticket, item, left) in enumerate(self.sold):
            quantity = left if self._chance(0.4) else self.random.randint(0, left)
            if quantity:
                self.sold[place] = (ticket, item, left - quantity)
                back.append(Back(item.product, quantity, item.price, item.discount, None, item.place, ticket))
        if self._chance(0.15):
            back.append(Back(stories.PLAIN, 1, self._price(self.rates.home)))
        exchange = self._items([stories.PLAIN], self.rates.home) if self._chance(0.3) else []
        if back:
            exchange = [replace(item, place=len(back) + place) for place, item in enumerate(exchange)]
            key, who = self._key("ticket"), self.random.choice([*people, *people, None])
            self.strand.append(GivenBack(key, who, self._moment(), tuple(back), tuple(exchange)))
            undo = [(place, one) for place, one in enumerate(back) if one.ticket]
            if undo and self._chance(0.15):
                self._step()
                undone = tuple(replace(one, ticket=key, place=place, quantity=-one.quantity) for place, one in undo)
                self.strand.append(GivenBack(self._key("ticket"), who, self._moment(), undone))
                self.sold = []

    def _invoice_later(self, people):
        if not self.invoiced:
            self.invoiced = True
            self.strand.append(InvoicedLater(self.ticket))

    def _give_to_another(self, people):
        if not self.invoiced:
            self.strand.append(GivenToAnother(self.ticket, self.random.choice(people)))


# --------------------------------------------------------------------------
# The ledger
# --------------------------------------------------------------------------


@dataclass
class Ticket:
    customer: object  # None: nobody knows
    day: object
    sold: dict  # what each line sells, by its place
    settled: set  # the places of lines that are an order's
    order: object = None


class TillLedger(Ledger):
    """Tickets besides. What was settled with one belongs to the order, where orders count."""

    def __init__(self, zone, rate_at=None):
        super().__init__(zone, rate_at)
        self.tickets = {}
        self.returns = []  # ticket, place, day, amount
        self.loose = []  # customer, day, amount

    def sold(self, key, contact, moment, amounts, order=None, settled=()):
        """A ticket is paid: ``amounts`` by the place of the line; the places that are of an order are ``settled``."""
        customer = None if contact is None else self._customer_then(contact, moment)
        amounts = {place: exact(amount) for place, amount in amounts.items()}
        self.tickets[key] = Ticket(customer, self._day(moment), amounts, set(settled), order)

    def came_back(self, key, place, moment, amount):
        """What a line of a ticket sold came back, for so much; below 0: it was sold again."""
        self.returns.append((key, place, self._day(moment), exact(amount)))

    def came_back_from_nowhere(self, contact, moment, amount):
        if contact is not None:
            self.loose.append([self._customer_then(contact, moment), self._day(moment), exact(amount)])

    def given_to(self, key, contact, moment):
        self.tickets[key].customer = self._customer_then(contact, moment)

    def _customer_then(self, contact, moment):
        then = (firm for until, firm in self.eras[contact] if moment <= until)
        return next(then, self._customer(contact))

    def _day(self, moment):
        return moment.replace(tzinfo=timezone.utc).astimezone(self.zone).date()

    def _hand_over(self, source, target):  # pylint: disable=missing-return
        super()._hand_over(source, target)
        for ticket in self.tickets.values():
            if ticket.customer == source:
                ticket.customer = target
        for loose in self.loose:
            if loose[0] == source:
                loose[0] = target

    def _purchases(self, as_of, source):
        if source not in (TICKETS, ORDERS_AND_TICKETS):
            yield from super()._purchases(as_of, source)
            return
        if source == ORDERS_AND_TICKETS:
            yield from self._ordered(as_of)
        for key, ticket in self.tickets.items():
            if ticket.customer is None or ticket.day > as_of:
                continue
            places = [place for place in ticket.sold if source == TICKETS or place not in ticket.settled]
            money = sum((ticket.sold[place] for place in places), Fraction())
            if money > 0:
                back = self._back(key, places, as_of)
                yield Purchase(ticket.customer, ticket.day, money, min(max(back, Fraction()), money))

    def _ordered(self, as_of):
        back = defaultdict(Fraction)
        for key, ticket in self.tickets.items():
            if ticket.order is not None:
                back[ticket.order] += self._back(key, ticket.settled, as_of)
        for purchase in super()._ordered(as_of):
            returned = min(purchase.returned + max(back[purchase.order], 0), purchase.money)
            yield replace(purchase, returned=returned)

    def _back(self, key, places, as_of):
        returns = [one for one in self.returns if one[0] == key and one[1] in places]
        return sum((amount for _key, _place, day, amount in returns if day <= as_of), Fraction())

    def _rebates(self, as_of, source):
        yield from super()._rebates(as_of, source)
        if source in (TICKETS, ORDERS_AND_TICKETS):
            yield from ((customer, day, amount) for customer, day, amount in self.loose if day <= as_of)


# --------------------------------------------------------------------------
# The stage
# --------------------------------------------------------------------------


class TillStage(Stage):
    """
    :param till: a till of the company with an open session
    :param pay: what pays a ticket, a function
    """

    tables = (*Stage.tables, "pos_order", "pos_order_line")

    def __init__(self, company, ledger, rates, till, pay):
        self.till, self.pay, self.invoices = till, pay, 0
        self.tickets, self.ticket_lines, self.roots = {}, {}, {}
        super().__init__(company, ledger, rates)

    def _act_sold(self, events):
        lines = {event.ticket: [self._line(item, item.quantity) for item in event.items] for event in events}
        for event in events:
            if event.settled:
                order = self.orders[event.settled]
                for item, line in zip(event.items, lines[event.ticket], strict=False):
                    order_line = self.order_lines.get((event.settled, item.place))
                    if order_line:
                        line |= {"sale_order_origin_id": order.id, "sale_order_line_id": order_line.id}
        self._make(events, lines)
        for event in events:
            settled = [item.place for item in event.items if (event.settled, item.place) in self.order_lines]
            amounts = {item.place: item.worth for item in event.items}
            self.ledger.sold(event.ticket, event.who, event.moment, amounts, event.settled, settled)
            for item in event.items:
                self.roots[event.ticket, item.place] = (event.ticket, item.place)
            if event.invoiced:
                self._invoice(event.ticket)

    def _act_givenback(self, events):
        lines = {}
        for event in events:
            lines[event.ticket] = [
                {
                    **self._line(one, -one.quantity),
                    "refunded_orderline_id": one.ticket and self.ticket_lines[one.ticket, one.place].id,
                }
                for one in event.back
            ] + [self._line(item, item.quantity) for item in event.items]
        self._make(events, lines)
        for event in events:
            for place, one in enumerate(event.back):
                if one.ticket:
                    root = self.roots[event.ticket, place] = self.roots[one.ticket, one.place]
                    self.ledger.came_back(*root, event.moment, one.worth)
                else:
                    self.ledger.came_back_from_nowhere(event.who, event.moment, one.worth)
            if event.items:
                amounts = {item.place: item.worth for item in event.items}
                self.ledger.sold(event.ticket, event.who, event.moment, amounts)

    def _act_invoicedlater(self, events):
        for event in events:
            self._invoice(event.ticket)

    def _act_giventoanother(self, events):
        for event in events:
            ticket = self.tickets[event.ticket]
            if not ticket.account_move:
                ticket.partner_id = self.partners[event.who]
                self.ledger.given_to(event.ticket, event.who, ticket.date_order)

    def _invoice(self, key):
        ticket = self.tickets[key]
        if self.invoices < INVOICES_AT_MOST and ticket.partner_id and ticket.state == "paid":
            self.invoices += 1
            self.pay(ticket)
            ticket.action_pos_order_invoice()

    def _line(self, item, quantity):
        subtotal = float(cents(exact(item.worth))) * (1 if quantity * item.quantity > 0 else -1)
        taxed = 1.15 if item.product == stories.TAXED else 1
        return {
            "product_id": self.products[item.product].id,
            "qty": quantity,
            "price_unit": float(item.price),
            "discount": item.discount,
            "price_subtotal": subtotal,
            "price_subtotal_incl": round(subtotal * taxed, 2),
            "tax_ids": [Command.set(self.tax.ids if item.product == stories.TAXED else [])],
        }

    def _make(self, events, lines):
        """Paid tickets with these lines (values, by the key of the ticket)."""
        values = []
        for event in events:
            of_ticket = lines[event.ticket]
            total = round(sum(line["price_subtotal_incl"] for line in of_ticket), 2)
            untaxed = round(sum(line["price_subtotal"] for line in of_ticket), 2)
            values.append(
                {
                    "partner_id": self.partners[event.who].id if event.who else False,
                    "session_id": self.till.current_session_id.id,
                    "date_order": event.moment,
                    "state": "paid",
                    "is_refund": total < 0,
                    "lines": [Command.create(line) for line in of_ticket],
                    "amount_total": total,
                    "amount_tax": round(total - untaxed, 2),
                    "amount_paid": 0,
                    "amount_return": 0,
                }
            )
        tickets = self.env["pos.order"].create(values)
        for event, ticket in zip(events, tickets, strict=True):
            self.tickets[event.ticket] = ticket
            for place, line in enumerate(ticket.lines.sorted("id")):
                self.ticket_lines[event.ticket, place] = line

    def _moments(self, partner):
        tickets = self.env["pos.order"].search([("partner_id", "=", partner.id)])
        return super()._moments(partner) + tickets.mapped("date_order")

    def check(self):  # pylint: disable=missing-return
        super().check()
        wrong = []
        for key, ticket in self.ledger.tickets.items():
            record = self.tickets[key]
            amounts = [line.price_subtotal for line in record.lines if not line.refunded_orderline_id and line.qty > 0]
            told = cents(sum(ticket.sold.values(), Fraction()))
            if told != cents(exact(round(sum(amounts), 6))) or record.state not in ("paid", "done"):
                wrong.append(f"{key}: {amounts} {record.state}, told {told}")
        if wrong:
            raise StageError("\n".join(wrong))
