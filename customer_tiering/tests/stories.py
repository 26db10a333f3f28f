"""Business stories, made up by chance from a seed: who orders, is billed, gives back and moves, on which day.

Plain Python: an ``Author`` writes them, the ``Stage`` of ``stage.py`` acts them out in Odoo and tells the ledger. A
story is a few strands, each of a few events that build on each other (an order, its invoices, their credit notes);
strands have nothing to do with each other but their people. All strands of all stories go ahead side by side, so that
the stage does what is alike at once. In the end people may merge or move, and those who moved buy again.
"""

from bisect import bisect_right
from dataclasses import dataclass, field, fields, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

PLAIN, TAXED, DELIVERED = "plain", "taxed", "by delivery"  # the last is invoiced by what was delivered
ENTRY, INVOICE = "entry", "invoice"
GAPS = (0, 0, 1, 2, 5, 12, 30, 60)  # days between two events of a strand
CLOCK = (time(12), time(12), time(0, 5), time(23, 55))  # of the company's time zone


# --------------------------------------------------------------------------
# What may happen
# --------------------------------------------------------------------------


@dataclass(frozen=True)
class Item:
    """So many of a product at a price; ``order`` and ``place`` say which line of which order it is of."""

    product: str
    quantity: int
    price: Decimal
    discount: int = 0
    order: str | None = None
    place: int = 0

    @property
    def worth(self):
        return self.price * self.quantity * (100 - self.discount) / 100

    def __str__(self):
        words = f"{self.quantity} {self.product} at {self.price}"
        words += f" less {self.discount}%" if self.discount else ""
        return words + (f" of {self.order}, line {self.place + 1}" if self.order else "")


@dataclass(frozen=True)
class Event:
    """Something that happens; its words are its class and its fields, those without a value left out."""

    def __str__(self):
        words = [type(self).__name__]
        for entry in fields(self):
            value = getattr(self, entry.name)
            if value is None or value == () or value is False:
                continue
            if isinstance(value, tuple):
                value = ", ".join(map(str, value))
            words.append(f"{entry.name}={value}")
        return " ".join(words)


@dataclass(frozen=True)
class Ordered(Event):
    """A quotation is made and confirmed."""

    order: str
    who: str
    payer: str
    receiver: str
    moment: datetime  # UTC
    currency: str
    items: tuple


@dataclass(frozen=True)
class Invoiced(Event):
    """Orders are invoiced, in full or in part; ``extra`` is charged besides, for no order.

    ``delivered`` says how much of which line of which order has been delivered by then, in all.
    """

    bill: str
    orders: tuple
    day: date
    currency: str
    items: tuple
    delivered: tuple = ()
    extra: Decimal | None = None


@dataclass(frozen=True)
class PaidInAdvance(Event):
    """A down payment of so many percent is invoiced."""

    bill: str
    order: str
    day: date
    percent: int


@dataclass(frozen=True)
class Billed(Event):
    """An invoice, a receipt or an opening balance is written without an order."""

    bill: str
    who: str
    day: date
    currency: str
    items: tuple
    kind: str = "out_invoice"
    opening: bool = False


@dataclass(frozen=True)
class Credited(Event):
    """A bill is reversed: in full, some ``items`` of it, or by a ``lump`` sum in their place."""

    note: str
    bill: str
    day: date
    items: tuple = ()
    lump: Decimal | None = None


@dataclass(frozen=True)
class Corrected(Event):
    """A bill is reversed and written again, with ``items`` as they should have been."""

    note: str
    bill: str
    day: date
    again: str
    again_day: date
    items: tuple


@dataclass(frozen=True)
class TakenBack(Event):
    """Goods come back to the order, which is credited from there; ``extra`` besides, for no order.

    ``delivered`` as with ``Invoiced``.
    """

    note: str
    order: str
    day: date
    items: tuple
    delivered: tuple
    extra: Decimal | None = None


@dataclass(frozen=True)
class Reduced(Event):
    """Less of a line was ordered, as turns out after the invoice: the order is changed and credited from there."""

    note: str
    order: str
    day: date
    items: tuple
    left: int


