from datetime import datetime, timedelta
from statistics import fmean, pstdev
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from ..sources import base, rows
from .common import AS_OF, TieringCommon

METRICS = (
    "tenure",
    "regularity",
    "lateness",
    "growth",
    "categories",
    "category_share",
    "repurchase_rate",
    "discount_share",
    "team_share",
    "conversion",
    "open_quotations",
    "contact_decay",
    "overdue_activities",
)
# And those that come from costs, receivables and what people have noted.
ALL_METRICS = (
    *METRICS,
    *("margin", "net_profit", "days_to_pay", "overdue_amount", "receivable_average", "meeting_hours"),
    *("needs", "pulse", "weekday_share", "quotations_per_order", "quotation_days", "credited_share"),
    *("upper_share", "specified_share", "rush_share"),
)
EXTRA_TABLES = ("price_unit", "product_template", "date_deadline", "team_id")


@tagged("post_install", "-at_install")
class TestMetrics(TieringCommon):
    """From orders, lines, messages and activities to the metrics on the scorecard."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.categories = cls.env["product.category"].create([{"name": name} for name in ("Jazz", "Rock", "Folk")])
        cls.jazz, cls.rock, cls.folk = cls.env["product.product"].create(
            [{"name": each.name, "categ_id": each.id, "taxes_id": False} for each in cls.categories]
        )
        cls.loose = cls.env["product.product"].create({"name": "Loose", "categ_id": False, "taxes_id": False})
        cls.teams = cls.env["crm.team"].create(
            [{"name": name, "company_id": cls.company.id} for name in ("Shop", "Phone")]
        )

    def _read(self, *metrics, as_of=AS_OF, partner_ids=None, part=None):
        from ..engine import metrics as engine_metrics  # noqa: PLC0415

        columns = engine_metrics.needed_columns(self._definitions(metrics))
        scope = self.policy._get_scope(as_of, partner_ids, part=part)
        return self.env["customer.tiering.reader"]._read_customers(scope, columns)

    def _definitions(self, keys):
        metrics = self.env["customer.tiering.metric"].search([("key", "in", keys)])
        return [metric._get_definition() for metric in metrics]

    def _row(self, partner, *metrics, **kwargs):
        return self._read(*metrics, **kwargs).loc[partner.id]

    def _derived(self, partner, *metrics, as_of=AS_OF):
        from ..engine import metrics as engine_metrics  # noqa: PLC0415

        frame = self._read(*metrics, as_of=as_of)
        return engine_metrics.derive(frame, as_of, self._definitions(metrics)).loc[partner.id]

    def _bought(self, partner, days_ago, *lines, **kwargs):
        """A confirmed order of lines (product, quantity, price, discount in percent)."""
        order_line = [
            Command.create(
                {"product_id": product.id, "product_uom_qty": quantity, "price_unit": price, "discount": discount}
            )
            for product, quantity, price, discount in lines
        ]
        return self.order(partner, days_ago, order_line=order_line, **kwargs)

    def _use_all(self):
        self.policy.criterion_ids = [
            Command.create({"metric_id": self.metric(metric), "weight": 1}) for metric in METRICS
        ]

    def _a_bit_of_everything(self):
        """Customers who have something to measure by every metric; the first is a company with a contact."""
        company = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=company.id)
        person, asked, idle = self.new_customer("Bob"), self.new_customer("Asked"), self.new_customer("Idle")
        self._bought(company, 10, (self.jazz, 2, 10, 10), (self.rock, 1, 30, 0), team_id=self.teams[0].id)
        order = self._bought(contact, 200, (self.jazz, 1, 10, 0), (self.loose, 1, 5, 0), team_id=self.teams[1].id)
        self._bought(person, 40, (self.folk, 3, 7, 33.33), team_id=False)
        self._bought(person, 70, (self.folk, 1, 7, 0), team_id=self.teams[1].id)
        self._bought(person, 300, (self.rock, 1, 7, 0), team_id=self.teams[1].id)
        self.order(person, -3)  # confirmed for a day to come
        for partner in (company, asked):
            quotation = self.order(partner, 3, 55, state="sent")
            self._created(quotation, self.noon(AS_OF, 3))
        self.order(idle, 900)
        for record, days_ago in ((company, 1), (contact, 100), (order, 20), (asked, 50)):
            message = record.message_post(body="They called", message_type="comment")
            message.date = self.noon(AS_OF, days_ago)
            record.activity_schedule(
                "mail.mail_activity_data_call", AS_OF - timedelta(days=days_ago), user_id=self.env.uid
            )
        return company | person | asked | idle

    def _created(self, order, when):
        self.env.flush_all()
        self.env.cr.execute("UPDATE sale_order SET create_date = %s WHERE id = %s", [when, order.id])
        order.invalidate_recordset()

    # Rhythm and growth: always read ---------------------------------------------------------

    def test_regularity_lateness_and_tenure(self):
        customer = self.new_customer("Ann")
        for days_ago in (130, 110, 60, 60, 15):
            self.order(customer, days_ago)
        self.order(customer, 40, -5)  # a return is no visit
        gaps = [20, 50, 45]
        row = self._derived(customer)
        self.assertAlmostEqual(row.gap_std_days, pstdev(gaps))
        self.assertAlmostEqual(row.gap_regularity, 100 / (1 + pstdev(gaps) / fmean(gaps)), places=5)
        self.assertAlmostEqual(row.lateness, 15 / 45, places=5)
        self.assertEqual(row.tenure_days, 130)

    def test_the_halves_of_the_window_meet_without_gap_or_overlap(self):
        customer = self.new_customer("Ann")
        for days_ago, amount in ((-1, 1), (0, 10), (181, 100), (182, 1000), (364, 10000), (365, 100000)):
            self.order(customer, days_ago, amount)
        self.order(customer, 5, -7)  # a return is no purchase
        row = self._derived(customer)
        self.assertEqual((row.amount_late, row.amount_early), (110, 11000))  # 365 // 2 = 182 days are late
        self.assertEqual(row.gross_amount, 11110)
        self.assertEqual(row.growth, -99)  # a hundredth is left

    # Products -------------------------------------------------------------------------------

    def test_categories_and_the_top_one(self):
        customer = self.new_customer("Ann")
        self._bought(customer, 10, (self.jazz, 2, 30, 50), (self.rock, 1, 20, 0))  # jazz 30, rock 20
        self._bought(customer, 20, (self.rock, 1, 20, 0), (self.loose, 1, 500, 0))  # rock 40; loose has no category
        row = self._derived(customer, "categories", "category_share")
        self.assertEqual(row.category_count, 2)
        self.assertEqual(row.top_category_id, self.categories[1].id)
        self.assertAlmostEqual(row.top_category_share, 100 * 40 / 70, places=5)

    def test_among_equal_categories_the_first_is_the_top_one(self):
        customer = self.new_customer("Ann")
        self._bought(customer, 10, (self.folk, 1, 10, 0), (self.rock, 2, 5, 0))
        row = self._derived(customer, "category_share")
        self.assertEqual(row.top_category_id, self.categories[1].id)
        self.assertEqual(row.top_category_share, 50)

    def test_only_lines_that_were_bought_in_the_window_count(self):
        customer = self.new_customer("Ann")
        order = self._bought(
            customer,
            364,
            (self.jazz, 1, 10, 20),
            (self.rock, 0, 10, 0),  # none delivered, none wanted
            (self.folk, -1, 1, 0),  # a return
            (self.loose, 1, -2, 0),  # a discount, and no product
        )
        order.order_line = [Command.create({"display_type": "line_section", "name": "Thank you"})]
        self._bought(customer, 365, (self.rock, 1, 10, 0))
        self._bought(customer, -1, (self.rock, 1, 10, 0))
        self._bought(customer, 5, (self.rock, 1, 10, 0), state="draft")
        self._bought(customer, 5, (self.rock, 1, 10, 0), state="cancel")
        self._bought(customer, 5, (self.rock, 1, 0, 0))  # for nothing: no purchase
        row = self._derived(customer, "categories", "discount_share", "repurchase_rate")
        self.assertEqual((row.category_count, row.product_count), (1, 1))
        self.assertEqual((row.list_amount, row.discount_amount, row.discount_share), (10, 4, 40))

    def test_products_bought_on_two_days_are_bought_again(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=customer.id)
        self._bought(customer, 10, (self.jazz, 1, 10, 0), (self.rock, 1, 10, 0), (self.rock, 1, 10, 0))
        self._bought(customer, 10, (self.rock, 1, 10, 0))  # the same day: not again
        self._bought(contact, 9, (self.jazz, 1, 10, 0), (self.folk, 1, 10, 0))
        row = self._derived(customer, "repurchase_rate")
        self.assertAlmostEqual(row.repurchase_rate, 100 / 3, places=5)  # jazz, of jazz, rock and folk

    def test_lines_are_of_days_of_the_companys_time_zone_in_its_money(self):
        self.company.partner_id.tz = "Asia/Tokyo"  # UTC+9
        customer = self.new_customer("Ann")
        order = self._bought(customer, 0, (self.jazz, 1, 10, 10), when=datetime(2026, 6, 30, 14, 59))
        order.currency_rate = 0.5
        self._bought(customer, 0, (self.jazz, 1, 10, 50), when=datetime(2026, 6, 30, 15, 0))  # 1 July in Tokyo
        row = self._derived(customer, "discount_share", "repurchase_rate", "category_share")
        self.assertEqual((row.list_amount, row.discount_amount, row.top_category_amount), (20, 2, 18))
        self.assertEqual(row.repurchase_rate, 0)
        row = self._derived(customer, "discount_share", "repurchase_rate", as_of=AS_OF + timedelta(days=1))
        self.assertEqual((row.list_amount, row.discount_amount, row.repurchase_rate), (30, 7, 100))

    # Quotations and teams -------------------------------------------------------------------

    def test_the_top_team_among_all_orders(self):
        customer, nobodys = self.new_customer("Ann"), self.new_customer("Bob")
        for days_ago, team in ((1, 1), (2, 1), (3, 0), (4, 0), (365, 0)):
            self.order(customer, days_ago, team_id=self.teams[team].id)
        self.order(customer, 5, 0, team_id=self.teams[1].id)  # for nothing: no purchase
        for days_ago in (6, 7):
            self.order(customer, days_ago, team_id=False)
        self.order(nobodys, 6, team_id=False)
        row = self._derived(customer, "team_share")
        self.assertEqual(row.top_team_id, self.teams[0].id)  # two each: the first
        self.assertAlmostEqual(row.top_team_share, 100 * 2 / 6, places=5)
        row = self._derived(nobodys, "team_share")
        self.assertTrue(row.isna().top_team_id and row.isna().top_team_share)

    def test_conversion_counts_what_is_dated_in_the_window(self):
        customer, never = self.new_customer("Ann"), self.new_customer("Bob")
        for days_ago, state in ((364, "sale"), (10, "sent"), (0, "cancel"), (5, "draft"), (365, "sale"), (-1, "sale")):
            self.order(customer, days_ago, state=state)
        self.order(never, 400, state="draft")
        row = self._derived(customer, "conversion")
        self.assertEqual((row.placed_count, row.confirmed_count, row.conversion_rate), (4, 1, 25))
        self.assertTrue(self._derived(never, "conversion").isna().conversion_rate)

    def test_open_quotations_are_those_that_were_there_on_the_day(self):
        customer = self.new_customer("Ann")
        old = self.order(customer, 800, 100, state="draft")
        self._created(old, self.noon(AS_OF, 800))
        sent = self.order(customer, 1, 20, state="sent")
        sent.currency_rate = 2
        self._created(sent, self.noon(AS_OF, 1))
        later = self.order(customer, -1, 5000, state="sent")
        self._created(later, self.noon(AS_OF, -1))
        self.order(customer, 1, 9, state="cancel")
        row = self._row(customer, "open_quotations")
        self.assertEqual((row.open_quotation_count, row.open_quotation_amount), (2, 110))

    # Contacts and activities ----------------------------------------------------------------

    def test_contacts_count_less_the_older_they_are(self):
        customer = self.new_customer("Ann")
        order = self.order(customer, 10)
        days = (0, 73, 364, 365, 400)
        for record, days_ago in zip((customer, order, customer, customer, order), days, strict=True):
            record.message_post(body="They called", message_type="comment").date = self.noon(AS_OF, days_ago)
        row = self._row(customer, "contact_decay")
        self.assertEqual(row.contact_count, 3)
        self.assertAlmostEqual(row.contact_decay, sum(1 - age / 365 for age in days[:3]), places=5)  # 1 + 0.8 + 1/365

    def test_overdue_activities_are_open_and_past_their_deadline(self):
        customer = self.new_customer("Lumber Inc", is_company=True)
        contact = self.new_customer("Ann", parent_id=customer.id)
        order = self.order(contact, 10)
        other = self.env["res.company"].create({"name": "Other Company"})
        foreign = self.env["sale.order"].with_company(other).create({"partner_id": customer.id, "company_id": other.id})
        for record, days_ago in ((customer, 1), (contact, 2), (order, 3), (customer, 0), (foreign, 5)):
            deadline = AS_OF - timedelta(days=days_ago)
            record.activity_schedule("mail.mail_activity_data_call", deadline, user_id=self.env.uid)
        done = customer.activity_schedule("mail.mail_activity_data_call", AS_OF - timedelta(9), user_id=self.env.uid)
        done.action_done()
        self.assertEqual(self._row(customer, "overdue_activities").overdue_activity_count, 3)

    def test_another_companys_orders_do_not_count(self):
        customer = self.new_customer("Ann")
        self._bought(customer, 10, (self.jazz, 1, 10, 0), team_id=self.teams[0].id)
        other = self.env["res.company"].create({"name": "Other Company"})
        line = Command.create({"product_id": self.rock.id, "product_uom_qty": 1, "price_unit": 100})
        for state in ("sale", "draft"):
            self.env["sale.order"].with_company(other).create(
                {
                    "partner_id": customer.id,
                    "company_id": other.id,
                    "state": state,
                    "date_order": self.noon(AS_OF, 5),
                    "order_line": [line],
                }
            )
        row = self._derived(customer, *METRICS)
        self.assertEqual((row.category_count, row.placed_count, row.open_quotation_count), (1, 1, 0))

    # What is read ---------------------------------------------------------------------------

    def test_what_no_metric_needs_is_not_read(self):
        customer = self.new_customer("Ann")
        self.order(customer, 10)
        statements = []

        def fetch(cr, query, columns):
            statements.append(query.code)
            return original(cr, query, columns)

        original = rows.fetch_arrays
        with patch.object(rows, "fetch_arrays", fetch):
            few = self._read("recency", "growth", "lateness", "regularity", "tenure")
            at_first = len(statements)
            quotations = self._read("open_quotations")
            everything = self._read(*ALL_METRICS)
        from ..engine import schema  # noqa: PLC0415

        always = {*schema.DTYPES, schema.REFUND_AMOUNT, schema.BOUGHT_DAYS}
        self.assertEqual(set(few.columns), always)
        self.assertEqual(set(quotations.columns), {*always, "open_quotation_count", "open_quotation_amount"})
        of_motives = {schema.MOTIVE_SAID, schema.MOTIVE_BEFORE}  # needed by no metric
        self.assertEqual(set(everything.columns), {*always, *schema.OPTIONAL_DTYPES} - of_motives)
        text = [" ".join(part) for part in (statements[:at_first], statements[at_first : 2 * at_first + 1], statements)]
        self.assertEqual([name for name in EXTRA_TABLES if name in text[0]], [])
        self.assertEqual([name for name in EXTRA_TABLES if name in text[1]], ["team_id"])
        self.assertEqual([name for name in EXTRA_TABLES if name in text[2]], list(EXTRA_TABLES))

    def test_customers_read_alone_have_the_rows_of_the_full_read(self):
        import pandas as pd  # noqa: PLC0415

        self.env["account.chart.template"].try_loading("generic_coa", company=self.company, install_demo=False)
        customers = self._a_bit_of_everything()
        line = Command.create({"name": "Return", "quantity": 1, "price_unit": 3, "tax_ids": False})
        self.env["account.move"].create(
            {
                "move_type": "out_refund",
                "partner_id": customers[0].child_ids.id,
                "invoice_date": AS_OF,
                "invoice_line_ids": [line],
            }
        ).action_post()
        for metrics in ((), ALL_METRICS):
            full = self._read(*metrics)
            self.assertEqual(set(full.index), set(customers.ids))
            self.assertEqual(full.loc[customers[0].id].amount, 60)  # 18 + 30 + 15 - 3
            for ids in ([], *([customer] for customer in customers.ids), customers[1:3].ids):
                with self.subTest(metrics=metrics, ids=ids):
                    pd.testing.assert_frame_equal(self._read(*metrics, partner_ids=ids), full.loc[sorted(ids)])
                    if len(ids) == 1:
                        part = self._read(*metrics, part=(ids[0], ids[0]))
                        pd.testing.assert_frame_equal(part, full.loc[ids])
            first, last = min(customers.ids), max(customers.ids)
            parts = [self._read(*metrics, part=part) for part in ((1, first), (first + 1, last), (last + 1, 2**31 - 1))]
            pd.testing.assert_frame_equal(pd.concat(parts), full)
        # contacts and strangers are no customers, asked for or not
        strangers = [customers[0].child_ids.id, self.company.partner_id.id]
        self.assertEqual(len(self._read(partner_ids=strangers)), 0)

    def test_another_module_adds_a_source_in_one_method(self):
        customer, other = self.new_customer("Ann"), self.new_customer("Bob")
        self.order(customer, 10)
        self.order(other, 10)
        reader = type(self.env["customer.tiering.reader"])
        original = reader._get_metric_sources

        class Points(base.QuerySource):
            columns = {"loyalty_points": base.COUNT}

            def get_query(self, scope):
                return SQL("SELECT %s AS customer, 7 AS loyalty_points", customer.id)

        def with_points(reader):
            return [*original(reader), Points()]

        self.env["customer.tiering.metric"].create(
            {
                "key": "loyalty",
                "name": "Loyalty",
                "unit": "points",
                "column": "loyalty_points",
                "needed_columns": "loyalty_points",
            }
        )
        with patch.object(reader, "_get_metric_sources", with_points):
            self.assertEqual(self._read("loyalty").loyalty_points.to_dict(), {customer.id: 7, other.id: 0})
            self.assertNotIn("loyalty_points", self._read("recency").columns)

    def test_the_number_of_queries_does_not_depend_on_customers_with_all_metrics_either(self):
        def count():
            self.env.flush_all()
            self.env.invalidate_all()
            run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            run._compute(as_of=AS_OF)
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        customer = self._a_bit_of_everything()[0]
        self._use_all()
        count()  # fills the caches
        self.order(customer, 10)  # in both runs there is something to write
        few = count()
        for number in range(30):
            self.order(self.new_customer(f"Customer {number}"), number, 10 * number)
        self.assertEqual(count(), few)

    # Scorecards -----------------------------------------------------------------------------

    def test_a_second_run_with_all_metrics_writes_nothing(self):
        customers = self._a_bit_of_everything()
        self._use_all()
        self.assertEqual(self.compute().written_count, len(customers))
        self.assertEqual(self.compute().written_count, 0)
        self.env.invalidate_all()
        self.assertEqual(self.compute().written_count, 0)

    def test_the_scorecard_shows_the_metrics(self):
        company, person, asked, idle = self._a_bit_of_everything()
        self._use_all()
        self.compute()
        card = self.card(company)
        # jazz 2 x 10 - 10 % = 18 and 10, rock 30; 5 of no category; list price 20 + 30 + 10 + 5
        self.assertEqual((card.category_count, card.top_category_id), (2, self.categories[1]))
        self.assertEqual(card.top_category_share, 51.7)  # 30 / 58
        self.assertEqual(card.discount_share, 3.1)  # 2 / 65
        self.assertEqual(card.repurchase_rate, 33.3)  # jazz, of jazz, rock and loose
        self.assertEqual((card.top_team_id, card.top_team_share), (self.teams[0], 50))
        self.assertEqual(card.growth, 220)  # 48 late, 15 early: 33 / 15; at 200 days ago half the window is over
        self.assertEqual(card.conversion_rate, 66.7)  # two of three
        self.assertEqual((card.open_quotation_count, card.open_quotation_amount), (1, 55))
        self.assertEqual(card.contact_decay, 2.7)  # 3 - (1 + 100 + 20) / 365
        self.assertEqual(card.overdue_activity_count, 3)
        card = self.card(person)
        # 70, 300 and 40 days ago: gaps 230 and 30, mean 130, deviation 100
        self.assertEqual(card.gap_regularity, 56.5)  # 100 / (1 + 100 / 130)
        self.assertEqual(self.card(asked).lifecycle, "prospect")
        self.assertEqual(self.card(idle).lifecycle, "lost")
        self.assertEqual(person.tiering_lifecycle, card.lifecycle)
        self.assertEqual(company.child_ids.tiering_top_category_id, self.categories[1])
        lost = self.env["res.partner"].search([("tiering_lifecycle", "=", "lost"), ("id", "in", idle.ids)])
        self.assertEqual(lost, idle)

    def test_what_is_not_measured_any_more_is_empty_again(self):
        company = self._a_bit_of_everything()[0]
        self._use_all()
        self.compute()
        self.assertTrue(self.card(company).top_category_id)
        self.policy.criterion_ids.filtered(lambda criterion: criterion.metric_id.key in METRICS).unlink()
        self.compute()
        self.assertFalse(self.card(company).top_category_id)
        self.assertTrue(self.card(company).growth)

    def test_days_that_pass_count_from_the_dates(self):
        customer = self.new_customer("Ann")
        today = self.company._get_tiering_today()
        for days_ago in (110, 60, 30):
            self.order(customer, when=self.noon(today, days_ago))
        self.policy.criterion_ids = [
            Command.create({"metric_id": self.metric(metric)}) for metric in ("lateness", "tenure")
        ]
        self.compute(today)
        card = self.card(customer)
        self.assertEqual((card.tenure_days, card.lateness), (110, 0.8))  # 30 days of usually 40
        self.assertEqual(card.explanation["lateness"][0], None)
        text = {line["metric"]: line["text"] for line in card.explanation_data["lines"]}
        self.assertEqual((text["lateness"], text["tenure"]), ("0.8 times the usual gap", "110 days"))

    def test_values_are_told_with_their_units(self):
        company, person, _asked, _idle = self._a_bit_of_everything()
        self._use_all()
        self.compute()
        text = {line["metric"]: line["text"] for line in self.card(company).explanation_data["lines"]}
        self.assertEqual(text["categories"], "2 categories")
        self.assertEqual(text["open_quotations"], "1 quotation")
        self.assertEqual(text["overdue_activities"], "3 activities")
        self.assertEqual(text["contact_decay"], "2.7 interactions")
        self.assertEqual(text["team_share"], "50%")
        self.assertEqual(text["regularity"], "none")  # two purchase days only
        text = {line["metric"]: line["text"] for line in self.card(person).explanation_data["lines"]}
        self.assertEqual(text["regularity"], "56.5%")
        self.assertEqual(text["contact_decay"], "0 interactions")

    def test_every_metric_has_a_label_and_a_meaning(self):
        metrics = self.env["customer.tiering.metric"].search([])
        self.assertEqual(len(metrics), 43)
        for metric in metrics:
            self.assertRegex(
                metric.help, "More is better" if metric.direction == "higher" else "(Fewer|Less) is better"
            )
        self._use_all()
        criterion = self.policy.criterion_ids[-1]
        self.assertEqual(criterion.metric_help, criterion.metric_id.help)

    def test_the_stages_are_those_of_the_engine(self):
        from ..engine import lifecycle, schema  # noqa: PLC0415

        scorecard = self.env["customer.tiering.scorecard"]
        self.assertEqual(list(dict(scorecard._fields["lifecycle"].selection)), list(lifecycle.STAGES))
        columns = set(self.env["customer.tiering.metric"].search([]).mapped("column")) - set(schema.DTYPES)
        self.assertEqual(columns - set(scorecard._fields), set())
