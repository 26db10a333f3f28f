"""Acts stories out through Odoo's own documents and wizards, and tells the ledger of each event what the business knows.

What is alike is done at once for all stories: a story alone would take as long as a hundred. What the ledger is told
comes from the story, never from what Odoo made of it; ``Stage.check`` says where the two differ, so that a fault of
the stage is not taken for one of the addon.
"""

from collections import defaultdict
from itertools import zip_longest

from odoo.fields import Command, Date

from . import stories
from .ledger import Charge, cents, exact

COMPENSATION, EXTRA = "Compensation", "Extra"


class StageError(AssertionError):
    """Odoo's documents are not those of the story."""


class Stage:
    """
    :param company: a company with accounts and journals, whose environment acts
    :param ledger: a ``Ledger`` in the company's time zone
    :param rates: the ``Rates`` of the stories, which the company gets
    """

    def __init__(self, company, ledger, rates):
        self.company, self.env, self.ledger, self.rates = company, company.env, ledger, rates
        self.partners, self.orders, self.moves, self.order_lines = {}, {}, {}, {}
        self.places = {}  # of the lines of orders, by id: (order, place)
        self.ordered = {}  # by order: the event
        self.told = {}  # by bill: who was billed, in which currency, and the charges
        self._furnish()

    def _furnish(self):
        names = [self.rates.home, *self.rates.currencies]
        currencies = self.env["res.currency"].with_context(active_test=False).search([("name", "in", names)])
        currencies.active = True
        self.currencies = {currency.name: currency for currency in currencies}
        self.env["res.currency.rate"].create(
            [
                {
                    "name": day,
                    "rate": float(rate),
                    "currency_id": self.currencies[name].id,
                    "company_id": self.company.id,
                }
                for name, rates in self.rates.rates.items()
                for day, rate in rates
            ]
        )
        self.pricelists = {
            name: self.env["product.pricelist"].create(
                {"name": name, "currency_id": self.currencies[name].id, "company_id": self.company.id}
            )
            for name in names
        }
        self.tax = self.env["account.tax"].create(
            {"name": "Stories 15%", "amount": 15, "type_tax_use": "sale", "company_id": self.company.id}
        )
        common = {"type": "service", "taxes_id": False, "list_price": 1}
        self.products = {
            stories.PLAIN: self.env["product.product"].create({**common, "name": "Plain", "invoice_policy": "order"}),
            stories.TAXED: self.env["product.product"].create(
                {**common, "name": "Taxed", "invoice_policy": "order", "taxes_id": [Command.set(self.tax.ids)]}
            ),
            stories.DELIVERED: self.env["product.product"].create(
                {**common, "name": "By delivery", "invoice_policy": "delivery"}
            ),
        }
        accounts = self.env["account.account"].with_company(self.company)
        of_company = [("company_ids", "=", self.company.id)]
        self.equity = accounts.search([*of_company, ("account_type", "=", "equity")], limit=1)
        self.bank = accounts.search([*of_company, ("account_type", "=", "asset_current")], limit=1)
        self.journal = self.env["account.journal"].search(
            [("company_id", "=", self.company.id), ("type", "=", "general")], limit=1
        )

    # ------------------------------------------------------------------
    # The play
    # ------------------------------------------------------------------

    def act(self, played):
        """Act out stories side by side; the ledger knows them afterwards."""
        self._people(played)
        self._strands([strand for story in played for strand in story.strands])
        self._strands([story.ending for story in played])
        self._strands([strand for story in played for strand in story.afterwards])
        self.env.flush_all()

    def _strands(self, strands):
        for events in zip_longest(*strands):
            of_kind = defaultdict(list)
            for event in events:
                if event is not None:
                    of_kind[type(event)].append(event)
            for kind, alike in of_kind.items():
                getattr(self, f"_act_{kind.__name__.lower()}")(alike)

    def _people(self, played):
        people = {name: firm for story in played for name, firm in story.people.items()}
        for level in (
            {name: None for name, firm in people.items() if not firm},
            {name: firm for name, firm in people.items() if firm},
        ):
            partners = self.env["res.partner"].create(
                [{"name": name, "parent_id": self.partners[firm].id if firm else False} for name, firm in level.items()]
            )
            self.partners.update(zip(level, partners, strict=True))
            for name, firm in level.items():
                self.ledger.person(name, firm)

    # ------------------------------------------------------------------
    # Orders
    # ------------------------------------------------------------------

    def _act_ordered(self, events):
        orders = self.env["sale.order"].create(
            [
                {
                    "partner_id": self.partners[event.who].id,
                    "partner_invoice_id": self.partners[event.payer].id,
                    "partner_shipping_id": self.partners[event.receiver].id,
                    "company_id": self.company.id,
                    "pricelist_id": self.pricelists[event.currency].id,
                    "order_line": [
                        Command.create(
                            {
                                "product_id": self.products[item.product].id,
                                "product_uom_qty": item.quantity,
                                "price_unit": float(item.price),
                                "discount": item.discount,
                            }
                        )
                        for item in event.items
                    ],
                }
                for event in events
            ]
        )
        orders.action_confirm()
        for event, order in zip(events, orders, strict=True):
            order.date_order = event.moment
            self.orders[event.order] = order
            for item, line in zip(event.items, order.order_line.sorted("id"), strict=True):
                self.order_lines[event.order, item.place] = line
                self.places[line.id] = (event.order, item.place)
            self._tell_order(event.order, event.who, event.moment, sum(item.worth for item in event.items), event)

    def _tell_order(self, key, who, moment, amount, event):
        rate = self.rates.at(event.currency, moment.date())
        self.ordered[key] = event
        self.ledger.ordered(key, who, moment, amount, event.currency, rate)

    def _act_cancelled(self, events):
        self._all_orders(events)._action_cancel()
        for event in events:
            self.ledger.cancelled(event.order)

    def _act_confirmedagain(self, events):
        orders = self._all_orders(events)
        orders.action_draft()
        for event, order in zip(events, orders, strict=True):
            partner = self.partners[event.who]
            if partner != order.partner_id:
                same = ("partner_invoice_id", "partner_shipping_id", "pricelist_id")
                order.write({"partner_id": partner.id, **{name: order[name].id for name in same}})
        orders.action_confirm()
        for event, order in zip(events, orders, strict=True):
            order.date_order = event.moment
            amount = self.ledger.orders[event.order].amount
            self._tell_order(event.order, event.who, event.moment, amount, self.ordered[event.order])

    def _all_orders(self, events):
        return self.env["sale.order"].concat(*(self.orders[event.order] for event in events))

    # ------------------------------------------------------------------
    # Invoices
    # ------------------------------------------------------------------

    def _act_invoiced(self, events):
        for event in events:
            self._deliver(event.delivered)
        for event, invoice in zip(events, self._invoice_orders([event.orders for event in events]), strict=True):
            invoice.write(
                {
                    "invoice_date": event.day,
                    "currency_id": self.currencies[event.currency].id,
                    "invoice_line_ids": self._only(invoice, event.items, event.extra),
                }
            )
            self.moves[event.bill] = invoice
        self._post(self._all_moves([event.bill for event in events]))
        for event in events:
            payer = self.ordered[event.orders[0]].payer
            self._tell_bill(event.bill, payer, event.day, event.currency, event.items, event.extra)

    def _invoice_orders(self, keys):
        """Invoice (or credit, where goods came back) what is due of these orders; the invoices in their order."""
        single = self.env["sale.order"].concat(*(self.orders[of_bill[0]] for of_bill in keys if len(of_bill) == 1))
        invoices = {}
        if single:
            moves = single._create_invoices(grouped=True, final=True)
            invoices = {move.line_ids.sale_line_ids.order_id: move for move in moves}
        for of_bill in keys:
            if len(of_bill) == 1:
                yield invoices[self.orders[of_bill[0]]]
            else:
                orders = self.env["sale.order"].concat(*(self.orders[key] for key in of_bill))
                yield orders._create_invoices(final=True).ensure_one()

    def _deliver(self, delivered):
        for order, place, quantity in delivered:
            self.order_lines[order, place].qty_delivered = quantity

    def _only(self, move, items, extra=None, advances=True):
        """The commands that leave of a draft only ``items``, at their prices, and add what is charged besides.

        :param advances: whether what was paid in advance stays
        """
        wanted = {(item.order, item.place): item for item in items}
        commands = [Command.create(self._free_line(EXTRA, extra))] if extra else []
        for line in move.invoice_line_ids.filtered(lambda line: line.display_type == "product"):
            item = wanted.pop(self._place(line), None)
            if item:
                values = {"quantity": item.quantity, "price_unit": float(item.price)}
                if (line.quantity, line.price_unit) != tuple(values.values()):
                    commands.append(Command.update(line.id, values))
            elif not (line.is_downpayment and advances):
                commands.append(Command.delete(line.id))
        if wanted:
            raise StageError(f"{move.display_name} has no line for {', '.join(map(str, wanted.values()))}")
        return commands

    def _place(self, line):
        """Which line of which order a line of a bill is of; without an order the name says it."""
        if line.sale_line_ids:
            return self.places.get(line.sale_line_ids.id)
        return (None, int(line.name)) if line.name.isdigit() else None

    def _act_paidinadvance(self, events):
        wizards = self.env["sale.advance.payment.inv"]
        for event in events:
            order = self.orders[event.order]
            wizard = wizards.with_context(active_model="sale.order", active_ids=order.ids).create(
                {"advance_payment_method": "percentage", "amount": event.percent}
            )
            self.moves[event.bill] = wizard._create_invoices(order)
            self.moves[event.bill].invoice_date = event.day
        self._post(self._all_moves([event.bill for event in events]))
        for event in events:
            order = self.ledger.orders[event.order]
            advance = Charge(order.amount * event.percent / 100, event.order, advance=True)
            rate, payer = self.rates.at(order.currency, event.day), self.ordered[event.order].payer
            self.told[event.bill] = (payer, order.currency, [advance])
            self.ledger.invoiced(event.bill, payer, event.day, [advance], order.currency, rate)

    def _act_billed(self, events):
        moves = self.env["account.move"].create(
            [
                {
                    "move_type": event.kind,
                    "partner_id": self.partners[event.who].id,
                    "company_id": self.company.id,
                    "currency_id": self.currencies[event.currency].id,
                    "invoice_date": event.day,
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "name": str(item.place),
                                "quantity": item.quantity,
                                "price_unit": float(item.price),
                                "discount": item.discount,
                                "tax_ids": [Command.set(self.tax.ids if item.product == stories.TAXED else [])],
                                **({"account_id": self.equity.id} if event.opening else {}),
                            }
                        )
                        for item in event.items
                    ],
                }
                for event in events
            ]
        )
        self.moves.update(zip([event.bill for event in events], moves, strict=True))
        self._post(moves)
        for event in events:
            self._tell_bill(event.bill, event.who, event.day, event.currency, event.items, income=not event.opening)

    def _tell_bill(self, key, who, day, currency, items, extra=None, income=True):
        charges = [Charge(item.worth, item.order, income=income) for item in items]
        charges += [Charge(extra)] if extra else []
        self.told[key] = (who, currency, charges)
        self.ledger.invoiced(key, who, day, charges, currency, self.rates.at(currency, day))

    # ------------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------------

    def _act_credited(self, events):
        self._reverse({event.note: (event.bill, event.day) for event in events})
        for event in events:
            note = self.moves[event.note]
            if event.items:
                note.invoice_line_ids = self._only(note, event.items, advances=False)
            elif event.lump:
                note.invoice_line_ids = [
                    *self._only(note, (), advances=False),
                    Command.create(self._free_line(COMPENSATION, event.lump)),
                ]
        self._post(self._all_moves([event.note for event in events]))
        for event in events:
            who, currency, charges = self.told[event.bill]
            if event.items:
                charges = [Charge(item.worth, item.order) for item in event.items]
            elif event.lump:
                charges = [Charge(event.lump)]
            self._tell_note(event.note, who, event.day, currency, charges, event.bill)

    def _act_leftindraft(self, events):
        self._reverse({event: (event.bill, event.day) for event in events})

    def _reverse(self, of_note):
        """Make drafts of credit notes (or of entries) with the wizard: ``{key: (key of what is reversed, day)}``."""
        of_day = defaultdict(list)
        for bill, day in of_note.values():
            of_day[day].append(bill)
        drafts = {}
        for day, bills in of_day.items():
            wizard = self._wizard(bills, day)
            wizard.refund_moves()
            drafts.update({move.reversed_entry_id: move for move in wizard.new_move_ids})
        for key, (bill, _day) in of_note.items():
            self.moves[key] = drafts[self.moves[bill]]

    def _wizard(self, bills, day):
        moves = self._all_moves(bills)
        wizards = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=moves.ids)
        return wizards.create({"journal_id": moves.journal_id[:1].id, "date": day})

    def _act_corrected(self, events):
        for event in events:
            wizard = self._wizard([event.bill], event.day)
            wizard.modify_moves()  # posts the credit note
            again = wizard.new_move_ids
            self.moves[event.again], self.moves[event.note] = again, self.moves[event.bill].reversal_move_ids
            again.write({"invoice_date": event.again_day, "invoice_line_ids": self._corrections(again, event.items)})
        self._post(self._all_moves([event.again for event in events]))
        for event in events:
            who, currency, charges = self.told[event.bill]
            self._tell_note(event.note, who, event.day, currency, charges, event.bill)
            extra = sum(charge.amount for charge in charges[len(event.items) :])
            self._tell_bill(event.again, who, event.again_day, currency, event.items, extra)

    def _corrections(self, move, items):
        prices = {(item.order, item.place): float(item.price) for item in items}
        return [
            Command.update(line.id, {"price_unit": prices[place]})
            for line in move.invoice_line_ids
            if (place := self._place(line)) in prices and prices[place] != line.price_unit
        ]

    def _act_takenback(self, events):
        for event in events:
            self._deliver(event.delivered)
        self._credit_orders(events)

    def _act_reduced(self, events):
        for event in events:
            (item,) = event.items
            line = self.order_lines[item.order, item.place]
            line.write({"product_uom_qty": event.left, "price_unit": float(item.price), "discount": item.discount})
            self.ledger.changed(event.order, self.ledger.orders[event.order].amount - exact(item.worth))
        self._credit_orders(events)

    def _credit_orders(self, events):
        for event, note in zip(events, self._invoice_orders([(event.order,) for event in events]), strict=True):
            extra = getattr(event, "extra", None)
            note.write({"invoice_date": event.day, "invoice_line_ids": self._only(note, event.items, extra)})
            self.moves[event.note] = note
        self._post(self._all_moves([event.note for event in events]))
        for event in events:
            extra, order = getattr(event, "extra", None), self.ordered[event.order]
            charges = [Charge(item.worth, item.order) for item in event.items] + ([Charge(extra)] if extra else [])
            self._tell_note(event.note, order.payer, event.day, order.currency, charges)

    def _act_rebated(self, events):
        notes = self.env["account.move"].create(
            [
                {
                    "move_type": "out_refund",
                    "partner_id": self.partners[event.who].id,
                    "company_id": self.company.id,
                    "currency_id": self.currencies[event.currency].id,
                    "invoice_date": event.day,
                    "invoice_line_ids": [Command.create(self._free_line(COMPENSATION, event.amount))],
                }
                for event in events
            ]
        )
        self.moves.update(zip([event.note for event in events], notes, strict=True))
        self._post(notes)
        for event in events:
            self._tell_note(event.note, event.who, event.day, event.currency, [Charge(event.amount)])

    def _tell_note(self, key, who, day, currency, charges, reverses=None):
        self.told[key] = (who, currency, charges)
        self.ledger.credited(key, who, day, charges, currency, self.rates.at(currency, day), reverses)

    @staticmethod
    def _free_line(name, amount):
        return {"name": name, "quantity": 1, "price_unit": float(amount), "tax_ids": False}

    # ------------------------------------------------------------------
    # What happens to papers afterwards
    # ------------------------------------------------------------------

    def _act_withdrawn(self, events):
        moves = self._all_moves([event.document for event in events])
        moves.button_draft()
        moves.button_cancel()
        for event in events:
            self.ledger.withdrawn(event.document)
            del self.moves[event.document]

    def _act_postedagain(self, events):
        moves = self._all_moves([event.document for event in events])
        moves.button_draft()
        self._post(moves)

    def _act_annulled(self, events):
        by_invoice = [event for event in events if event.by == stories.INVOICE]
        self._reverse({event: (event.note, event.day) for event in by_invoice})
        self._post(self._all_moves(by_invoice))
        self._post(
            self.env["account.move"].create(
                [
                    self._reversing_entry(self.moves[event.note], event.day)
                    for event in events
                    if event not in by_invoice
                ]
            )
        )
        for event in events:
            self.ledger.annulled(event.note, event.day)

    def _reversing_entry(self, note, day):
        """What Odoo made of a reversed credit note until version 16."""
        return {
            "move_type": "entry",
            "reversed_entry_id": note.id,
            "date": day,
            "journal_id": self.journal.id,
            "line_ids": [
                Command.create(
                    {
                        "name": line.name,
                        "account_id": line.account_id.id,
                        "partner_id": line.partner_id.id,
                        "currency_id": line.currency_id.id,
                        "amount_currency": -line.amount_currency,
                        "balance": -line.balance,
                        "tax_ids": False,
                    }
                )
                for line in note.line_ids
                if line.balance
            ],
        }

    def _act_settled(self, events):
        for event in events:
            move = self.moves[event.document]
            open_lines = move.line_ids.filtered(
                lambda line: line.account_type == "asset_receivable" and not line.reconciled
            )
            amount = sum(open_lines.mapped("amount_residual"))
            if not amount:
                continue  # reconciled with what it reverses
            entry = self.env["account.move"].create(
                {
                    "move_type": "entry",
                    "date": event.day,
                    "journal_id": self.journal.id,
                    "line_ids": [
                        Command.create(
                            {
                                "account_id": open_lines.account_id.id,
                                "partner_id": move.commercial_partner_id.id,
                                "balance": -amount,
                            }
                        ),
                        Command.create({"account_id": self.bank.id, "balance": amount}),
                    ],
                }
            )
            entry.action_post()
            (open_lines | entry.line_ids.filtered(lambda line: line.account_id == open_lines.account_id)).reconcile()

    def _all_moves(self, keys):
        return self.env["account.move"].concat(*(self.moves[key] for key in keys))

    @staticmethod
    def _post(moves):
        moves.action_post()

    # ------------------------------------------------------------------
    # People
    # ------------------------------------------------------------------

    def _act_moved(self, events):
        for event in events:
            self.partners[event.who].parent_id = self.partners[event.firm]
            self.ledger.moved(event.who, event.firm)

    def _act_merged(self, events):
        for event in events:
            one, target = self.partners.pop(event.who), self.partners[event.target]
            self.env["base.partner.merge.automatic.wizard"].create({})._merge((one | target).ids, dst_partner=target)
            self.ledger.merged(event.who, event.target)

    # ------------------------------------------------------------------
    # Whether it went as it is told
    # ------------------------------------------------------------------

    def check(self):
        """Compare Odoo's documents with what the ledger was told.

        :raises StageError: with all differences
        """
        self.env.invalidate_all()
        wrong = []

        def compare(key, what, told, found):
            if told != found:
                wrong.append(f"{key}: {what} {found}, told {told}")

        for key, order in self.ledger.orders.items():
            record = self.orders[key]
            compare(key, "stands", order.standing, record.state == "sale")
            compare(key, "amount", cents(order.amount), cents(exact(record.amount_untaxed)))
            compare(key, "moment", order.moment, record.date_order)
            compare(key, "rate", round(float(order.rate), 9), round(record.currency_rate, 9))
        for key, bill in self.ledger.bills.items():
            move = self.moves[key]
            lines = move.invoice_line_ids.filtered(
                lambda line: line.display_type == "product" and not line.is_downpayment
            )
            sold = [charge for charge in bill.charges if not charge.advance]
            compare(key, "state", "posted", move.state)
            compare(key, "is a credit note", bill.credits, move.move_type == "out_refund")
            compare(key, "day", bill.day, Date.to_date(move.invoice_date))
            compare(key, "reverses", self.moves.get(bill.reverses), move.reversed_entry_id or None)
            found = cents(exact(round(sum(lines.mapped("price_subtotal")), 6)))
            compare(key, "amount", cents(exact(sum(charge.amount for charge in sold))), found)
            booked = abs(round(sum(lines.mapped("balance")), 6))
            compare(key, "booked", sum(cents(charge.amount / bill.rate) for charge in sold), cents(exact(booked)))
        if wrong:
            raise StageError("\n".join(wrong))