@dataclass(frozen=True)
class Rebated(Event):
    """A credit note for nothing in particular."""

    note: str
    who: str
    day: date
    currency: str
    amount: Decimal


@dataclass(frozen=True)
class Cancelled(Event):
    order: str


@dataclass(frozen=True)
class ConfirmedAgain(Event):
    """A cancelled order is set to quotation and confirmed, perhaps by somebody else."""

    order: str
    who: str
    moment: datetime


@dataclass(frozen=True)
class Withdrawn(Event):
    """A bill or a credit note is reset to draft and cancelled."""

    document: str


@dataclass(frozen=True)
class PostedAgain(Event):
    """A bill or a credit note is reset to draft and posted as it was."""

    document: str


@dataclass(frozen=True)
class LeftInDraft(Event):
    """A bill is reversed, but nobody posts the credit note."""

    bill: str
    day: date


@dataclass(frozen=True)
class Annulled(Event):
    """A credit note is reversed, by an invoice (as Odoo does it) or by an entry (as it did before)."""

    note: str
    day: date
    by: str


@dataclass(frozen=True)
class Settled(Event):
    """What is open of a bill or a credit note is settled by a journal entry, as a payment or netting does."""

    document: str
    day: date


@dataclass(frozen=True)
class Moved(Event):
    """A contact goes to another firm; or a lone person's firm becomes known."""

    who: str
    firm: str


@dataclass(frozen=True)
class Merged(Event):
    who: str
    target: str


@dataclass
class Story:
    number: int
    people: dict = field(default_factory=dict)  # name: firm or None
    strands: list = field(default_factory=list)
    ending: list = field(default_factory=list)
    afterwards: list = field(default_factory=list)  # strands too

    def __str__(self):
        lines = [f"{who} of {firm}" if firm else who for who, firm in self.people.items()]
        for strand in (*self.strands, self.ending, *self.afterwards):
            lines += ["--", *map(str, strand)] if strand else []
        return "\n".join(lines)


def has_discount(items):
    """Whether one of these lines is a discount on the others."""
    return any(item.price < 0 for item in items)


# --------------------------------------------------------------------------
# Money abroad
# --------------------------------------------------------------------------


class Rates:
    """What one unit of the company's currency is worth abroad; another rate every few days."""

    def __init__(self, random, home, first, last):
        self.home = home
        self.steps = {"EUR": Decimal("0.0001"), "JPY": Decimal("0.01"), "USD": Decimal("0.0001")}
        around = {"EUR": Decimal("0.91"), "JPY": Decimal("148"), "USD": Decimal("1.09")}
        around.pop(home, None)
        self.rates = {}
        for currency, rate in list(around.items())[:2]:
            day, self.rates[currency] = first, []
            while day <= last:
                self.rates[currency].append((day, rate))
                rate = (rate * Decimal(random.uniform(0.96, 1.04))).quantize(self.steps[currency])
                day += timedelta(days=random.randint(5, 40))

    @property
    def currencies(self):
        return list(self.rates)

    def at(self, currency, day):
        if currency == self.home:
            return Decimal(1)
        place = bisect_right(self.rates[currency], day, key=lambda rate: rate[0])
        return self.rates[currency][max(place - 1, 0)][1]


# --------------------------------------------------------------------------
# What has happened to the papers of a strand
# --------------------------------------------------------------------------


@dataclass
class Paper:
    """An order, a bill or a credit note as the author remembers it."""

    key: str
    items: list
    currency: str
    standing: bool = True


@dataclass
class OrderPaper(Paper):
    who: str = ""
    delivered: list = field(default_factory=list)  # per item
    invoiced: list = field(default_factory=list)

    def open(self, place):
        """What Odoo would invoice of an item."""
        item = self.items[place]
        due = self.delivered[place] if item.product == DELIVERED else item.quantity
        return due - self.invoiced[place]


@dataclass
class BillPaper(Paper):
    advance: bool = False
    extra: Decimal = Decimal()
    credited: bool = False
    settled: bool = False


@dataclass
class NotePaper(Paper):
    bill: BillPaper | None = None
    settled: bool = False


