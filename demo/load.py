"""Fill a database with the customers of a real record shop: ``bin/python demo/load.py DATABASE``.

Every step and every batch is a transaction of its own. A step that is complete leaves a mark, and
the customers and orders of an unfinished one are known by their references, so the program can be
stopped at any moment and started again.
"""

import argparse
import random
import re
import sys
from datetime import datetime, time, timedelta

import cdnow
from dateutil.relativedelta import relativedelta
from faker import Faker
from freezegun import freeze_time
from tqdm import tqdm

from odoo import api
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.tools import config, remove_accents, split_every

MARK = "customer_tiering_demo.%s"  # the key of a system parameter

# The speed and the silence of an import: no e-mails, no followers, no "created" notes.
CONTEXT = {
    "mail_activity_quick_update": True,
    "mail_create_nolog": True,
    "mail_create_nosubscribe": True,
    "no_reset_password": True,
    "tracking_disable": True,
}

USERS = (  # login and password, name, group
    ("sam", "Sam Rivers", "sales_team.group_sale_salesman_all_leads"),
    ("mia", "Mia Lindholm", "sales_team.group_sale_salesman_all_leads"),
    ("leo", "Leo Okafor", "sales_team.group_sale_salesman_all_leads"),
    ("kim", "Kim Adler", "sales_team.group_sale_manager"),
)
SALESPEOPLE = ("sam", "mia", "leo")

ALBUMS = (
    "Blue Hour",
    "Late Trains",
    "Nine Rivers",
    "Salt and Cedar",
    "Live at the Old Mill",
    "Quiet Engines",
    "Paper Moons",
    "Northern Waltzes",
)

# Faker's language, share of the customers, country, phone numbers, cities (Faker's own are mostly
# invented). Nobody has these numbers: they are kept for films and the like, where a country does so.
PLACES = (
    ("en_US", 62, "us", "+1 212 555 01%02d", ("New York", "Chicago", "Boston", "Seattle", "Austin", "Denver")),
    ("en_GB", 12, "uk", "+44 20 7946 00%02d", ("London", "Leeds", "Bristol", "Glasgow")),
    ("de_DE", 10, "de", "+49 30 23125 0%02d", ("Berlin", "Hamburg", "Köln", "Leipzig")),
    ("fr_FR", 8, "fr", "+33 1 99 00 12 %02d", ("Paris", "Lyon", "Nantes")),
    ("es_ES", 4, "es", "", ("Madrid", "Valencia")),
    ("it_IT", 4, "it", "", ("Milano", "Bologna")),
)
TIER_DESCRIPTIONS = (  # the highest tier first
    "Named contact, answer within a day, free shipping",
    "Answer within a day, new releases a week early",
    "New releases by e-mail each month",
    "Catalogue twice a year",
)
COSTS = (8.5, 9.2, 7.9, 10.4, 9.6)  # of the goods
WORK = {"order": 3.5, "order_line": 0.4, "returned_order": 6, "meeting_hour": 45, "activity": 4}
NEEDS = (
    ("packing", "Sleeves in a padded envelope, no plastic"),
    ("delivery", "Deliver after 5 p.m."),
    ("document", "Invoice by e-mail to the accountant"),
    ("product", "First pressings only"),
    ("time", "Call on Mondays before ten"),
)
PULSES = (
    ("up", "Recommends us"),
    ("same", "As ever"),
    ("down", "Late delivery last month"),
)
TIER_CAPACITIES = (60, 120, 0, 0)  # customers per salesperson, none: no limit
TIER_DISCOUNTS = (10, 5, 0, 0)  # percent
TIER_MANAGERS = ("mia", "sam", "", "")
WEEKS = 12  # so long ago the sales manager switched these playbooks on
PLAYBOOKS = {  # trigger: limits
    "enter": {"user_day_limit": 6},
    "pending": {"user_day_limit": 5},
    "risk": {"user_day_limit": 5, "held_out_percent": 30, "effect_days": 30, "effect_events": 150},
}
# Of a person's follow-ups: the shares done in time, done late, cancelled. What is left stays open.
DILIGENCE = {"sam": (0.82, 0.1, 0.03), "mia": (0.7, 0.18, 0.07), "leo": (0.52, 0.28, 0.08)}
FEEDBACK = (
    "Reached, will order next week.",
    "Nobody answered, left a message.",
    "Happy with us; wants to hear of new releases.",
    "Bought elsewhere because of the price, wants an offer.",
    "Wrote an e-mail instead.",
)
COMPANY_EVERY = 6  # every sixth customer is a company, whose contacts place the orders
PROSPECTS = 40
CREDIT_NOTES = 60
NOTES = (
    "Called about the order: all fine, would like to hear of new jazz records.",
    "Asked for an invoice copy by e-mail.",
    "Met at the record fair; interested in a monthly box.",
    "Delivery arrived late, apologised and offered free shipping.",
    "Prefers to be called in the afternoon.",
)
SUMMARIES = ("Ask how the last order went", "Offer the new catalogue", "Check the delivery address")
BATCH = 250


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("database")
    database = parser.parse_args().database
    config.parse_config(["--database", database, "--log-level", "warn"], setup_logging=True)
    with Registry(database).cursor() as cr:
        env = api.Environment(cr, api.SUPERUSER_ID, CONTEXT)
        Loader(env(user=env.ref("base.user_admin"))).run()


