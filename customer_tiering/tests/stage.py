"""Acts stories out through Odoo's documents and wizards, and tells the ledger of each event what the business knows.

What is alike is done at once for all stories: a story alone would take as long as a hundred. What the ledger is told
comes from the story, never from what Odoo made of it; ``Stage.check`` says where the two differ, so that a fault of
the stage is not taken for one of the addon.
"""

from collections import Counter, defaultdict
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import zip_longest
from unittest.mock import patch

from odoo.fields import Command, Date
from odoo.tools import SQL

from . import stories
from .ledger import Charge, cents, exact

COMPENSATION, EXTRA, ADVANCE = "Compensation", "Extra", "Advance"  # lines without a place in an order
LONG_AGO = datetime(2000, 1, 1)
WIZARDS = 10  # bills of a kind that are reversed by Odoo's own wizard; the others by what it does, at once
TABLES = (
    *("sale_order", "sale_order_line", "sale_order_line_invoice_rel"),
    *("account_move", "account_move_line", "account_partial_reconcile"),
)
CHATTER = ("message_post", "message_post_with_source", "_message_log_batch")


class StageError(AssertionError):
    """Odoo's documents are not those of the story."""


class Stage:
    """
    :param company: a company with accounts and journals, whose environment acts
    :param ledger: a ``Ledger`` in the company's time zone
    :param rates: the ``Rates`` of the stories, which the company gets
    """

    tables = TABLES

    def __init__(self, company, ledger, rates):
        self.company = company.with_context(mail_create_nolog=True, mail_create_nosubscribe=True)
        self.env, self.ledger, self.rates = self.company.env, ledger, rates
        self.by_wizard = Counter()
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
        self.money = accounts.search(
            [*of_company, ("account_type", "=", "asset_current"), ("reconcile", "=", False)], limit=1
        )
        self.journal = self.env["account.journal"].search(
            [("company_id", "=", self.company.id), ("type", "=", "general")], limit=1
        )

    # ------------------------------------------------------------------
    # The play
    # ------------------------------------------------------------------

    def act(self, played):
        """Act out stories side by side; the ledger knows them afterwards."""
        with ExitStack() as stack:
            # Nobody reads what documents say of themselves, and to say it takes a third of the time.
            for model in ("sale.order", "account.move"):
                for name in CHATTER:
                    silent = patch.object(type(self.env[model]), name, lambda *_, **__: self.env["mail.message"])
                    stack.enter_context(silent)
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
            # Nothing is committed, so nobody tells PostgreSQL how much there is by now; it would search by bad plans.
            self.env.flush_all()
            for table in self.tables:
                self.env.cr.execute(SQL("ANALYZE %s", SQL.identifier(table)))
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
                    "name": event.order,
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
            lines = {item.place: item.worth for item in event.items}
            self._tell_order(event.order, event.who, event.moment, sum(lines.values()), lines, event)

    def _tell_order(self, key, who, moment, amount, lines, event):
        rate = self.rates.at(event.currency, moment.date())
        self.ordered[key] = event
        self.ledger.ordered(key, who, moment, amount, event.currency, rate, lines)

    def _act_cancelled(self, events):
        self._all_orders([event.order for event in events])._action_cancel()
        for event in events:
            self.ledger.cancelled(event.order)

    def _act_confirmedagain(self, events):
        orders = self._all_orders([event.order for event in events])
        orders.action_draft()
        for event, order in zip(events, orders, strict=True):
            partner = self.partners[event.who]
            if partner != order.partner_id:
                same = ("partner_invoice_id", "partner_shipping_id", "pricelist_id")
                order.write({"partner_id": partner.id, **{name: order[name].id for name in same}})
        orders.action_confirm()
        for event, order in zip(events, orders, strict=True):
            order.date_order = event.moment
            told = self.ledger.orders[event.order]
            self._tell_order(event.order, event.who, event.moment, told.amount, told.lines, self.ordered[event.order])

    def _all_orders(self, keys):
        return self.env["sale.order"].concat(*(self.orders[key] for key in keys))

    # ------------------------------------------------------------------
    # Invoices
    # ------------------------------------------------------------------

    def _act_invoiced(self, events):
        for event in events:
            self._deliver(event.delivered)
        self._invoice_orders({event.bill: event for event in events}, {event.bill: event.orders for event in events})
        for event in events:
            charges = self._charges(event.items, event.extra)
            self._tell_bill(event.bill, self.ordered[event.orders[0]].payer, event.day, event.currency, charges)

    def _deliver(self, delivered):
        for order, place, quantity in delivered:
            self.order_lines[order, place].qty_delivered = quantity

    def _invoice_orders(self, event_of, orders_of):
        """Invoice what is due of orders (or credit it, where goods came back), edited as the events say, and post it.

        Both are by the key of the invoice. The edited values are given to Odoo before it makes the invoices of them:
        what a person edits in the draft comes to the same, but takes as long as the invoice.
        """
        paper_of = {order: paper for paper, orders in orders_of.items() for order in orders}
        orders_class = type(self.env["sale.order"])
        create = orders_class._create_account_invoices

        def create_edited(orders, values_list, final):
            for values in values_list:
                event = event_of[paper_of[values["invoice_origin"].split(", ")[0]]]
                back = not isinstance(event, stories.Invoiced)  # and negative, until Odoo makes a credit note of it
                if not back:
                    values["currency_id"] = self.currencies[event.currency].id
                values["invoice_date"] = event.day
                values["invoice_line_ids"] = self._edited(
                    values["invoice_line_ids"],
                    event.items,
                    keep=lambda line: line.get("is_downpayment"),
                    added={EXTRA: getattr(event, "extra", None)},
                    sign=-1 if back else 1,
                )
            return create(orders, values_list, final)

        with patch.object(orders_class, "_create_account_invoices", create_edited):
            alone = [orders[0] for orders in orders_of.values() if len(orders) == 1]
            moves = self.env["account.move"]
            if alone:
                moves |= self._all_orders(alone)._create_invoices(grouped=True, final=True)
            for orders in orders_of.values():
                if len(orders) > 1:
                    moves |= self._all_orders(orders)._create_invoices(final=True)
        for move in moves:
            self.moves[paper_of[move.invoice_origin.split(", ")[0]]] = move
        moves.action_post()

    def _edited(self, commands, items, keep, added=None, sign=1):
        """The lines of a draft that are ``items``, at their prices, those to ``keep`` and what is ``added``."""
        wanted = {(item.order, item.place): item for item in items}
        result = []
        for command in commands:
            line = command[2]
            item = wanted.pop(self._place(line), None)
            if item:
                values = {**line, "quantity": sign * item.quantity, "price_unit": float(item.price)}
                result.append(Command.create(values))
            elif line["display_type"] != "product" or keep(line):
                result.append(command)
        if wanted:
            raise StageError(f"There is no line for {', '.join(map(str, wanted.values()))}")
        return result + [
            Command.create({**self._free_line(name, amount), "quantity": sign})
            for name, amount in (added or {}).items()
            if amount
        ]

    def _place(self, line):
        """Which line of which order a line of a bill (its values) is of; without an order the name says it."""
        for kind, sale_line, sale_lines in line.get("sale_line_ids") or ():
            for sale_line_id in [sale_line] if kind == Command.LINK else sale_lines:
                return self.places.get(sale_line_id)
        return self._named_place(line.get("name"))

    @staticmethod
    def _named_place(name):
        return (None, int(name)) if name and name.isdigit() else None

    @staticmethod
    def _free_line(name, amount):
        return {"name": name, "quantity": 1, "price_unit": float(amount), "tax_ids": False}

    def _act_paidinadvance(self, events):
        wizards = self.env["sale.advance.payment.inv"]
        for event in events:
            order = self.orders[event.order]
            wizard = wizards.with_context(active_model="sale.order", active_ids=order.ids).create(
                {"advance_payment_method": "percentage", "amount": event.percent}
            )
            self.moves[event.bill] = wizard._create_invoices(order)
            self.moves[event.bill].invoice_date = event.day
        self._all_moves([event.bill for event in events]).action_post()
        for event in events:
            order = self.ledger.orders[event.order]
            charges = {ADVANCE: Charge(order.amount * event.percent / 100, event.order, advance=True)}
            self._tell_bill(event.bill, self.ordered[event.order].payer, event.day, order.currency, charges)

    def _act_billed(self, events):
        moves = self.env["account.move"].create(
            [
                {
                    **self._free_document(event),
                    "move_type": event.kind,
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
        moves.action_post()
        for event in events:
            charges = self._charges(event.items, income=not event.opening)
            self._tell_bill(event.bill, event.who, event.day, event.currency, charges)

    def _free_document(self, event):
        return {
            "partner_id": self.partners[event.who].id,
            "company_id": self.company.id,
            "currency_id": self.currencies[event.currency].id,
            "invoice_date": event.day,
        }

    @staticmethod
    def _charges(items, extra=None, income=True):
        """What a bill charges, by the place of its line or by its name."""
        charges = {
            (item.order, item.place): Charge(item.worth, item.order, item.order and item.place, income=income)
            for item in items
        }
        return {**charges, EXTRA: Charge(extra)} if extra else charges

    def _tell_bill(self, key, who, day, currency, charges):
        self.told[key] = (who, currency, charges)
        charges = self._booked(key, currency, charges)
        self.ledger.invoiced(key, who, day, charges, currency, self.rates.at(currency, day))

    def _booked(self, key, currency, charges):
        """The charges with the cents of the books, which share out what rounding leaves over among the lines."""
        if currency == self.rates.home:
            return list(charges.values())
        booked, sign = {}, 1 if self.moves[key].move_type == "out_refund" else -1
        for line in self.moves[key].invoice_line_ids:
            place = self.places.get(line.sale_line_ids.id) or self._named_place(line.name) or line.name
            booked[place] = exact(round(sign * line.balance, 2))
        return [replace(charge, booked=booked.get(place)) for place, charge in charges.items()]

    # ------------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------------

    def _act_credited(self, events):
        in_full = [event for event in events if not event.items and not event.lump][: self._wizards_left("Credited")]
        self._reverse({event.note: (event.bill, event.day) for event in in_full})
        others = [event for event in events if event not in in_full]
        self._copy(
            {event.note: self._credit_values(event.bill, event.day, event.items, event.lump) for event in others}
        )
        self._all_moves([event.note for event in events]).action_post()
        for event in events:
            who, currency, charges = self.told[event.bill]
            if event.items:
                charges = self._charges(event.items)
            elif event.lump:
                charges = {COMPENSATION: Charge(event.lump)}
            self._tell_note(event.note, who, event.day, currency, charges, event.bill)

    def _wizards_left(self, kind):
        """How many bills of a batch Odoo's own wizard may reverse: it takes one after the other, so only some do."""
        left = WIZARDS - self.by_wizard[kind]
        self.by_wizard[kind] += left
        return left

    def _act_leftindraft(self, events):
        self._copy({event: self._credit_values(event.bill, event.day) for event in events})

    def _reverse(self, of_note):
        """Make drafts of credit notes with Odoo's wizard: ``{key: (key of what is reversed, day)}``."""
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

    def _credit_values(self, bill, day, items=(), lump=None):
        """What the wizard copies into the draft of a credit note, and what a person then changes."""
        values = self._copied(
            bill,
            day,
            move_type="out_invoice" if self.moves[bill].move_type == "out_refund" else "out_refund",
            reversed_entry_id=self.moves[bill].id,
        )
        if items or lump:
            lines = values["line_ids"]
            values["line_ids"] = self._edited(lines, items, keep=lambda line: False, added={COMPENSATION: lump})
        return values

    def _copied(self, bill, day, **values):
        move = self.moves[bill].with_context(include_business_fields=True)
        values = {
            "date": day,
            "invoice_date": day,
            "invoice_date_due": day,
            "invoice_origin": move.invoice_origin,
        } | values
        (copied,) = move.copy_data(values)
        copied["line_ids"] = [
            Command.create(line)
            for _command, _id, line in copied["line_ids"]
            if line["display_type"] in ("product", "line_section", "line_subsection", "line_note")
        ]
        return copied

    def _copy(self, values_of):
        moves = self.env["account.move"].create(list(values_of.values()))
        self.moves.update(zip(values_of, moves, strict=True))

    def _act_corrected(self, events):
        by_wizard = events[: self._wizards_left("Corrected")]
        for event in by_wizard:
            wizard = self._wizard([event.bill], event.day)
            wizard.modify_moves()  # posts the credit note
            self.moves[event.note] = self.moves[event.bill].reversal_move_ids
            self.moves[event.again] = again = wizard.new_move_ids
            prices = {(item.order, item.place): float(item.price) for item in event.items}
            again.write(
                {
                    "invoice_date": event.again_day,
                    "invoice_line_ids": [
                        Command.update(line.id, {"price_unit": prices[place]})
                        for line in again.invoice_line_ids
                        if (place := self._place_of(line)) in prices
                    ],
                }
            )
        others = [event for event in events if event not in by_wizard]
        self._copy({event.note: self._credit_values(event.bill, event.day) for event in others})
        self._all_moves([event.note for event in others]).action_post()
        again = {event.again: self._copied(event.bill, event.again_day) for event in others}
        for event in others:
            lines = again[event.again]["line_ids"]
            again[event.again]["line_ids"] = self._edited(lines, event.items, keep=lambda line: True)
        self._copy(again)
        self._all_moves([event.again for event in events]).action_post()
        for event in events:
            who, currency, charges = self.told[event.bill]
            self._tell_note(event.note, who, event.day, currency, charges, event.bill)
            self._tell_bill(event.again, who, event.again_day, currency, charges | self._charges(event.items))

    def _place_of(self, line):
        return self.places.get(line.sale_line_ids.id) or self._named_place(line.name)

    def _act_takenback(self, events):
        for event in events:
            self._deliver(event.delivered)
        self._credit_orders(events)

    def _act_reduced(self, events):
        for event in events:
            (item,) = event.items
            line = self.order_lines[item.order, item.place]
            line.write({"product_uom_qty": event.left, "price_unit": float(item.price), "discount": item.discount})
            amount = self.ledger.orders[event.order].amount - exact(item.worth)
            self.ledger.changed(event.order, amount, item.place)
        self._credit_orders(events)

    def _credit_orders(self, events):
        self._invoice_orders({event.note: event for event in events}, {event.note: (event.order,) for event in events})
        for event in events:
            order, charges = self.ordered[event.order], self._charges(event.items, getattr(event, "extra", None))
            self._tell_note(event.note, order.payer, event.day, order.currency, charges)

    def _act_rebated(self, events):
        self._copy(
            {
                event.note: {
                    **self._free_document(event),
                    "move_type": "out_refund",
                    "invoice_line_ids": [Command.create(self._free_line(COMPENSATION, event.amount))],
                }
                for event in events
            }
        )
        self._all_moves([event.note for event in events]).action_post()
        for event in events:
            self._tell_note(event.note, event.who, event.day, event.currency, {COMPENSATION: Charge(event.amount)})

    def _tell_note(self, key, who, day, currency, charges, reverses=None):
        self.told[key] = (who, currency, charges)
        charges = self._booked(key, currency, charges)
        self.ledger.credited(key, who, day, charges, currency, self.rates.at(currency, day), reverses)

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
        moves.action_post()

    def _act_annulled(self, events):
        by_invoice = [event for event in events if event.by == stories.INVOICE]
        by_wizard = by_invoice[: self._wizards_left("Annulled")]
        self._reverse({event: (event.note, event.day) for event in by_wizard})
        self._copy(
            {event: self._credit_values(event.note, event.day) for event in by_invoice if event not in by_wizard}
        )
        by_entry = [event for event in events if event not in by_invoice]
        self._copy({event: self._reversing_entry(self.moves[event.note], event.day) for event in by_entry})
        self._all_moves(events).action_post()
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
        open_lines = {
            event: self.moves[event.document].line_ids.filtered(
                lambda line: line.account_type == "asset_receivable" and not line.reconciled
            )
            for event in events
        }
        # Who has nothing open is reconciled with what it reverses, or what reverses it.
        settled = {event: lines for event, lines in open_lines.items() if sum(lines.mapped("amount_residual"))}
        self._copy({event: self._settling_entry(lines, event.day) for event, lines in settled.items()})
        self._all_moves(settled).action_post()
        for event, lines in settled.items():
            (lines | self.moves[event].line_ids.filtered("account_id.reconcile")).reconcile()

    def _settling_entry(self, lines, day):
        amount = sum(lines.mapped("amount_residual"))
        values = [
            {"account_id": lines.account_id.id, "partner_id": lines.partner_id.id, "balance": -amount},
            {"account_id": self.money.id, "balance": amount},
        ]
        return {
            "move_type": "entry",
            "date": day,
            "journal_id": self.journal.id,
            "line_ids": [Command.create(line) for line in values],
        }

    def _all_moves(self, keys):
        return self.env["account.move"].concat(*(self.moves[key] for key in keys))

    # ------------------------------------------------------------------
    # People
    # ------------------------------------------------------------------

    def _act_moved(self, events):
        for event in events:
            partner = self.partners[event.who]
            partner.parent_id = self.partners[event.firm]
            # All of it is acted out on one day: the move is put right after what the contact bought.
            kept = self.env["customer.tiering.former"].search(
                [("partner_id", "=", partner.id)], order="id desc", limit=1
            )
            moment = kept and max(self._moments(partner), default=None)
            kept.moved_at = moment or LONG_AGO
            self.ledger.moved(event.who, event.firm, moment or None)

    def _moments(self, partner):
        return partner.sale_order_ids.mapped("date_order")

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
            told = sum((bill.booked(charge) for charge in sold), Fraction())
            compare(key, "booked", cents(told), cents(exact(booked)))
            if abs(told - sum(charge.amount for charge in sold) / bill.rate) > len(sold) * Fraction(1, 100):
                compare(key, "rate", bill.rate, move.invoice_currency_rate)
        if wrong:
            raise StageError("\n".join(wrong))
