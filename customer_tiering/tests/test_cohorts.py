from datetime import date

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestCohorts(TieringCommon):
    """Who ordered when, sorted into months by hand."""

    DAYS = {
        "Anna": ["2024-01-31", "2024-02-29", "2024-02-29", "2025-03-01"],
        "Ben": ["2024-01-01", "2024-03-31"],
        "Cleo": ["2024-02-29", "2024-05-01"],
        "Dora": ["2023-12-31", "2024-01-01", "2024-01-02"],
        "Emil": ["2024-04-01"],
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.report = cls.env["customer.tiering.cohort.report"].with_user(cls.manager)
        cls.people = {name: cls.new_customer(name) for name in cls.DAYS}
        cls.today = cls.company._get_tiering_today()
        for number, (name, days) in enumerate(cls.DAYS.items()):
            for day in days:
                cls.order(cls.people[name], (AS_OF - date.fromisoformat(day)).days, 10 * (number + 1))
        cls.late = cls.new_customer("Late")
        cls.order(cls.late, (AS_OF - cls.today).days, 7)

    def number(self, day, unit):
        return {"month": 12 * day.year + day.month, "quarter": 4 * day.year + (day.month + 2) // 3, "year": day.year}[
            unit
        ]

    def by_hand(self, unit):
        """{(number of the cohort, period): (bought, in it or later, amount)} of what is over."""
        now = self.number(self.today, unit)
        found = {}
        for number, days in enumerate(self.DAYS.values()):
            numbers = [self.number(date.fromisoformat(day), unit) for day in days]
            cohort = min(numbers)
            for period in range(now - cohort):
                bought, later, amount = found.get((cohort, period), (0, 0, 0))
                here = [one for one in numbers if one == cohort + period]
                found[cohort, period] = (
                    bought + bool(here),
                    later + (max(numbers) >= cohort + period),
                    amount + 10 * (number + 1) * len(here),
                )
        return found

    def test_cells(self):
        for unit in ("month", "quarter", "year"):
            with self.subTest(unit=unit):
                data = self.report.get_data(unit=unit, everything=True)
                now = self.number(self.today, unit)
                self.assertEqual((data["rows"][0]["size"], data["rows"][0]["cells"]), (1, []), "it is not over")
                shift = data["rows"][0]["key"] - now
                found = {
                    (row["key"] - shift, period): (cell["customers"], cell["later"], cell["amount"])
                    for row in data["rows"]
                    for period, cell in enumerate(row["cells"])
                }
                self.assertEqual(found, self.by_hand(unit))
                for row in data["rows"][1:]:
                    self.assertEqual(row["cells"][0]["customers"], row["size"], "in the first period all bought")
                    self.assertEqual(row["cells"][-1]["cumulated"], sum(cell["amount"] for cell in row["cells"]))
                    self.assertEqual(len(row["cells"]), now - (row["key"] - shift))

    def test_the_same_in_sql(self):
        self.env.flush_all()
        self.env.cr.execute(
            """
            WITH ordered AS (
                SELECT partner_id, date_trunc('month', date_order) AS month, SUM(amount_untaxed) AS amount
                  FROM sale_order WHERE company_id = %s AND state = 'sale' GROUP BY 1, 2),
            begun AS (SELECT partner_id, MIN(month) AS cohort FROM ordered GROUP BY 1)
            SELECT to_char(cohort, 'Mon YYYY'), COUNT(DISTINCT partner_id), SUM(amount)
              FROM ordered JOIN begun USING (partner_id) WHERE cohort < date_trunc('month', %s) GROUP BY 1
            """,
            [self.company.id, self.today],
        )
        expected = {name: (size, float(amount)) for name, size, amount in self.env.cr.fetchall()}
        found = {
            row["name"]: (row["size"], sum(cell["amount"] for cell in row["cells"]))
            for row in self.report.get_data()["rows"]
            if row["cells"]
        }
        self.assertEqual(found, expected)
        self.assertEqual(len(expected), 4)

    def test_the_customers_of_a_cell(self):
        data = self.report.get_data()
        january = next(row for row in data["rows"] if row["name"] == "Jan 2024")
        self.env["res.lang"]._activate_lang("zh_CN")
        names = [row["name"] for row in self.report.with_context(lang="zh_CN").get_data()["rows"]]
        self.assertIn("2024年1月", names, "each language has its own order")
        for values, names in (
            ((), ["Anna", "Ben"]),
            ((0,), ["Anna", "Ben"]),
            ((1,), ["Anna"]),
            ((2,), ["Ben"]),
            ((2, True), ["Anna", "Ben"]),
            ((3, True), ["Anna"]),
            ((14,), ["Anna"]),
            ((15, True), []),
        ):
            with self.subTest(values=values):
                found = self.report.get_customers(False, "month", january["key"], *values)
                self.assertEqual(set(found), {self.people[name].id for name in names})
        self.assertEqual(self.report.get_customers(False, "month", 10**7), [])

    def test_what_came_back_counts_for_nothing(self):
        order = self.people["Emil"].sale_order_ids
        order.state = "cancel"
        names = [row["name"] for row in self.report.get_data()["rows"]]
        self.assertNotIn("Apr 2024", names)

    def test_the_newest_are_shown_first(self):
        who = self.new_customer("Zoe")
        self.order(who, (AS_OF - date(2001, 1, 15)).days)
        for number in range(30):
            first = self.new_customer(f"Of {number}")
            self.order(first, (AS_OF - date(2018 + number // 12, number % 12 + 1, 15)).days)
        data = self.report.get_data()
        self.assertEqual((data["total"], len(data["rows"]), data["columns"]), (36, 24, 24))
        self.assertEqual([row["key"] for row in data["rows"]], sorted((r["key"] for r in data["rows"]), reverse=True))
        everything = self.report.get_data(everything=True)
        self.assertEqual((len(everything["rows"]), everything["columns"]), (36, 120))

    def test_bad_input(self):
        with self.assertRaisesRegex(UserError, "months, quarters or years"):
            self.report.get_data(unit="week")
        with self.assertRaisesRegex(UserError, "does not exist any more"):
            self.report.get_data(policy_id=10**8)

    def test_nobody(self):
        other = self.env["res.company"].create({"name": "Other"})
        user = self.new_user("elsewhere", "sales_team.group_sale_manager", other)
        report = self.report.with_user(user).with_context(allowed_company_ids=other.ids)
        self.assertEqual(report.get_data()["rows"], [])
        other.tiering_policy_ids.active = False
        self.assertEqual(report.get_data()["rows"], [])

    def test_one_customer(self):
        for who in (*self.people.values(), self.late):
            who.sale_order_ids.state = "cancel"
        self.people["Anna"].sale_order_ids.state = "sale"
        (row,) = self.report.get_data(unit="year")["rows"]
        self.assertEqual((row["name"], row["size"], row["cells"][0]["customers"]), ("2024", 1, 1))

    def test_who_may_not_see_customers_does_not_count_them(self):
        own = self.new_user("own_only", "sales_team.group_sale_salesman")
        for who in (*self.people.values(), self.late):
            who.user_id = self.manager
            who.sale_order_ids.user_id = self.manager
        self.people["Anna"].user_id = own
        rows = self.report.with_user(own).get_data()["rows"]
        self.assertEqual([(row["name"], row["size"]) for row in rows], [("Jan 2024", 1)])
        found = self.report.with_user(own).get_customers(False, "month", rows[0]["key"])
        self.assertEqual(found, self.people["Anna"].ids)
        nobody = self.new_user("nobody", "base.group_user")
        with self.assertRaises(AccessError):
            self.report.with_user(nobody).get_data()
