import base64
import json
import re

from odoo.exceptions import AccessError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import file_open

from odoo.addons.customer_tiering.tests.common import TieringCommon


@tagged("post_install", "-at_install")
class TestDashboard(TieringCommon, HttpCase):
    """The dashboard is a file that no form checks, so each name in it is looked up, and each pivot is read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dashboard = cls.env.ref("spreadsheet_dashboard_customer_tiering.spreadsheet_dashboard_customer_tiering")
        cls.document = json.loads(cls.dashboard.spreadsheet_data)
        with file_open(cls.dashboard.sample_dashboard_file_path) as file:
            cls.sample = json.load(file)

    def _get_queries(self):
        """Return what the pivots and charts ask for: ``[(name, model, domain, groups, measures, matching)]``."""
        queries = [
            (
                pivot["name"],
                pivot["model"],
                pivot["domain"],
                [group["fieldName"] for group in (*pivot["rows"], *pivot["columns"])],
                [measure["fieldName"] for measure in pivot["measures"]],
                pivot["fieldMatching"],
            )
            for pivot in self.document["pivots"].values()
        ]
        for figure in self.document["sheets"][0]["figures"]:
            data = figure["data"]
            if data["type"].startswith("odoo_"):
                meta, search = data["metaData"], data["searchParams"]
                queries.append(
                    (
                        figure["id"],
                        meta["resModel"],
                        search["domain"],
                        meta["groupBy"],
                        [meta["measure"]],
                        data["fieldMatching"],
                    )
                )
        return queries

    def _fill(self):
        today = self.company._get_tiering_today()
        for name, days in (("Best", (1, 20, 40)), ("Poor", (300,)), ("Late", (200, 210, 220))):
            partner = self.new_customer(name)
            for ago in days:
                self.order(partner, when=self.noon(today, ago))
        self.compute(today)

    def test_odoo_finds_the_file_valid(self):
        self.dashboard._check_spreadsheet_data()
        for right, wrong in (
            ("expected_loss", "expected_gain"),
            ("customer_tiering_risk_menu", "customer_tiering_joy_menu"),
            ('"model": "customer.tier.change"', '"model": "customer.tier.changes"'),
        ):
            broken = json.dumps(self.document).replace(right, wrong)
            with self.subTest(wrong=wrong), self.assertRaisesRegex(ValidationError, wrong.split('"')[-2:][0]):
                self.dashboard.spreadsheet_binary_data = base64.b64encode(broken.encode())

    def test_filters_are_about_fields_that_are_there(self):
        filters = {found["id"]: found for found in self.document["globalFilters"]}
        self.assertEqual({found["type"] for found in filters.values()}, {"date", "relation"})
        for name, model, _domain, _groups, _measures, matching in self._get_queries():
            fields = self.env[model]._fields
            with self.subTest(name=name):
                # What scorecards say is of today.
                periods = {"period"} if model != "customer.tiering.scorecard" else set()
                self.assertEqual(matching.keys(), {"company", "tier"} | periods)
                for key, match in matching.items():
                    field = fields[match["chain"]]
                    self.assertEqual(field.type, match["type"])
                    self.assertEqual(field.comodel_name, filters[key].get("modelName"))

    def test_every_pivot_and_chart_can_be_read(self):
        self._fill()
        for name, model, domain, groups, measures, matching in self._get_queries():
            records = self.env[model].with_user(self.manager)
            fields = {measure: records._fields.get(measure) for measure in measures}
            aggregates = [
                "__count" if not field else f"{measure}:{field.aggregator}" for measure, field in fields.items()
            ]
            with self.subTest(name=name):
                rows = records.formatted_read_group(domain, groups, aggregates)
                mine = [*domain, (matching["company"]["chain"], "in", self.company.ids)]
                self.assertEqual(records.formatted_read_group(mine, groups, aggregates), rows)
                if model != "customer.tiering.followup.report":
                    self.assertTrue(rows)

    def test_numbers_of_the_tiers(self):
        """The second pivot against a loop over scorecards."""
        self._fill()
        _name, model, domain, groups, _measures, _matching = self._get_queries()[1]
        rows = self.env[model].formatted_read_group(domain, groups, ["__count", "amount:sum"])
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        self.assertEqual(
            {row["tier_id"][0]: (row["__count"], row["amount:sum"]) for row in rows},
            {
                tier.id: (len(of_tier), sum(of_tier.mapped("amount")))
                for tier, of_tier in cards.grouped("tier_id").items()
            },
        )

    def test_formulas_name_what_is_there(self):
        for document in (self.document, self.sample):
            sheets = {sheet["name"]: sheet for sheet in document["sheets"]}
            cells = [content for sheet in sheets.values() for content in sheet["cells"].values()]
            pivots = {found for content in cells for found in re.findall(r"PIVOT(?:\.VALUE)?\((\d+)", content)}
            self.assertLessEqual(pivots, document["pivots"].keys())
            for content in cells:
                if content.startswith("=PIVOT("):  # Odoo does not translate what measures are called in a document
                    self.assertRegex(content, r"\((\d+), (\d+), FALSE, (TRUE|FALSE), (\d+), FALSE\)$")
            for figure in sheets["Dashboard"]["figures"]:
                for key in ("keyValue", "baseline"):
                    if reference := figure["data"].get(key):
                        sheet, cell = reference.split("!")
                        self.assertIn(cell, sheets[sheet]["cells"])
        self.assertEqual(len(self.document["pivots"]), 8)
        self.assertFalse(self.sample["pivots"], "the example is of nobody")

    def test_managers_see_it(self):
        self.assertEqual(self.dashboard.with_user(self.manager).name, "Customer Tiering")
        self.assertTrue(self.dashboard.with_user(self.manager).has_access("read"))
        with self.assertRaises(AccessError):
            self.dashboard.with_user(self.salesperson).check_access("read")

    def test_an_example_until_somebody_has_a_scorecard(self):
        self.authenticate(self.manager.login, self.manager.login)
        url = f"/spreadsheet/dashboard/data/{self.dashboard.id}"
        self.assertTrue(self.url_open(url).json()["is_sample"])
        self._fill()
        self.assertNotIn("is_sample", self.url_open(url).json())

    def test_it_opens(self):
        code = """
            const { rpcBus } = odoo.loader.modules.get("@web/core/network/rpc");
            const open = new Set();
            rpcBus.addEventListener("RPC:REQUEST", ({ detail }) => open.add(detail.data.id));
            rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => open.delete(detail.data.id));
            let quiet = 0;
            setInterval(() => {
                const error = document.querySelector(".o_error_dialog, .o_notification.border-danger");
                quiet = open.size ? 0 : quiet + 1;
                if (error) {
                    console.error(error.innerText);
                } else if (quiet === 10) {
                    console.log("test successful");
                }
            }, 200);
        """
        for is_filled in (False, True):
            with self.subTest(is_filled=is_filled):
                if is_filled:
                    self._fill()
                self.browser_js(
                    f"/odoo/dashboards?dashboard_id={self.dashboard.id}",
                    code,
                    ready="odoo.isReady === true && !!document.querySelector('.o_spreadsheet_dashboard_action canvas')",
                    login=self.manager.login,
                )
