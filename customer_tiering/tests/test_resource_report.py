import random
from collections import defaultdict
from datetime import datetime, time, timedelta

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import TieringCommon

MEASURES = (
    "customer_count",
    "amount",
    "order_count",
    "contact_count",
    "activity_count",
    "open_activity_count",
    "overdue_activity_count",
    "meeting_hours",
)
WINDOW = 365


@tagged("post_install", "-at_install")
class TestResourceReport(TieringCommon):
    """Who serves whom, against sums of plain facts that this test remembers while it makes them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.env.user.company_ids |= cls.other
        cls.both = cls.company | cls.other
        cls.today = cls.company._get_tiering_today()
        cls.sam, cls.mia, cls.leo = (
            cls.new_user(f"tiering_{name.lower()}", "sales_team.group_sale_salesman", name=name)
            for name in ("Sam", "Mia", "Leo")
        )
        cls.mia.company_ids = cls.both
        cls.leo.write({"company_ids": [Command.set(cls.other.ids)], "company_id": cls.other.id})
        cls.team = cls.env["crm.team"].create(
            {"name": "Shop", "company_id": cls.company.id, "member_ids": [Command.set((cls.sam | cls.mia).ids)]}
        )
        cls.rng = random.Random(19)
        cls.countries = cls.env["res.country"].search([], limit=2)
        cls.customers, cls.people = [], {}
        for number in range(8):
            customer = cls.new_customer(
                f"Customer {number}",
                is_company=number % 2 == 0,
                user_id=cls.rng.choice([cls.sam.id, cls.mia.id, cls.leo.id, False]),
                country_id=cls.rng.choice(cls.countries.ids),
            )
            contacts = [cls.new_customer(f"Contact {number}", parent_id=customer.id)] if number % 2 == 0 else []
            cls.customers.append(customer)
            cls.people[customer] = [customer, *contacts]
        cls._make_facts()
        for company in cls.both:
            cls.compute(cls.today, policy=company.with_company(company).tiering_policy_ids)
        cls.archived = cls.customers[-1]
        cls.archived.active = False
        cls.expected = cls._expect()

    @classmethod
    def _make_facts(cls):
        """Orders, activities and meetings of random customers on random days, inside the window and outside."""
        rng, facts = cls.rng, []
        for customer in cls.customers:  # everybody is a customer of both companies
            for company in cls.both:
                facts += [
                    {
                        "kind": "order",
                        "customer": customer,
                        "company": company,
                        "person": rng.choice(cls.people[customer]),
                        "days_ago": rng.choice([0, 10, 200, WINDOW - 1, WINDOW, 500]),
                        "amount": rng.randint(1, 9) * 50,
                    }
                    for _number in range(rng.randint(1, 3))
                ]
        for _number in range(60):
            customer = rng.choice(cls.customers)
            company = rng.choice(cls.both)
            facts.append(
                {
                    "kind": rng.choice(["done", "open"]),
                    "customer": customer,
                    "company": rng.choice([company, None]),  # on an order of the company, or on a person
                    "person": rng.choice(cls.people[customer]),
                    "days_ago": rng.choice([0, 1, 30, WINDOW - 1, WINDOW, 400]),
                    "late": rng.choice([True, False]),
                }
            )
        organizers = {cls.sam: cls.company, cls.mia: cls.both, cls.leo: cls.other, cls.env["res.users"]: cls.both}
        for _number in range(40):
            organizer, companies = rng.choice(list(organizers.items()))
            guests = rng.sample(cls.customers, rng.randint(0, 2))
            facts.append(
                {
                    "kind": "meeting",
                    "organizer": organizer,
                    "companies": companies,
                    "customers": guests,
                    "days_ago": rng.choice([-3, 0, 5, WINDOW - 1, WINDOW]),
                    "hours": rng.choice([0.5, 1, 2]),
                    "days": rng.choice([0, 0, 1, 2]),  # of an all-day meeting
                }
            )
        cls.facts = facts
        orders = {}
        for fact in facts:
            day = cls.today - timedelta(days=fact["days_ago"])
            noon = datetime.combine(day, time(12))
            if fact["kind"] == "order":
                company = fact["company"]
                order = (
                    cls.env["sale.order"]
                    .with_company(company)
                    .create(
                        {
                            "partner_id": fact["person"].id,
                            "company_id": company.id,
                            "team_id": False,
                            "order_line": [
                                Command.create({"product_id": cls.product.id, "price_unit": fact["amount"]})
                            ],
                        }
                    )
                )
                order.write({"state": "sale", "date_order": noon})
                orders[fact["customer"], company] = order
            elif fact["kind"] == "meeting":
                partners = cls.env["res.partner"].union(*(cls.people[customer][-1] for customer in fact["customers"]))
                partners |= cls.env["res.partner"].union(*fact["customers"]) | cls.sam.partner_id
                cls.env["calendar.event"].create(
                    {
                        "name": "Meeting",
                        "user_id": fact["organizer"].id,
                        "partner_ids": [Command.set(partners.ids)],
                        "start": noon,
                        "stop": noon + timedelta(hours=fact["hours"]),
                        **(
                            {
                                "allday": True,
                                "start_date": day,
                                "stop_date": day + timedelta(days=fact["days"] - 1),
                            }
                            if fact["days"]
                            else {}
                        ),
                    }
                )
            else:
                document = orders[fact["customer"], fact["company"]] if fact["company"] else fact["person"]
                deadline = cls.today + timedelta(days=-1 if fact["late"] else 0)
                activity = document.activity_schedule(
                    "mail.mail_activity_data_todo", date_deadline=deadline, user_id=cls.env.uid
                )
                if fact["kind"] == "done":
                    activity.action_done()
                    activity.date_done = day
        cls.env.flush_all()

    @classmethod
    def _expect(cls):
        """The measures of each (customer, company) from the facts alone."""
        rows = defaultdict(lambda: dict.fromkeys(MEASURES, 0))
        for fact in cls.facts:
            recent = 0 <= fact["days_ago"] < WINDOW
            if fact["kind"] == "meeting":
                for customer in fact["customers"]:
                    for company in fact["companies"]:
                        row = rows[customer, company]
                        row["contact_count"] += recent
                        row["meeting_hours"] += recent * (8 * fact["days"] or fact["hours"])
                continue
            for company in fact["company"] or cls.both:
                row = rows[fact["customer"], company]
                row["customer_count"] = 1
                if fact["kind"] == "order":
                    row["order_count"] += recent
                    row["amount"] += recent * fact["amount"]
                elif fact["kind"] == "done":
                    row["activity_count"] += recent
                    row["contact_count"] += recent
                else:
                    row["open_activity_count"] += 1
                    row["overdue_activity_count"] += fact["late"]
        return {key: row for key, row in rows.items() if key[0] != cls.archived}

    def _report(self, companies=None, user=None):
        report = self.env["customer.tiering.resource.report"].with_context(
            allowed_company_ids=(companies or self.both).ids
        )
        return report.with_user(user) if user else report

    def _sum(self, key):
        """The expected rows summed by ``key(customer, company)``."""
        groups = defaultdict(lambda: dict.fromkeys(MEASURES, 0))
        for (customer, company), row in self.expected.items():
            for measure, value in row.items():
                groups[key(customer, company)][measure] += value
        return dict(groups)

    def _group(self, fname, companies=None):
        aggregates = [f"{measure}:sum" for measure in MEASURES]
        return {
            group: dict(zip(MEASURES, values, strict=True))
            for group, *values in self._report(companies)._read_group([], [fname], aggregates)
        }

    def test_each_row_has_what_the_facts_say(self):
        rows = self._report().search([])
        self.assertEqual(
            {(row.partner_id, row.company_id): {name: row[name] for name in MEASURES} for row in rows}, self.expected
        )
        for kind in MEASURES:  # the facts are worth a test: no measure is always nothing
            self.assertTrue(any(row[kind] for row in self.expected.values()), kind)
        self.assertNotIn(self.archived, rows.partner_id)

    def test_groups_are_the_sums_of_their_rows(self):
        cards = self.env["customer.tiering.scorecard"].with_context(allowed_company_ids=self.both.ids)
        card_of = {(card.partner_id, card.company_id): card for card in cards.search([])}
        for fname, key in (
            ("tier_id", lambda customer, company: card_of[customer, company].tier_id),
            ("segment_id", lambda customer, company: card_of[customer, company].segment_id),
            ("policy_id", lambda customer, company: company.tiering_policy_ids),
            ("company_id", lambda customer, company: company),
            ("user_id", lambda customer, company: customer.user_id),
            ("country_id", lambda customer, company: customer.country_id),
            (
                "team_id",
                lambda customer, company: (
                    self.team if customer.user_id in self.sam | self.mia and company == self.company else self.team[:0]
                ),
            ),
        ):
            with self.subTest(group=fname):
                self.assertEqual(self._group(fname), self._sum(key))

    def test_only_the_companies_in_use(self):
        expected = self._sum(lambda _customer, company: company)[self.other]
        self.assertEqual(self._group("company_id", self.other), {self.other: expected})

    def test_orders_per_contact_is_a_ratio_of_sums(self):
        for group, ratio in self._report()._read_group([], ["user_id"], ["orders_per_contact:avg"]):
            sums = self._sum(lambda customer, _company: customer.user_id)[group]
            self.assertAlmostEqual(ratio, sums["order_count"] / sums["contact_count"], 10)
        ((total,),) = self._report()._read_group([], [], ["orders_per_contact:avg"])
        sums = self._sum(lambda _customer, _company: None)[None]
        self.assertAlmostEqual(total, sums["order_count"] / sums["contact_count"], 10)
        # it is not what the average of the customers' ratios would be
        ratios = [row["order_count"] / row["contact_count"] for row in self.expected.values() if row["contact_count"]]
        self.assertNotAlmostEqual(total, sum(ratios) / len(ratios), 2)
        row = self._report().search([("contact_count", ">", 0)], limit=1)
        self.assertAlmostEqual(row.orders_per_contact, row.order_count / row.contact_count, 10)

    def test_no_contact_gives_no_ratio(self):
        never = self.new_customer("Never met")
        self.order(never, when=self.noon(self.today, 0))
        self.compute(self.today)
        domain = [("partner_id", "=", never.id)]
        ((ratio,),) = self._report()._read_group(domain, [], ["orders_per_contact:avg"])
        self.assertFalse(ratio)
        self.assertFalse(self._report().search(domain).orders_per_contact)

    def test_beyond_capacity_are_those_with_the_lowest_scores_of_each_person_and_tier(self):
        tier = self.company.tiering_policy_ids.tier_ids[-1]
        for number in range(7):
            customer = self.new_customer(f"Small {number}", user_id=(self.sam.id, self.mia.id, False)[number % 3])
            for _order in range(number + 1):
                self.order(customer, amount=1, when=self.noon(self.today, WINDOW - 1 - number))
        self.compute(self.today)
        report = self._report()
        self.assertFalse(report.search([("beyond_capacity", ">", 0)]))
        tier.capacity = 2
        of_person = defaultdict(list)
        for card in self.env["customer.tiering.scorecard"].search([("tier_id", "=", tier.id)]):
            if card.partner_id.active and card.partner_id.user_id:
                of_person[card.partner_id.user_id].append((-card.score, card.id, card.partner_id.id))
        expected = {partner for cards in of_person.values() for _score, _id, partner in sorted(cards)[2:]}
        self.assertTrue(expected)
        self.assertEqual(set(report.search([("beyond_capacity", ">", 0)]).partner_id.ids), expected)
        # a narrower question does not change who is beyond
        partner = self.env["res.partner"].browse(sorted(expected)[0])
        self.assertEqual(report.search([("partner_id", "=", partner.id)]).beyond_capacity, 1)
        self.assertEqual(dict(report._read_group([], ["tier_id"], ["beyond_capacity:sum"]))[tier], len(expected))
        tier.capacity = 0
        self.assertFalse(report.search([("beyond_capacity", ">", 0)]))

    def test_a_capacity_is_not_negative_and_changes_no_result(self):
        policy = self.company.tiering_policy_ids
        last = policy.last_run_id
        policy.tier_ids[0].capacity = 5
        self.assertEqual(policy.last_run_id, last)
        with self.assertRaisesRegex(ValidationError, "of Platinum is 0 or more, not -1"), self.env.cr.savepoint():
            policy.tier_ids[0].capacity = -1

    def test_the_last_minute_counts_at_once(self):
        """What is not written to the database yet is part of the report."""
        row = self._report().search([("company_id", "=", self.company.id)], limit=1)
        before = row.open_activity_count
        row.partner_id.activity_schedule("mail.mail_activity_data_todo", user_id=self.env.uid)
        row.partner_id.user_id = self.mia
        row.invalidate_recordset()
        self.assertEqual((row.open_activity_count, row.user_id), (before + 1, self.mia))

    def test_salespeople_see_their_own_customers_and_those_of_nobody(self):
        of_company = {customer for customer, company in self.expected if company == self.company}
        # No colleague sells to the customers of nobody.
        self.env["sale.order"].search([("partner_id.commercial_partner_id.user_id", "=", False)]).user_id = False
        for user, expected in (
            (self.sam, {customer for customer in of_company if customer.user_id in (self.sam, self.sam[:0])}),
            (self.salesperson, of_company),
            (self.manager, of_company),
        ):
            with self.subTest(user=user.name):
                rows = self._report(self.company, user).search([])
                self.assertEqual(set(rows.partner_id.ids), {customer.id for customer in expected})
                for operation in ("write", "create", "unlink"):
                    self.assertFalse(rows.has_access(operation))
        for group in ("base.group_user", "base.group_portal"):
            user = new_test_user(
                self.env, group, group, company_id=self.company.id, company_ids=[Command.set(self.company.ids)]
            )
            self.assertFalse(self._report(self.company, user).has_access("read"))

    def test_the_views_open_with_their_measures(self):
        for xmlid in ("customer_tiering_resource_report_action", "customer_tiering_resource_report_action_portfolio"):
            action = self.env["ir.actions.act_window"]._for_xml_id(f"customer_tiering.{xmlid}")
            self.assertEqual([mode for _id, mode in action["views"]], ["pivot", "graph", "list", "kanban"])
            views = self._report(self.company, self.manager).get_views(action["views"])
            self.assertIn("customer_count", views["views"]["pivot"]["arch"])
        fields_get = self._report().fields_get()
        for measure in (*MEASURES, "orders_per_contact", "beyond_capacity"):
            self.assertTrue(fields_get[measure].get("aggregator"), measure)

    def test_no_loop_over_customers_queries(self):
        self.env.invalidate_all()
        # the policies with their companies' time zones, and the groups
        with self.assertQueryCount(10):
            self._group("tier_id")