# --------------------------------------------------------------------------
# The author
# --------------------------------------------------------------------------


class Author:
    """Writes stories around a day.

    :param seed: the same seed, the same stories
    :param as_of: a day (``datetime.date``); most happens in the window before it, some before that and some after
    :param window_days: how long that window is
    :param zone: the name of the company's time zone
    :param rates: ``Rates``
    """

    def __init__(self, seed, as_of, window_days, zone, rates):
        self.seed, self.as_of, self.window_days, self.rates = seed, as_of, window_days, rates
        self.zone = ZoneInfo(zone)

    def write_stories(self, count):
        return [self._write_story(number) for number in range(count)]

    def _write_story(self, number):
        self.random = Random(f"{self.seed}/{number}")
        self.story = Story(number)
        self.papers = 0
        self.random.choices(
            [self._alone, self._with_contacts, self._with_payer, self._who_merge, self._who_move],
            [51, 16, 20, 1, 12],
        )[0]()
        return self.story

    # ------------------------------------------------------------------
    # Who takes part
    # ------------------------------------------------------------------

    def _alone(self):
        ann = self._person("Ann")
        self._some_strands([ann])

    def _with_contacts(self):
        firm = self._person("Firm")
        self._some_strands([firm, self._person("Buyer", firm), self._person("Clerk", firm)])

    def _with_payer(self):
        shop, payer = self._person("Shop"), self._person("Head office")
        others = [self._person("Branch")] if self._chance(0.4) else []
        self._order_strand([shop, *others], payer, receiver=payer if others else shop)
        self._some_strands([shop, payer, *others], at_most=2)

    def _who_merge(self):
        one, other = self._person("Ann"), self._person("Anne")
        contact = [self._person("Buyer", one)] if self._chance(0.3) else []
        self._some_strands([one, *contact])
        self._order_strand([other])
        self.story.ending.append(Merged(one, other))

    def _who_move(self):
        firm = self._person("New firm")
        if self._chance(0.4):
            buyer = self._person("Person")
        else:
            buyer = self._person("Buyer", self._person("Old firm"))
        self._some_strands([buyer], at_most=2)
        if self._chance(0.5):
            self._some_strands([firm], at_most=1)
        self.story.ending.append(Moved(buyer, firm))
        if self._chance(0.6):
            before, self.story.strands = self.story.strands, []
            self._some_strands([buyer], at_most=1)
            self.story.afterwards, self.story.strands = self.story.strands, before

    def _person(self, name, firm=None):
        name = f"{name} {self.story.number}"
        self.story.people[name] = firm
        return name

    # ------------------------------------------------------------------
    # Strands
    # ------------------------------------------------------------------

    def _some_strands(self, people, at_most=3):
        for _ in range(min(self.random.choice((1, 1, 1, 2)), at_most)):
            self.random.choices([self._order_strand, self._direct_strand, self._rebate_strand], [60, 25, 15])[0](people)

    def _begin(self):
        self.strand, self.orders, self.bills, self.notes = [], [], [], []
        self.story.strands.append(self.strand)
        # Whole when goods came back to an order: what is reversed afterwards would be a story about disorder.
        self.closed = False
        edges = (0, self.window_days - 1, self.window_days, -1)
        ago = self.random.choice(edges) if self._chance(0.1) else self.random.randint(-40, self.window_days + 140)
        self.day = self.as_of - timedelta(days=ago)

    def _order_strand(self, people, payer=None, receiver=None):
        self._begin()
        currency = self._currency()
        first = self.random.choice(people)
        # Several orders on one invoice: only those with the same address and currency come together.
        several = self._chance(0.2)
        whos = [first, self.random.choice(people) if receiver and receiver == payer else first] if several else [first]
        for who in whos:
            self._order(who, payer or first, receiver or first, currency)
        self._go_on(people, self.random.choice((0, 1, 2, 2, 3, 4)))

    def _direct_strand(self, people):
        self._begin()
        currency = self._currency()
        bill = BillPaper(self._key("bill"), self._items([PLAIN, TAXED], currency), currency)
        who, opening = self.random.choice(people), self._chance(0.1)
        kind = "out_receipt" if not opening and self._chance(0.2) else "out_invoice"
        self.strand.append(Billed(bill.key, who, self.day, bill.currency, tuple(bill.items), kind, opening))
        if not opening:
            self.bills.append(bill)
            self._go_on(people, self.random.choice((0, 1, 1, 2, 3)))

    def _rebate_strand(self, people):
        self._begin()
        note = NotePaper(self._key("note"), [], self._currency())
        amount = self._price(note.currency)
        self.strand.append(Rebated(note.key, self.random.choice(people), self.day, note.currency, amount))
        self.notes.append(note)
        self._go_on(people, self.random.choice((0, 0, 1, 2)))

    def _go_on(self, people, steps):
        for _ in range(steps):
            self.day += timedelta(days=self.random.choice(GAPS))
            possible = list(self._possible(people))
            if not possible:
                return
            weights, steps_on, papers = zip(*possible, strict=True)
            place = self.random.choices(range(len(possible)), weights)[0]
            steps_on[place](*papers[place])

    def _possible(self, people):
        """What may come next: how likely it is, what writes it, and about which papers."""
        standing = bool(self.orders) and all(order.standing for order in self.orders)
        bills = [bill for bill in self.bills if bill.standing]
        goods = [bill for bill in bills if not bill.advance and not self.closed]
        anything_open = any(
            order.open(place) > 0 or (item.product == DELIVERED and order.invoiced[place] < item.quantity)
            for order in self.orders
            for place, item in enumerate(order.items)
        )
        nothing_open = not any(order.open(place) for order in self.orders for place in range(len(order.items)))
        if standing and anything_open and not self.closed:
            yield 6, self._invoice, ()
            if len(self.orders) == 1 and not self.bills:
                yield 0.5, self._pay_in_advance, (self.orders[0],)
        for bill in goods:
            if not bill.credited:
                yield 2, self._credit_in_full, (bill,)
                yield 2, self._correct, (bill,)
                yield 2, self._credit_some, (bill,)
                yield 1, self._credit_lump, (bill,)
                yield 0.3, self._leave_in_draft, (bill,)
                yield 0.4, self._withdraw_bill, (bill,)
            elif self._chance(0.1):
                yield 0.3, self._credit_in_full, (bill,)  # by mistake: more than was charged
        for bill in bills:
            if bill.advance and len(self.bills) == 1 and not bill.credited:
                yield 0.5, self._credit_in_full, (bill,)
            if bill.currency == self.rates.home and not bill.settled:
                yield 0.3, self._settle, (bill,)
            yield 0.2, self._post_again, (bill,)
        alike = len({paper.currency for paper in (*self.orders, *self.bills)}) == 1
        if (
            standing
            and len(self.orders) == 1
            and nothing_open
            and goods
            and alike
            and not any(bill.credited for bill in goods)
        ):
            (order,) = self.orders
            for place, item in enumerate(order.items):
                if item.product == DELIVERED and order.invoiced[place]:
                    yield 4, self._take_back, (order, place)
                elif item.product == PLAIN and order.invoiced[place] and not has_discount(order.items):
                    yield 1.5, self._reduce, (order, place)
        for order in self.orders:
            if order.standing:
                yield 0.7, self._cancel, (order,)
            else:
                yield 1.5, self._confirm_again, (order, people)
        for note in self.notes:
            if note.standing:
                yield 0.8, self._annul, (note,)
                yield 0.3, self._withdraw_note, (note,)
                yield 0.2, self._post_again, (note,)
                if note.currency == self.rates.home and not note.settled:
                    yield 0.8, self._settle, (note,)

    # ------------------------------------------------------------------
    # One step
    # ------------------------------------------------------------------

    def _order(self, who, payer, receiver, currency):
        key = self._key("order")
        items = self._items([PLAIN, PLAIN, TAXED, DELIVERED, DELIVERED], currency, key)
        nothing = [0] * len(items)
        self.orders.append(OrderPaper(key, items, currency, True, who, list(nothing), list(nothing)))
        self.strand.append(Ordered(key, who, payer, receiver, self._moment(), currency, tuple(items)))

    def _invoice(self):
        if any(order.open(place) < 0 for order in self.orders for place in range(len(order.items))):
            return  # Odoo would credit that too
        advance = any(bill.advance and bill.standing for bill in self.bills)
        in_full = advance or self._chance(0.55)
        parts, delivered = [], []
        for order in self.orders:
            for place, item in enumerate(order.items):
                rest = max(order.items[place].quantity - order.invoiced[place], 0)
                quantity = rest if in_full else self.random.randint(0, rest)
                if item.price < 0:  # with the first goods that are worth more
                    others = sum(replace(paper.items[at], quantity=some).worth for paper, at, some in parts)
                    quantity = rest if others + item.worth > 0 else 0
                if quantity:
                    parts.append((order, place, quantity))
                if item.product == DELIVERED:
                    order.delivered[place] = max(order.delivered[place], order.invoiced[place] + quantity)
                    delivered.append((order.key, place, order.delivered[place]))
        if not parts:
            return
        currency = self.orders[0].currency
        rate = self.rates.at(currency, self.day)
        in_home_money = currency != self.rates.home and not advance and self._chance(0.12)
        items = []
        for order, place, quantity in parts:
            order.invoiced[place] += quantity
            item = order.items[place]
            price = item.price
            if not advance and not has_discount(order.items) and self._chance(0.04):
                price = self._price(currency, item.discount)  # agreed otherwise
            if in_home_money:
                price = (price / rate).quantize(Decimal("0.1")) + Decimal("0.1")
            items.append(replace(item, quantity=quantity, price=price))
        bill = BillPaper(self._key("bill"), items, self.rates.home if in_home_money else currency)
        bill.extra = self._price(bill.currency) if not advance and self._chance(0.08) else Decimal()
        self.bills.append(bill)
        orders = tuple(order.key for order in self.orders)
        self.strand.append(
            Invoiced(bill.key, orders, self.day, bill.currency, tuple(items), tuple(delivered), bill.extra or None)
        )

    def _pay_in_advance(self, order):
        bill = BillPaper(self._key("bill"), [], order.currency, advance=True)
        self.bills.append(bill)
        self.strand.append(PaidInAdvance(bill.key, order.key, self.day, self.random.choice((10, 25, 40))))

    def _credit_in_full(self, bill):
        self._reverse(bill, bill.items)
        self.strand.append(Credited(self.notes[-1].key, bill.key, self.day))

    def _credit_some(self, bill):
        items = [replace(item, quantity=self.random.randint(0, item.quantity)) for item in bill.items]
        items = [item for item in items if item.quantity]
        if sum(item.worth for item in items) > 0:
            self._reverse(bill, items)
            self.strand.append(Credited(self.notes[-1].key, bill.key, self.day, tuple(items)))

    def _credit_lump(self, bill):
        """A sum that the bill surely has, in place of its lines: a compensation, linked to no order."""
        self._reverse(bill, [])
        part = sum(item.worth for item in bill.items) * self.random.randint(5, 95) / 100
        lump = max(part.quantize(Decimal(1)), Decimal(1))
        self.strand.append(Credited(self.notes[-1].key, bill.key, self.day, (), lump))

    def _reverse(self, bill, items):
        bill.credited = True
        self._count(items, -1)
        self.notes.append(NotePaper(self._key("note"), list(items), bill.currency, bill=bill))

    def _correct(self, bill):
        items = list(bill.items)
        if self._chance(0.3) and not has_discount(items):
            place = self.random.randrange(len(items))
            items[place] = replace(items[place], price=self._price(bill.currency, items[place].discount))
        self._reverse(bill, bill.items)
        note, again = self.notes[-1], BillPaper(self._key("bill"), items, bill.currency, extra=bill.extra)
        bill.standing = note.standing = False  # nothing more happens to them
        self._count(items, 1)
        self.bills.append(again)
        again_day = self.day + timedelta(days=self.random.choice(GAPS[:5]))
        self.strand.append(Corrected(note.key, bill.key, self.day, again.key, again_day, tuple(items)))
        self.day = again_day

    def _count(self, items, sign):
        of_key = {order.key: order for order in self.orders}
        for item in items:
            if item.order:
                of_key[item.order].invoiced[item.place] += sign * item.quantity

    def _leave_in_draft(self, bill):
        self.closed = True  # Odoo takes the draft for a return
        bill.credited = True
        self.strand.append(LeftInDraft(bill.key, self.day))

    def _withdraw_bill(self, bill):
        bill.standing = False
        self._count(bill.items, -1)
        self.strand.append(Withdrawn(bill.key))

    def _withdraw_note(self, note):
        note.standing = False
        self._count(note.items, 1)
        self.strand.append(Withdrawn(note.key))

    def _post_again(self, paper):
        self.strand.append(PostedAgain(paper.key))

    def _settle(self, paper):
        paper.settled = True
        self.strand.append(Settled(paper.key, self.day))

    def _annul(self, note):
        note.standing = False
        by = self.random.choice((ENTRY, INVOICE))
        if by == INVOICE:
            self._count(note.items, 1)
        self.strand.append(Annulled(note.key, self._day_of(note), by))

    def _day_of(self, note):
        """On the note's own day: what holds between the two days is nobody's question."""
        return next(event.day for event in self.strand if getattr(event, "note", None) == note.key)

    def _take_back(self, order, place):
        back = self.random.randint(1, order.invoiced[place])
        order.invoiced[place] -= back
        order.delivered[place] = order.invoiced[place]
        item = replace(order.items[place], quantity=back)
        extra = self._price(order.currency) if self._chance(0.2) else None
        note = self._close(order, [item])
        delivered = ((order.key, place, order.delivered[place]),)
        self.strand.append(TakenBack(note.key, order.key, self.day, (item,), delivered, extra))

    def _reduce(self, order, place):
        back = self.random.randint(1, order.items[place].quantity)
        left = order.items[place].quantity - back
        item = replace(order.items[place], quantity=back)
        order.invoiced[place] = left
        order.items[place] = replace(item, quantity=left)
        note = self._close(order, [item])
        self.strand.append(Reduced(note.key, order.key, self.day, (item,), left))

    def _close(self, order, items):
        self.closed = True
        self.notes.append(NotePaper(self._key("note"), items, order.currency))
        return self.notes[-1]

    def _cancel(self, order):
        order.standing = False
        self.strand.append(Cancelled(order.key))

    def _confirm_again(self, order, people):
        order.standing = True
        if not self.bills and len(self.orders) == 1 and self._chance(0.4):
            order.who = self.random.choice(people)
        self.strand.append(ConfirmedAgain(order.key, order.who, self._moment()))

    # ------------------------------------------------------------------
    # Chance
    # ------------------------------------------------------------------

    def _chance(self, probability):
        return self.random.random() < probability

    def _key(self, kind):
        self.papers += 1
        return f"{kind} {self.story.number}/{self.papers}"

    def _currency(self):
        return self.random.choice(self.rates.currencies) if self._chance(0.3) else self.rates.home

    def _moment(self):
        local = datetime.combine(self.day, self.random.choice(CLOCK), self.zone)
        return local.astimezone(timezone.utc).replace(tzinfo=None)

    def _items(self, products, currency, order=None):
        items = []
        for place in range(self.random.choice((1, 1, 1, 2))):
            product, quantity = self.random.choice(products), self.random.randint(1, 5)
            discount = self.random.choice((0, 0, 0, 0, 10))
            items.append(Item(product, quantity, self._price(currency, discount), discount, order, place))
        if order and self._chance(0.15):
            less = sum(item.worth for item in items) * self.random.randint(5, 60) / 100
            less = less.quantize(Decimal(1 if currency == "JPY" else "0.01"))
            items.append(Item(PLAIN, 1, -less, 0, order, len(items)))
        return items

    def _price(self, currency, discount=0):
        """A price that is exact in its currency, also less the discount."""
        if currency == "JPY":
            return Decimal(10 * self.random.randint(50, 4000))
        if discount:
            return Decimal(self.random.randint(50, 4000)) / 10
        return Decimal(self.random.randint(500, 40000)) / 100
