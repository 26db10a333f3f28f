"""A ledger of what customers bought and gave back, in plain Python: what the stories' scorecards are judged by.

It knows neither Odoo nor anything of this addon. It is told what happens in the business, one event after the other,
and says of each customer what must stand on the scorecard. It reckons with fractions, so that it rounds only where
money is rounded: each line of a bill when it is booked, and what it says in the end.

People, orders and bills have any hashable keys. Amounts are untaxed and in the document's currency; a rate says how
much of that currency one unit of the company's currency is. A down payment is told as an ``advance``: it is paid
before, not bought.
"""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

ORDERS, INVOICES, ORDERS_AND_DIRECT_INVOICES = "order", "invoice", "order_invoice"
SOURCES = (ORDERS, INVOICES, ORDERS_AND_DIRECT_INVOICES)  # the tickets of a till are in customer_tiering_pos
CENT = Decimal("0.01")


def exact(number):
    """A number as a fraction: 0.1 is a tenth, not the float that is near it."""
    return number if isinstance(number, Fraction) else Fraction(str(number))


def cents(amount):
    """Round half up to cents, as money is booked.

    >>> cents(Fraction(2, 3)), cents(Fraction(5, 1000)), cents(Fraction(-5, 1000))
    (Decimal('0.67'), Decimal('0.01'), Decimal('-0.01'))
    """
    return (Decimal(amount.numerator) / Decimal(amount.denominator)).quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Charge:
    """A line of a bill: what it charges or gives back, and for which line of which order if for one.

    ``booked`` is the amount in the company's currency where the books have another cent than the rate says, because
    a bill's lines are made to add up.
    """

    amount: Fraction
    order: object = None
    line: object = None
    advance: bool = False
    income: bool = True
    booked: Fraction | None = None

    @property
    def sells(self):
        return self.income and not self.advance


@dataclass
class Order:
    customer: object
    moment: datetime  # UTC, without time zone
    amount: Fraction
    currency: str
    rate: Fraction
    lines: dict  # what each line came to, where that is told
    standing: bool = True


@dataclass
class Bill:
    """An invoice, a receipt or, when ``credits``, a credit note; ``reverses`` is the key of the bill it takes back."""

    customer: object
    day: date
    currency: str
    rate: Fraction
    charges: list
    credits: bool = False
    reverses: object = None
    annulled: date | None = None

    @property
    def amount(self):
        """What was sold: income, without what was or will be paid in advance."""
        return sum((charge.amount for charge in self.charges if charge.sells), Fraction())

    @property
    def money(self):
        """The same in the company's currency, as it is booked."""
        return sum((self.booked(charge) for charge in self.charges if charge.sells), Fraction())

    def booked(self, charge):
        return Fraction(cents(charge.amount / self.rate)) if charge.booked is None else charge.booked

    def orders(self):
        return [charge.order for charge in self.charges if charge.order is not None]

    def beside(self):
        """What is charged without an order."""
        return [charge for charge in self.charges if charge.order is None and not charge.advance]


@dataclass(frozen=True)
class Purchase:
    """Money in the company's currency, not rounded."""

    customer: object
    day: date
    money: Fraction
    returned: Fraction
    order: object = None

    @property
    def left(self):
        return self.money - self.returned


@dataclass
class Statement:
    """What must stand on a customer's scorecard. The days are those of all times, the rest is of the window."""

    amount: Fraction = Fraction()
    refund_amount: Fraction = Fraction()
    order_count: int = 0
    days: set = field(default_factory=set)

    @property
    def purchase_days(self):
        return len(self.days)

    @property
    def first_day(self):
        return min(self.days, default=None)

    @property
    def last_day(self):
        return max(self.days, default=None)


