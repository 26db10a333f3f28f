"""A company that uses all apps at once: each column that a metric has is filled, and what its help says."""

import random
from datetime import datetime, timedelta

import pandas as pd
from independent import Table

from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from odoo.addons.customer_tiering.tests.common import AS_OF, TieringCommon

CUSTOMERS = 12
# Reckoned by hand in customer_tiering/tests/test_promise.py, and by the model's formula in test_outlook.py.
ELSEWHERE = {
    *("credited_share", "quotation_days", "quotations_per_order"),
    *("order_percent", "expected_orders", "expected_amount", "year_value"),
}
DAYS = 400  # so long ago is the first of what happens; the window is shorter


@tagged("post_install", "-at_install")
class TestWholeTable(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chance = random.Random(17)
        cls.company.partner_id.tz = "America/New_York"
        cls.policy.window_days = 365
        cls.policy.shown_metric_ids = cls.env["customer.tiering.metric"].search([])
        for number, cost in enumerate(cls.env["customer.tiering.cost"].search([]), 1):
            cost.rate = number
        cls.accounting()
        cls.stranger = cls.env["res.company"].create({"name": "Other Company"})
        cls.env.user.company_ids |= cls.stranger
        cls.people = cls.env["res.partner"]
        for number in range(CUSTOMERS):
            firm = cls.new_customer(f"Firm {number}", is_company=True, email=f"firm{number}@example.com")
            cls.people |= firm | cls.new_customer(f"Ann of {number}", parent_id=firm.id)
        cls.env.user.group_ids |= cls.env.ref("project.group_project_manager")
        kinds = cls.env["product.category"].create([{"name": name} for name in ("Jazz", "Rock")])
        cls.products = cls.env["product.product"].create(
            [
                {
                    "name": f"Record {number}",
                    "taxes_id": False,
                    "invoice_policy": "order",
                    "list_price": 20 + 10 * number,
                    "standard_price": number and 10.0 + number,  # of the first no cost is known
                    "categ_id": kinds[number % 2].id,
                }
                for number in range(6)
            ]
        )
        value = Command.create({"name": "Signed"})
        wish = cls.env["product.attribute"].create(
            {"name": "Wish", "create_variant": "no_variant", "value_ids": [value, Command.create({"name": "None"})]}
        )
        cls.env["product.template.attribute.line"].create(
            {
                "product_tmpl_id": cls.products[5].product_tmpl_id.id,
                "attribute_id": wish.id,
                "value_ids": [Command.set(wish.value_ids.ids)],
            }
        )
        for fill in (
            *(cls.fill_orders, cls.fill_deliveries, cls.fill_contacts, cls.fill_voices, cls.fill_support),
            *(cls.fill_surveys, cls.fill_points, cls.fill_shop),
        ):
            fill()
        cls.compute()

    # ------------------------------------------------------------------
    # What happened
    # ------------------------------------------------------------------

    @classmethod
    def some(cls, share=1.0):
        """So large a share of the people, twice as many times as there are people."""
        return [cls.chance.choice(cls.people) for _ in range(int(2 * share * len(cls.people)))]

    @classmethod
    def moment(cls, least=-20):
        """A moment (UTC) of the days before AS_OF, or of some after it."""
        days = cls.chance.randint(least, DAYS)
        return datetime.combine(AS_OF, datetime.min.time()) - timedelta(days=days, minutes=cls.chance.randint(-1439, 0))

    @classmethod
    def create_at(cls, moments, model, rows):
        """Create records that were there at these moments."""
        found = cls.env[model].create(rows)
        cls.env.flush_all()
        for record, moment in zip(found, moments, strict=True):
            cls.env.cr.execute(f"UPDATE {found._table} SET create_date = %s WHERE id = %s", [moment, record.id])
        found.invalidate_recordset(["create_date"])
        return found

    @classmethod
    def fill_orders(cls):
        cls.ordered = cls.env["sale.order"]
        teams = cls.env["crm.team"].create([{"name": name, "company_id": cls.company.id} for name in ("Shops", "Web")])
        for number, who in enumerate(cls.some(3)):
            lines = [
                Command.create(
                    {
                        "product_id": product.id,
                        "product_uom_qty": cls.chance.randint(1, 5),
                        "price_unit": cls.chance.randint(15, 90),
                        "discount": cls.chance.choice((0, 0, 10, 25)),
                    }
                )
                for product in cls.chance.sample(cls.products, cls.chance.randint(1, 3))
            ]
            state = cls.chance.choice(("sale", "sale", "sale", "draft", "cancel"))
            cls.ordered |= cls.order(
                who, state=state, when=cls.moment(), order_line=lines, team_id=cls.chance.choice(teams).id
            )
            if number % 9 == 0:
                cls.order(who, when=cls.moment(), company_id=cls.stranger.id)
        for number, order in enumerate(cls.ordered):
            order.commitment_date = number % 3 and order.date_order + timedelta(days=number % 5)
        template = cls.products[5].product_tmpl_id
        wished = cls.env["product.template.attribute.value"].search([("product_tmpl_id", "=", template.id)], limit=1)
        for line in cls.ordered.order_line.filtered(lambda line: line.product_id == cls.products[5])[::2]:
            line.product_no_variant_attribute_value_ids = wished
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE sale_order SET create_date = date_order WHERE company_id = %s", [cls.company.id])
        cls.env.invalidate_all()
        bought = cls.ordered.filtered(lambda order: order.state == "sale" and order.date_order.date() < AS_OF)
        for number, order in enumerate(bought[:18]):
            day = order.date_order.date()
            invoice = order._create_invoices()
            invoice.write({"invoice_date": day, "invoice_date_due": day + timedelta(days=30)})
            invoice.action_post()
            if number % 3 == 0:
                back = invoice._reverse_moves(
                    [{"invoice_date": day + timedelta(days=2), "date": day + timedelta(days=2)}]
                )
                back.invoice_line_ids[1:].unlink()
                back.action_post()
            elif number % 3 == 1:
                register = cls.env["account.payment.register"].with_context(
                    active_model="account.move", active_ids=invoice.ids
                )
                paid = {
                    "payment_date": min(day + timedelta(days=number * 4), AS_OF),
                    "amount": invoice.amount_total / 2,
                }
                register.create(paid)._create_payments()

    @classmethod
    def fill_deliveries(cls):
        stock = cls.env["stock.warehouse"].search([("company_id", "=", cls.company.id)], limit=1).lot_stock_id
        customers = cls.env.ref("stock.stock_location_customers")
        for number, order in enumerate(cls.ordered.filtered(lambda order: order.state == "sale")):
            for origin, target in ((stock, customers), (customers, stock))[: 1 + (number % 4 == 0)]:
                lines = order.order_line[:2]
                move = {"location_id": origin.id, "location_dest_id": target.id, "company_id": cls.company.id}
                picking = cls.env["stock.picking"].create(
                    {
                        "location_id": origin.id,
                        "location_dest_id": target.id,
                        "picking_type_id": stock.warehouse_id.out_type_id.id,
                        "partner_id": order.partner_id.id,
                        "move_ids": [
                            Command.create({**move, "product_id": line.product_id.id, "sale_line_id": line.id})
                            for line in lines
                        ],
                    }
                )
                if number % 7:
                    picking.move_ids.write({"state": "done"})
                    picking.date_done = order.date_order + timedelta(days=3 + 9 * (origin == customers))

    @classmethod
    def fill_contacts(cls):
        model_id = cls.env["ir.model"]._get_id("res.partner")
        for who in cls.some():
            message = who.message_post(body="Hello", message_type=cls.chance.choice(("comment", "notification")))
            message.date = cls.moment()
            activity = cls.env["mail.activity"].create(
                {"res_model_id": model_id, "res_id": who.id, "summary": "Call", "user_id": cls.env.uid}
            )
            day = cls.moment().date()
            activity.date_deadline = day
            if cls.chance.random() < 0.5:
                activity.action_done()
                activity.date_done = day
            start = cls.moment()
            cls.env["calendar.event"].create(
                {
                    "name": "Visit",
                    "start": start,
                    "stop": start + timedelta(minutes=30 * cls.chance.randint(1, 5)),
                    "partner_ids": (who | who.commercial_partner_id | cls.salesperson.partner_id).ids,
                    "user_id": cls.salesperson.id,
                }
            )

    @classmethod
    def fill_voices(cls):
        kind = cls.env["customer.tiering.need.kind"].search([], limit=1)
        for number, who in enumerate(cls.some()):
            customer, day = who.commercial_partner_id, cls.moment().date()
            cls.env["customer.tiering.need"].create(
                {
                    "partner_id": customer.id,
                    "kind_id": kind.id,
                    "text": "No plastic",
                    "date": day,
                    "company_id": (cls.company.id, cls.stranger.id, False)[number % 3],
                }
            )
            cls.env["customer.tiering.pulse"].create(
                {
                    "partner_id": customer.id,
                    "sign": cls.chance.choice(("up", "same", "down")),
                    "word": "Said so",
                    "date": AS_OF - timedelta(days=cls.chance.randint(-5, 120)),
                    "user_id": (cls.salesperson | cls.manager)[number % 2].id,
                    "company_id": (cls.company | cls.stranger)[number % 5 == 0].id,
                }
            )

    @classmethod
    def fill_support(cls):
        support, other = cls.env["project.project"].create(
            [{"name": name, "company_id": cls.company.id, "allow_billable": True} for name in ("Support", "Building")]
        )
        complaint, question = cls.env["project.tags"].create([{"name": name} for name in ("Complaint", "Question")])
        cls.policy.write({"support_project_ids": support.ids, "complaint_tag_ids": complaint.ids})
        people, moments = cls.some(3), [cls.moment() for _ in cls.some(3)]
        tasks = cls.create_at(
            moments,
            "project.task",
            [
                {
                    "name": "Help",
                    "project_id": cls.chance.choice((support, support, other)).id,
                    "partner_id": who.id,
                    "tag_ids": cls.chance.choice((complaint, question)).ids,
                    "date_deadline": moment + timedelta(days=20),
                    "state": cls.chance.choice(("01_in_progress", "1_done", "1_canceled")),
                }
                for who, moment in zip(people, moments, strict=True)
            ],
        )
        ratings = cls.env["rating.rating"].create(
            [
                {
                    "res_model_id": cls.env["ir.model"]._get_id("project.task"),
                    "res_id": task.id,
                    "partner_id": task.partner_id.id,
                    "rating": cls.chance.randint(1, 5),
                    "consumed": cls.chance.random() < 0.8,
                }
                for task in tasks
            ]
        )
        for rating in ratings:
            rating.rated_on = cls.moment()

    @classmethod
    def fill_surveys(cls):
        scale = {"title": "Would you recommend us?", "question_type": "scale"}
        survey = cls.env["survey.survey"].create(
            {
                "title": "Satisfaction",
                "scoring_type": "scoring_without_answers",
                "question_and_page_ids": [Command.create(scale)],
            }
        )
        cls.policy.write({"survey_ids": survey.ids, "recommendation_question_id": survey.question_ids.id})
        people, moments = cls.some(), [cls.moment() for _ in cls.some()]
        entries = cls.create_at(
            moments,
            "survey.user_input",
            [
                {"survey_id": survey.id, "partner_id": who.id, "state": cls.chance.choice(("new", "done", "done"))}
                for who in people
            ],
        )
        for entry, moment in zip(entries, moments, strict=True):
            if entry.state == "done":
                entry.end_datetime = moment + timedelta(days=1)
                said = {"question_id": survey.question_ids.id, "answer_type": "scale", "survey_id": survey.id}
                entry.user_input_line_ids = [Command.create({**said, "value_scale": cls.chance.randint(0, 10)})]
        cls.env.flush_all()
        for entry in entries:
            cls.env.cr.execute(
                "UPDATE survey_user_input SET scoring_percentage = %s WHERE id = %s",
                [cls.chance.choice((0, 40, 100)), entry.id],
            )

    @classmethod
    def fill_points(cls):
        rule = {"reward_point_mode": "money", "reward_point_amount": 1}
        program = cls.env["loyalty.program"].create(
            {
                "name": "Club",
                "program_type": "loyalty",
                "trigger": "auto",
                "applies_on": "both",
                "company_id": cls.company.id,
                "rule_ids": [Command.clear(), Command.create(rule)],
            }
        )
        cards = cls.env["loyalty.card"].create(
            [
                {
                    "program_id": program.id,
                    "partner_id": who.id,
                    "points": cls.chance.randint(0, 900),
                    "expiration_date": AS_OF + timedelta(days=cls.chance.randint(-10, 90)),
                }
                for who in cls.some()
            ]
        )
        moves = [
            {
                "card_id": card.id,
                "description": "Order",
                "issued": cls.chance.choice((0, 20)),
                "used": cls.chance.choice((0, 7)),
            }
            for card in (*cards, *cards)
        ]
        cls.create_at([cls.moment() for _ in moves], "loyalty.history", moves)

    @classmethod
    def fill_shop(cls):
        website = cls.env["website"].create({"name": "Shop", "company_id": cls.company.id, "tiering_track": True})
        for who in cls.people[:-6]:
            visitor = {"access_token": str(who.id), "website_id": website.id}
            visitor = cls.create_at([cls.moment(250)], "website.visitor", [visitor])
            cls.env["website.track"].create(
                [
                    {
                        "visitor_id": visitor.id,
                        "product_id": cls.chance.choice(cls.products).id,
                        "url": "/shop",
                        "visit_datetime": datetime.combine(AS_OF, datetime.min.time())
                        - timedelta(minutes=cls.chance.randint(-1000, 100 * 1440)),
                    }
                    for _ in range(8)
                ]
            )
            line = Command.create({"product_id": cls.products[0].id, "product_uom_qty": 2, "price_unit": 12})
            when = datetime.combine(AS_OF, datetime.min.time()) - timedelta(
                minutes=cls.chance.randint(-600, 100 * 1440)
            )
            cls.order(who, state="draft", when=when, website_id=website.id, order_line=[line])
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE sale_order SET create_date = date_order WHERE website_id = %s", [website.id])
        cls.env.invalidate_all()

    # ------------------------------------------------------------------
    # What is to be seen of it
    # ------------------------------------------------------------------

    def test_each_column_of_a_metric_is_filled_and_equal_to_what_is_reckoned_anew(self):
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        self.assertEqual(len(cards), CUSTOMERS)
        reckoned = Table(self.env, self.policy, AS_OF).collect().reindex(cards.partner_id.ids)
        metrics = self.env["customer.tiering.metric"].search([])
        columns = set(metrics.mapped("column"))
        self.assertEqual(columns - set(reckoned.columns), ELSEWHERE, "Metrics that are not reckoned here")
        # Surveys tell when they asked last; how long ago that is nobody has to see.
        self.assertEqual(columns - set(cards._fields), {"survey_asked_days"})
        for column in sorted(columns & set(cards._fields) - ELSEWHERE):
            with self.subTest(column), freeze_time(self.noon(AS_OF)):
                field = cards._fields[column]
                found = pd.Series(cards.mapped(lambda card: card[column] or 0.0), cards.partner_id.ids)  # noqa: B023
                digits = field.get_digits(self.env)[1] if field.type == "float" and field.get_digits(self.env) else 2
                expected = reckoned[column].fillna(0)
                self.assertTrue((found != 0).any(), "empty")
                wrong = (found - expected).abs() > 0.51 * 10**-digits
                self.assertFalse(wrong.any(), f"\n{pd.DataFrame({'found': found, 'expected': expected})[wrong]}")