class Loader:
    def __init__(self, env):
        self.env = env
        # The last purchase is moved to the day of the first start and stays there.
        self.today = env.company._get_tiering_today()
        if started := self._get_mark("started"):
            self.today = datetime.fromisoformat(started).date()
        self._set_mark("started", self.today.isoformat())
        self.purchases = cdnow.read()
        self.shift = self.today - max(purchase.date for purchase in self.purchases)

    def run(self):
        for step in (
            self.load_users,
            self.load_products,
            self.load_customers,
            self.load_orders,
            self.load_benefits,
            self.load_quotations,
            self.load_credit_notes,
            self.load_contacts,
            self.load_costs,
            self.load_needs,
            self.compute_tiers,
            self.look_ahead,
            self.look_back,
        ):
            if not self._get_mark(step.__name__):
                step()
                self._set_mark(step.__name__, "done")
                self._commit()

    def _get_mark(self, name):
        return self.env["ir.config_parameter"].get_param(MARK % name)

    def _set_mark(self, name, value):
        self.env["ir.config_parameter"].set_param(MARK % name, value)

    def _commit(self):
        self.env.cr.commit()
        self.env.invalidate_all()  # or the cache would hold everything that was ever loaded

    def _in_batches(self, label, items, done=0):
        """Yield lists of items under a progress bar, and commit after each; ``done`` came before them."""
        with tqdm(desc=label, total=done + len(items), initial=done, unit="", dynamic_ncols=True) as bar:
            for batch in split_every(BATCH, items, list):
                yield batch
                self._commit()
                bar.update(len(batch))

    def _get_existing(self, model, field, prefix):
        """Return ``{reference: record}`` of what an earlier start has loaded."""
        records = self.env[model].search_fetch([(field, "=like", f"{prefix}-%")], [field])
        return {record[field]: record for record in records}

    # ------------------------------------------------------------------
    # Who sells what
    # ------------------------------------------------------------------

    def load_users(self):
        # Odoo would ask its own servers about the company when somebody logs in first.
        self.env["res.company"].search([]).iap_enrich_auto_done = True
        self.env["res.users"].create(
            [
                {
                    "login": login,
                    "password": login,
                    "name": name,
                    "email": f"{login}@example.com",
                    "group_ids": [Command.link(self.env.ref(group).id)],
                }
                for login, name, group in USERS
            ]
        )
        team = self.env.ref("sales_team.team_sales_department")
        team.member_ids = self.env["res.users"].search([("login", "in", SALESPEOPLE)])
        # OdooBot would open a chat over the first page that each of them looks at.
        self.env["res.users"].search([]).odoobot_state = "disabled"

    def load_products(self):
        self.env["product.product"].create(
            [
                {
                    "name": f"{album} (CD)",
                    "default_code": f"CD-{number}",
                    "list_price": 14,
                    "standard_price": COSTS[number % len(COSTS)],
                    "taxes_id": [Command.clear()],
                }
                for number, album in enumerate(ALBUMS, 1)
            ]
        )

    def _get_salesperson(self, number):
        return self.env["res.users"].search([("login", "=", SALESPEOPLE[number % len(SALESPEOPLE)])])

    # ------------------------------------------------------------------
    # Customers
    # ------------------------------------------------------------------

    def load_customers(self):
        existing = self._get_existing("res.partner", "ref", "CDNOW")
        numbers = sorted({purchase.customer for purchase in self.purchases})
        missing = [number for number in numbers if f"CDNOW-{number}" not in existing]
        self._create_customers("Customers", "CDNOW", missing, COMPANY_EVERY, done=len(existing))

    def _create_customers(self, label, prefix, numbers, company_every, done=0):
        fakers = {locale: Faker(locale) for locale, *_ in PLACES}
        for batch in self._in_batches(label, numbers, done):
            salespeople = [self._get_salesperson(number) for number in range(len(SALESPEOPLE))]
            self.env["res.partner"].create(
                [
                    {
                        "ref": f"{prefix}-{number}",
                        "customer_rank": 1,  # as if created on the screen Customers, which shows only those
                        "user_id": salespeople[number % len(salespeople)].id,
                        **self._get_customer_values(fakers, number, number % company_every == 0),
                    }
                    for number in batch
                ]
            )

    def _get_customer_values(self, fakers, number, is_company):
        """Return made-up values that depend on the customer's number only, not on who came before."""
        chance = random.Random(number)
        (place,) = chance.choices(PLACES, weights=[share for _locale, share, *_ in PLACES])
        locale, _share, country, phone, cities = place
        fake = fakers[locale]
        fake.seed_instance(number)
        values = {
            "city": chance.choice(cities),
            "street": fake.street_address().replace("\n", ", "),
            "country_id": self.env.ref(f"base.{country}").id,
            "phone": phone and phone % (number % 100),
        }
        if not is_company:
            return {**values, **self._get_person_values(fake)}
        return {
            **values,
            "name": fake.company(),
            "is_company": True,
            "child_ids": [
                Command.create({**self._get_person_values(fake), "type": "contact"})
                for _contact in range(chance.randint(1, 3))
            ],
        }

    def _get_person_values(self, fake):
        name = f"{fake.first_name()} {fake.last_name()}"
        mailbox = re.sub(r"[^a-z]+", ".", remove_accents(name).lower())
        return {"name": name, "email": f"{mailbox}@example.com"}

    # ------------------------------------------------------------------
    # Orders, quotations, credit notes
    # ------------------------------------------------------------------

    def load_orders(self):
        existing = self._get_existing("sale.order", "client_order_ref", "CDNOW")
        missing = [purchase for purchase in self.purchases if self._get_order_ref(purchase) not in existing]
        missing.sort(key=lambda purchase: purchase.date)  # so that the order numbers rise with the date
        for batch in self._in_batches("Orders", missing, done=len(existing)):
            customers = self._get_existing("res.partner", "ref", "CDNOW")
            products = self.env["product.product"].search([("default_code", "=like", "CD-_")])
            orders = self.env["sale.order"].create(
                [
                    self._get_order_values(purchase, customers[f"CDNOW-{purchase.customer}"], products)
                    for purchase in batch
                ]
            )
            orders.action_confirm()
            for order, purchase in zip(orders, batch, strict=True):  # the confirmation set the present moment
                order.date_order = self._get_moment(purchase)

    def _get_order_ref(self, purchase):
        return f"CDNOW-{purchase.customer}-{purchase.number}"

    def _get_moment(self, purchase):
        """Return the purchase's day, moved, at some time of the working day (UTC)."""
        minute = (purchase.customer * 37 + purchase.number * 11) % 480
        return datetime.combine(purchase.date + self.shift, time(8)) + timedelta(minutes=minute)

    def _get_order_values(self, purchase, customer, products):
        buyers = customer.child_ids or customer
        return {
            "partner_id": buyers[purchase.number % len(buyers)].id,
            "client_order_ref": self._get_order_ref(purchase),
            "user_id": customer.user_id.id,
            "order_line": self._get_lines(products, purchase),
        }

    def _get_lines(self, products, purchase):
        """Return lines whose sum is the purchase's amount to the cent: 29.33 = 1 x 14.66 + 1 x 14.67."""
        price, dearer = divmod(purchase.cents, purchase.units)
        first = purchase.customer + purchase.number
        lines = ((first, purchase.units - dearer, price), (first + 1, dearer, price + 1))
        return [
            Command.create(
                {
                    "product_id": products[number % len(products)].id,
                    "product_uom_qty": units,
                    "price_unit": cents / 100,
                }
            )
            for number, units, cents in lines
            if units
        ]

    def load_quotations(self):
        """Quote to some who never bought, and to one of forty who did."""
        self._create_customers("Prospects", "PROSPECT", range(1, PROSPECTS + 1), company_every=2)
        prospects = self.env["res.partner"].search([("ref", "=like", "PROSPECT-%")])
        buyers = self.env["res.partner"].search([("ref", "in", [f"CDNOW-{number}" for number in range(40, 2400, 40)])])
        products = self.env["product.product"].search([("default_code", "=like", "CD-_")])
        self.env["sale.order"].create(
            [
                {
                    "partner_id": customer.id,
                    "user_id": customer.user_id.id,
                    "order_line": [
                        Command.create({"product_id": products[number % len(products)].id, "product_uom_qty": 2})
                    ],
                }
                for number, customer in enumerate(prospects + buyers)
            ]
        )

    def load_credit_notes(self):
        """Take back half of some orders of the last year."""
        orders = self.env["sale.order"].search(
            [
                ("client_order_ref", "=like", "CDNOW-%"),
                ("date_order", ">", self.today - timedelta(days=350)),
                ("amount_untaxed", ">", 20),
            ],
            order="id",
        )
        credit_notes = self.env["account.move"].create(
            [
                {
                    "move_type": "out_refund",
                    "partner_id": order.partner_id.commercial_partner_id.id,
                    "invoice_date": min(order.date_order.date() + timedelta(days=10), self.today),
                    "invoice_line_ids": [
                        Command.create(
                            {
                                "product_id": order.order_line[0].product_id.id,
                                "sale_line_ids": [Command.link(order.order_line[0].id)],
                                "price_unit": self.env.company.currency_id.round(order.amount_untaxed / 2),
                                "tax_ids": [Command.clear()],
                            }
                        )
                    ],
                }
                for order in random.Random(1).sample(orders, CREDIT_NOTES)
            ]
        )
        credit_notes.action_post()

    # ------------------------------------------------------------------
    # Contacts with the customers
    # ------------------------------------------------------------------

    def load_contacts(self):
        """Note calls and mails of the past, and plan some for the days around today.

        Who buys more hears more from the shop, though not always: that is what a tier is for.
        """
        chance = random.Random(2)
        orders = self.env["sale.order"]._read_group(
            [("client_order_ref", "=like", "CDNOW-%")], ["partner_id.commercial_partner_id"], ["__count"]
        )
        customers = [
            partner
            for partner, count in sorted(orders, key=lambda row: row[0].id)
            if chance.random() < min(count / 12, 0.8)
        ]
        call = self.env.ref("mail.mail_activity_data_call")
        note = self.env.ref("mail.mt_note")
        notes, done, planned, meetings = [], [], [], []
        for customer in tqdm(customers, desc="Contacts", unit="", dynamic_ncols=True):
            activity = {
                "res_model_id": self.env["ir.model"]._get_id("res.partner"),
                "res_id": customer.id,
                "activity_type_id": call.id,
                "user_id": customer.user_id.id,
                "summary": chance.choice(SUMMARIES),
            }
            for days in chance.sample(range(400), chance.randint(1, 5)):
                moment = datetime.combine(self.today, time(14)) - timedelta(days=days)
                if chance.random() < 0.6:
                    notes.append(
                        {
                            "model": "res.partner",
                            "res_id": customer.id,
                            "message_type": "comment",
                            "subtype_id": note.id,
                            "is_internal": True,
                            "author_id": customer.user_id.partner_id.id,
                            "body": chance.choice(NOTES),
                            "date": moment,
                        }
                    )
                else:
                    done.append({**activity, "date_deadline": moment.date()})
            if chance.random() < 0.2:
                start = datetime.combine(self.today, time(9)) - timedelta(days=chance.randint(-10, 300))
                meetings.append(
                    {
                        "name": f"Visit {customer.name}",
                        "user_id": customer.user_id.id,
                        "partner_ids": [Command.set((customer | customer.user_id.partner_id).ids)],
                        "start": start,
                        "stop": start + timedelta(minutes=30 * chance.randint(1, 5)),
                    }
                )
            if chance.random() < 0.3:
                days = chance.randint(-5, 20)
                planned.append({**activity, "date_deadline": self.today + timedelta(days=days)})
        self.env["mail.message"].create(notes)
        self.env["calendar.event"].with_context(no_mail_to_attendees=True).create(meetings)
        Activity = self.env["mail.activity"]
        Activity.create(planned)
        for deadline, activities in Activity.create(done).grouped("date_deadline").items():
            activities.write({"active": False, "date_done": deadline, "feedback": "Reached, all well."})

    def load_costs(self):
        """Say what serving costs, and have profit measured."""
        for cost in self.env["customer.tiering.cost"].search([]):
            cost.rate = WORK.get(cost.key, 0)
        self.env.company.tiering_policy_ids[:1].action_measure_table()

    def load_needs(self):
        """Note what some customers need, and how it goes with some."""
        chance = random.Random(3)
        orders = self.env["sale.order"]._read_group(
            [("client_order_ref", "=like", "CDNOW-%")],
            ["partner_id.commercial_partner_id"],
            having=[("__count", ">=", 4)],
        )
        needs, pulses = [], []
        for (customer,) in sorted(orders, key=lambda row: row[0].id):
            if chance.random() < 0.25:
                kind, text = chance.choice(NEEDS)
                kind = self.env.ref(f"customer_tiering.customer_tiering_need_kind_{kind}")
                needs.append({"partner_id": customer.id, "kind_id": kind.id, "text": text})
            if chance.random() < 0.2:
                sign, word = chance.choice(PULSES)
                pulses.append({"partner_id": customer.id, "sign": sign, "word": word})
        self.env["customer.tiering.need"].create(needs)
        self.env["customer.tiering.pulse"].create(pulses)

    # ------------------------------------------------------------------
    # Tiers
    # ------------------------------------------------------------------

    def load_benefits(self):
        """Give the tiers what makes a tier worth something: prices, terms, people."""
        tiers = self.env.company.tiering_policy_ids[:1].tier_ids
        for tier, description, capacity, discount, login in zip(
            tiers, TIER_DESCRIPTIONS, TIER_CAPACITIES, TIER_DISCOUNTS, TIER_MANAGERS, strict=True
        ):
            tier.description = tier.description or description
            tier.capacity = tier.capacity or capacity
            tier.user_id = tier.user_id or self.env["res.users"].search([("login", "=", login)])
            if discount and not tier.pricelist_id:
                tier.pricelist_id = self._create_pricelist(tier, discount)
        tiers[0].payment_term_id = tiers[0].payment_term_id or self.env.ref("account.account_payment_term_30days")

    def _create_pricelist(self, tier, discount):
        rule = {"compute_price": "percentage", "percent_price": discount}
        return self.env["product.pricelist"].create(
            {
                "name": f"{tier.name} –{discount}%",
                "company_id": tier.company_id.id,
                "item_ids": [Command.create(rule)],
            }
        )

    def compute_tiers(self):
        """Compute as of each month of the last year, then of each week, so that there is a history to look at.

        In the last weeks playbooks plan follow-ups after each computation, and people do most of them.
        """
        Run = self.env["customer.tiering.run"]
        policy = self.env.company.tiering_policy_ids[:1]
        done = set(Run.search([("state", "=", "done")]).mapped("as_of"))
        weeks = [self.today - timedelta(weeks=weeks) for weeks in range(WEEKS, -1, -1)]
        months = [self.today - relativedelta(months=months) for months in range(12, 0, -1)]
        days = [day for day in months if day < weeks[0]] + weeks
        for day in tqdm(days, desc="Tiers and follow-ups of a year", unit="", dynamic_ncols=True):
            if day > self.today - relativedelta(months=6):
                self._set_retention(policy)  # so the policy has a first and a present version
            if day in done:
                continue
            run = Run._queue(policy, trigger="manual")
            run._compute(as_of=day)
            if day in weeks:
                with freeze_time(datetime.combine(day, time(5))) as clock:
                    self._plan_followups(policy, day)
                    self._do_followups(clock, until=day + timedelta(days=6))
            self._commit()
        self._lock_customers(policy)
        self._quote_before_the_rise(policy)

    def look_back(self):
        """Check the data, and see what the playbooks did."""
        self.env.company.tiering_check_data = True
        self.env["customer.tiering.check"]._look(self.env.company, self.today)
        self.env["customer.tiering.effect"]._cron_measure()

    def look_ahead(self):
        """Foresee downgrades, and look for stopped products."""
        policy = self.env.company.tiering_policy_ids[:1]
        policy.write({"foresees_falls": True, "look_for_gaps": True})
        self.env["customer.tiering.fall"]._foresee(self.env["customer.tiering.run"]._get_last(policy))
        self.env["customer.tiering.gap"]._find(self.env.company, self.today)

    def _quote_before_the_rise(self, policy):
        """Quote to customers who have risen since then, so that the quotations hint at their new prices."""
        cards = self.env["customer.tiering.scorecard"].search(
            [
                ("tier_id", "in", policy.tier_ids[:2].ids),
                ("tier_since", ">", self.today - timedelta(days=20)),
                ("pending_tier_id", "=", False),
            ],
            order="score desc, id",
            limit=4,
        )
        usual = self.env["product.pricelist"].search(
            [("company_id", "=", policy.company_id.id), ("item_ids", "=", False)], limit=1
        )
        products = self.env["product.product"].search([("default_code", "=like", "CD-_")])
        quotations = self.env["sale.order"].create(
            [
                {
                    "partner_id": card.partner_id.id,
                    "user_id": card.user_id.id,
                    "pricelist_id": usual.id,
                    "date_order": datetime.combine(self.today, time(9)) - timedelta(days=21),
                    "validity_date": self.today + timedelta(days=5),
                    "order_line": [Command.create({"product_id": products[number].id, "product_uom_qty": 3})],
                }
                for number, card in enumerate(cards)
            ]
        )
        quotations.flush_recordset()
        self.env.cr.execute("UPDATE sale_order SET create_date = date_order WHERE id = ANY(%s)", [quotations.ids])

    def _plan_followups(self, policy, day):
        Playbook = self.env["customer.tiering.playbook"]
        playbooks = Playbook.search([("policy_id", "=", policy.id), ("trigger", "in", list(PLAYBOOKS))])
        for playbook in playbooks.filtered(lambda playbook: not playbook.enabled):
            playbook.write(PLAYBOOKS[playbook.trigger])
            if playbook.trigger == "enter":
                playbook.tier_ids = policy.tier_ids[:2]
            playbook.action_enable()
        Followup = self.env["customer.tiering.followup"].sudo()  # written by the job, as superuser
        for playbook in playbooks:
            while Followup._process(playbook.sudo(), day):
                pass

    def _do_followups(self, clock, until):
        """Do, on its day, what people are going to do up to ``until`` (or today), or delete it."""
        opened = self.env["customer.tiering.followup"].search([("activity_id.active", "=", True)]).activity_id
        doings = [(day, activity, done) for activity in opened for day, done in self._get_doing(activity)]
        for day, activity, done in sorted(doings, key=lambda doing: (doing[0], doing[1].id)):
            if day > min(until, self.today):
                break
            clock.move_to(datetime.combine(day, time(14)))
            if done:
                feedback = FEEDBACK[activity.id % len(FEEDBACK)]
                activity.with_user(activity.user_id).action_feedback(feedback=feedback)
            else:
                activity.unlink()
            self.env.flush_all()  # the day on which it was done is computed late

    def _get_doing(self, activity):
        """Return ``[(day, whether it is done)]``, nothing for what is left; the same whenever it is asked."""
        chance = random.Random(activity.id)
        in_time, late, cancelled = DILIGENCE[activity.user_id.login]
        roll = chance.random()
        if roll < in_time:
            return [(activity.date_deadline - timedelta(days=chance.randint(0, 1)), True)]
        if roll < in_time + late:
            return [(activity.date_deadline + timedelta(days=chance.randint(1, 9)), True)]
        if roll < in_time + late + cancelled:
            return [(activity.date_deadline, False)]
        return []

    def _set_retention(self, policy):
        """Announce downgrades a month before, and let them go one step at a time."""
        if policy.one_step:
            return
        policy.write({"grace_days": 30, "one_step": True})
        self._commit()

    def _lock_customers(self, policy):
        """Let the sales manager keep two good customers above the tier that the rules come to."""
        Lock = self.env["customer.tiering.lock"]
        if Lock.search_count([], limit=1):
            return
        gold, silver = policy.tier_ids[1:3]
        cards = self.env["customer.tiering.scorecard"].search([("tier_id", "=", silver.id)], limit=2)
        reasons = ("Strategic account, agreed with the director", "Takes part in the pilot until the summer")
        manager = self.env["res.users"].search([("login", "=", "kim")])
        for card, reason in zip(cards, reasons, strict=False):
            Lock.with_user(manager).create(
                {
                    "partner_id": card.partner_id.id,
                    "company_id": card.company_id.id,
                    "tier_id": gold.id,
                    "reason": reason,
                }
            )
        self._commit()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nStopped. The next start goes on from here.")