class Ledger:
    def __init__(self, zone, rate_at=None):
        """``rate_at``: the rate of a currency on a day, where documents of several currencies belong together."""
        self.zone = ZoneInfo(zone)
        self.rate_at = rate_at
        self.firms = {}  # of each contact, or None
        self.eras = defaultdict(list)  # of each contact: until when it was one of which firm, the first one first
        self.orders = {}
        self.bills = {}

    # ------------------------------------------------------------------
    # What happens
    # ------------------------------------------------------------------

    def person(self, key, firm=None):
        """There is somebody, alone (or a firm) or as a contact of a firm."""
        self.firms[key] = firm

    def moved(self, contact, firm, moment=None):
        """A contact is one of another firm from a moment on. Who was a customer before goes there with all they bought.

        Without a moment nobody knows of an earlier firm.
        """
        if self.firms[contact] is None:
            self._hand_over(contact, firm)
        elif moment:
            self.eras[contact].append((moment, self.firms[contact]))
        self.firms[contact] = firm

    def merged(self, source, target):
        """Two turn out to be the same."""
        self._hand_over(source, self._customer(target))
        for contact, firm in self.firms.items():
            if firm == source:
                self.firms[contact] = target
        for eras in self.eras.values():
            eras[:] = [(moment, target if firm == source else firm) for moment, firm in eras]
        del self.firms[source]

    def ordered(self, key, contact, moment, amount, currency, rate, lines=()):
        """An order is confirmed, for the first time or again; ``lines``: the amounts of its lines by their keys."""
        then = (firm for until, firm in self.eras[contact] if moment <= until)
        customer = next(then, self._customer(contact))
        lines = {line: exact(of_line) for line, of_line in dict(lines).items()}
        self.orders[key] = Order(customer, moment, exact(amount), currency, exact(rate), lines)

    def changed(self, key, amount, line=None):
        """The amount of an order, that of one of its lines, is another one now."""
        order = self.orders[key]
        if line in order.lines:
            order.lines[line] += exact(amount) - order.amount
        order.amount = exact(amount)

    def cancelled(self, key):
        self.orders[key].standing = False

    def invoiced(self, key, billed, day, charges, currency, rate):
        """An invoice or a receipt is posted; ``charges`` are of the kind ``Charge``."""
        self.bills[key] = self._bill(billed, day, charges, currency, rate)

    def credited(self, key, billed, day, charges, currency, rate, reverses=None):
        """A credit note is posted; its ``charges`` are positive."""
        self.bills[key] = replace(self._bill(billed, day, charges, currency, rate), credits=True, reverses=reverses)

    def withdrawn(self, key):
        """An invoice or a credit note is taken out of the books."""
        del self.bills[key]

    def annulled(self, key, day):
        """A credit note is made void by an entry, or an invoice that sells nothing, as Odoo does it now."""
        self.bills[key].annulled = day

    def _customer(self, contact):
        return contact if self.firms[contact] is None else self.firms[contact]

    def _bill(self, billed, day, charges, currency, rate):
        charges = [replace(charge, amount=exact(charge.amount)) for charge in charges]
        return Bill(self._customer(billed), day, currency, exact(rate), charges)

    def _hand_over(self, source, target):
        for document in (*self.orders.values(), *self.bills.values()):
            if document.customer == source:
                document.customer = target

    # ------------------------------------------------------------------
    # What it comes to
    # ------------------------------------------------------------------

    def statements(self, as_of, window_days, source, smallest=0, rebates=True):
        """What must stand on the scorecards as of the end of a day.

        :param source: one of ``SOURCES``
        :param smallest: a document with less than this left is no purchase
        :param rebates: whether credit notes that take back nothing are subtracted
        :return: ``{customer: Statement}`` of who bought or gave back something
        """
        begin = as_of - timedelta(days=window_days)
        result = defaultdict(Statement)
        for purchase in self._purchases(as_of, source):
            statement = result[purchase.customer]
            in_window = purchase.day > begin
            if in_window:
                statement.refund_amount += purchase.returned
            if cents(purchase.left) > 0 and purchase.left >= exact(smallest):
                statement.days.add(purchase.day)
                if in_window:
                    statement.order_count += 1
                    statement.amount += purchase.left
        for customer, day, money in self._rebates(as_of, source) if rebates else ():
            if day > begin and customer in result and result[customer].days:
                result[customer].amount -= money
                result[customer].refund_amount += money
        return dict(result)

    def _purchases(self, as_of, source):
        if source != INVOICES:
            yield from self._ordered(as_of)
        if source != ORDERS:
            yield from self._invoiced(as_of, direct=source == ORDERS_AND_DIRECT_INVOICES)

    def _ordered(self, as_of):
        charged = self._charged_for_orders(as_of)
        for key, order in self.orders.items():
            day = order.moment.replace(tzinfo=timezone.utc).astimezone(self.zone).date()
            if not order.standing or order.amount <= 0 or day > as_of:
                continue
            invoiced = credited = missing = Fraction()
            for line, charges in charged[key].items():
                so_far, far = Fraction(), [Fraction()]
                for _day, _number, amount, is_credit in sorted(charges):  # of a day as they were told
                    so_far += -amount if is_credit else amount
                    credited += amount if is_credit else 0
                    far.append(so_far)
                # A line may be a discount, of which less was invoiced than nothing.
                is_discount = sum(amount for _day, _number, amount, _is_credit in charges) < 0
                short = (min(far) if is_discount else max(far)) - so_far
                missing += short
                invoiced += so_far
                ordered = order.lines.get(line)
                # At a price or a rate of its own, but all of it, and nothing is left: it came back as it was ordered.
                if ordered and not cents(so_far) and Fraction(9, 10) <= short / ordered <= 1:
                    credited += ordered - short
                    missing += ordered - short
            # What was invoiced again is not returned. At most the order: what never counted cannot be taken back.
            returned = max(min(credited, missing, order.amount - invoiced, order.amount), Fraction())
            yield Purchase(order.customer, day, order.amount / order.rate, returned / order.rate, key)

    def _charged_for_orders(self, as_of):
        """What was invoiced or credited for each line of each order, in the order's currency: day, which bill
        of that day, amount, and whether it was credited."""
        charged = defaultdict(lambda: defaultdict(list))
        lumps = defaultdict(list)
        for number, bill in enumerate(self._bills(as_of)):
            day = bill.day if bill.reverses is None else max(bill.day, self.bills[bill.reverses].day)
            for charge in bill.charges:
                if charge.advance:
                    continue
                if charge.order is not None:
                    amount = self._in_currency_of(charge.order, bill, charge)
                    charged[charge.order][charge.line].append((day, number, amount, bill.credits))
                elif bill.reverses is not None:
                    lumps[bill.reverses].append((number, bill, charge))
        for reversed_, charges in lumps.items():
            invoice = self.bills[reversed_]
            day = max(invoice.day, *(bill.day for _number, bill, _charge in charges))
            number = max(number for number, _bill, _charge in charges)
            for (order, line), share in self._shares(invoice).items():
                # First they take back what the invoice charged without an order.
                beside = sum((self._in_currency_of(order, invoice, one) for one in invoice.beside()), Fraction())
                lump = sum((self._in_currency_of(order, bill, charge) for _number, bill, charge in charges), Fraction())
                charged[order][line].append((day, number, share * max(lump - beside, 0), True))
        return charged

    def _in_currency_of(self, key, bill, charge):
        """At the rate of the day on which it was charged, also when it is given back."""
        order, invoice = self.orders[key], self.bills.get(bill.reverses)
        if bill.currency == order.currency:
            return charge.amount
        same = invoice is not None and bill.currency == invoice.currency
        money = charge.amount / invoice.rate if same else bill.booked(charge)
        return money * exact(self.rate_at(order.currency, (invoice or bill).day))

    def _shares(self, invoice):
        """For which lines of which orders an invoice was, in parts that add up to 1."""
        amounts = defaultdict(Fraction)
        for charge in invoice.charges:
            if charge.order is not None and not charge.advance:
                amounts[charge.order, charge.line] += charge.amount
        total = sum(amounts.values())
        return {line: amount / total for line, amount in amounts.items()} if total else {}

    def _invoiced(self, as_of, direct):
        taken = self._taken_from_invoices(as_of)
        place = {key: place for place, key in enumerate(self.orders)}
        for key, bill in self._invoices(as_of):
            orders = sorted(bill.orders(), key=place.get)
            if bill.amount <= 0 or (direct and orders):
                continue
            first = self.orders[orders[0]].customer if orders else bill.customer
            back = bill.money * taken[key] / bill.amount
            named = self._named_back(key, as_of)
            parts = defaultdict(Fraction)
            for charge in bill.charges:
                if charge.sells:
                    customer = first if charge.order is None else self.orders[charge.order].customer
                    parts[customer] += bill.booked(charge)
            # Whose lines are credited, has given them back; what else was credited, all have.
            named = {customer: max(min(named[customer], part), 0) for customer, part in parts.items()}
            all_named = sum(named.values())
            for customer, part in parts.items():
                if len(parts) == 1:
                    returned = back
                elif back < all_named:
                    returned = named[customer] * back / all_named
                else:
                    rest = back - all_named
                    returned = named[customer] + (rest and (part - named[customer]) * rest / (bill.money - all_named))
                yield Purchase(customer, bill.day, part, returned)

    def _named_back(self, key, as_of):
        """What credit notes that reverse an invoice give back of the orders of each customer, at its rate."""
        named = defaultdict(Fraction)
        for note in self._bills(as_of):
            if note.credits and note.reverses == key:
                for charge in note.charges:
                    if charge.order is not None and not charge.advance:
                        named[self.orders[charge.order].customer] += charge.amount / self.bills[key].rate
        return named

    def _taken_from_invoices(self, as_of):
        """What the credit notes leave less of each invoice, in its currency."""
        taken = defaultdict(Fraction)

        def take(key, amount):
            part = min(amount, self.bills[key].amount - taken[key])
            taken[key] += part
            return amount - part

        notes = [bill for bill in self._bills(as_of) if bill.credits]
        for note in notes:
            if note.reverses is not None:
                take(note.reverses, note.amount)
        parts = {}  # what is left of the part of an invoice that is an order's
        for key, bill in self._invoices(as_of):
            for order in bill.orders():
                part = sum((one.amount for one in bill.charges if one.order == order and one.sells), Fraction())
                parts[key, order] = part * (1 - taken[key] / bill.amount) if bill.amount > 0 else Fraction()
        for note in notes:
            if note.reverses is not None:
                continue
            # The later told of a day later, and those of later days only if need be.
            by_day = sorted(self._invoices(as_of), key=lambda one: (one[1].day <= note.day, one[1].day))
            invoices = [one for one in by_day if any(charge.order in one[1].orders() for charge in note.charges)]
            for charge in note.charges:
                rest = charge.amount if charge.order is not None and not charge.advance else Fraction()
                for key, invoice in reversed(invoices):
                    if rest > 0 and charge.order in invoice.orders():
                        some = min(rest, max(parts[key, charge.order], Fraction()))
                        parts[key, charge.order] -= some
                        rest -= some - take(key, some)
        return taken

    def _rebates(self, as_of, source):
        """Who was given how much back for no purchase, and when."""
        for note in self._bills(as_of):
            if note.credits and note.reverses is None:
                free = [charge for charge in note.charges if charge.order is None and charge.income]
                money = sum((note.booked(charge) for charge in free), Fraction())
                yield note.customer, note.day, money

    def _invoices(self, as_of):
        return [(key, bill) for key, bill in self.bills.items() if not bill.credits and bill.day <= as_of]

    def _bills(self, as_of):
        return [
            bill
            for bill in self.bills.values()
            if bill.day <= as_of and not (bill.annulled is not None and bill.annulled <= as_of)
        ]
