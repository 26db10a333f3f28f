import dataclasses
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from unittest.mock import patch

from odoo.tests import BaseCase, tagged
from odoo.tools import SQL

from .. import sources
from ..sources import base, rows
from ..sources.scope import Scope
from .common import AS_OF, TieringCommon


class Visits(base.QuerySource):
    """What another module may add: a column of each kind.

    :param visited: a row per customer: id, day, visits, money spent and mood, each but the id may be None
    """

    columns = {"day": base.DATE, "visits": base.COUNT, "spent": base.SUM, "mood": base.NUMBER}

    def __init__(self, *visited):
        self.visited = visited
        self.scopes = []

    def get_query(self, scope):
        self.scopes.append(scope)
        values = [SQL("(%s, %s::date, %s::int, %s::numeric, %s::float8)", *row) for row in self.visited]
        return SQL("SELECT * FROM (VALUES %s) row (customer, day, visits, spent, mood)", SQL(", ").join(values))


class Names(base.MetricSource):
    """Another one, which reads a column in the scan of orders that there is anyway."""

    columns = ("name_length",)

    def get_order_columns(self, scope):
        return {"length": (base.INTEGER, SQL("LENGTH(name)"))}

    def read_columns(self, reading, columns):
        import pandas as pd  # noqa: PLC0415

        orders = reading.orders
        known = orders["buyer"] >= 0
        longest = pd.Series(orders["length"][known]).groupby(orders["buyer"][known]).max()
        longest = longest.reindex(range(len(reading.customers)))
        return pd.DataFrame({"name_length": longest.to_numpy()}, index=reading.customers)


@tagged("post_install", "-at_install")
class TestModules(BaseCase):
    """What is loaded, and when."""

    def test_modules_are_imported_by_their_names_and_there_are_no_others(self):
        folder = Path(sources.__file__).parent
        self.assertEqual({*sources.MODULES, "__init__"}, {file.stem for file in folder.glob("*.py")})
        for name in sources.MODULES:
            self.assertEqual(getattr(sources, name).__name__, f"{sources.__name__}.{name}")
        with self.assertRaisesRegex(AttributeError, "no attribute 'nonsense'"):
            _nonsense = sources.nonsense


@tagged("post_install", "-at_install")
class TestScope(TieringCommon):
    """What a reading has to know, and that it stays as it was."""

    def test_a_scope_does_not_change(self):
        scope = self.policy._get_scope(AS_OF)
        with self.assertRaises(dataclasses.FrozenInstanceError):
            scope.window_days = 1

    def test_it_has_the_companys_day_and_money_and_the_policys_window(self):
        self.company.partner_id.tz = "Asia/Tokyo"
        self.policy.window_days = 90
        scope = self.policy._get_scope(AS_OF)
        self.assertEqual((scope.company_id, scope.timezone), (self.company.id, "Asia/Tokyo"))
        self.assertEqual(scope.decimals, self.company.currency_id.decimal_places)
        self.assertEqual((scope.as_of, scope.window_days, scope.revenue_from), (AS_OF, 90, "order"))
        self.assertEqual(scope.parameters["timezone"], "Asia/Tokyo")

    def test_the_window_ends_with_the_last_day_wherever_the_company_is(self):
        scope = Scope(company_id=1, timezone="UTC", decimals=2, window_days=365, as_of=date(2026, 6, 30))
        self.assertEqual(scope.window_start, date(2025, 6, 30))  # the first day is 1 July
        # 1 July begins first on Kiritimati, 14 hours before UTC; 30 June ends last on Baker Island, 12 hours after
        self.assertLess(scope.since, datetime(2025, 6, 30, 10))
        self.assertGreaterEqual(scope.until, datetime(2026, 7, 1, 12))
        self.assertEqual((scope.since, scope.until), (datetime(2025, 6, 30), datetime(2026, 7, 2)))

    def test_the_last_moment_of_the_day_counts_at_both_ends_of_the_world(self):
        for timezone, moment in (
            ("Pacific/Kiritimati", datetime(2026, 6, 30, 9, 59, 59)),
            ("Etc/GMT+12", datetime(2026, 7, 1, 11, 59, 59)),
        ):
            with self.subTest(timezone=timezone):
                self.company.partner_id.tz = timezone
                customer = self.new_customer(timezone)
                self.order(customer, when=moment)
                message = customer.message_post(body="They called", message_type="comment")
                message.date = moment
                row = (
                    self.env["customer.tiering.reader"]._read_customers(self.policy._get_scope(AS_OF)).loc[customer.id]
                )
                self.assertEqual((row.order_count, row.contact_count), (1, 1))
                self.assertEqual(row.last_order_date.date(), AS_OF)

    def test_single_customers(self):
        column, model = SQL.identifier("partner_id"), SQL.identifier("res_model")
        everybody = self.policy._get_scope(AS_OF)
        self.assertTrue(everybody.everybody)
        self.assertEqual(everybody.of_partners(column), SQL("TRUE"))
        self.assertEqual(everybody.of_documents(model, column), SQL("TRUE"))
        single = self.policy._get_scope(AS_OF, partner_ids=[7, 8])
        self.assertFalse(single.everybody)
        self.assertEqual(single.partner_ids, (7, 8))
        with self.assertRaises(TypeError):  # the people are not known yet: better than everybody, or nobody
            single.of_partners(column)
        single = dataclasses.replace(single, people_ids=(7, 8, 9), documents=(sources.documents.ORDERS,))
        self.assertEqual(single.of_partners(column), SQL('"partner_id" = ANY(%s)', [7, 8, 9]))
        self.assertEqual(single.of_documents(model, column).params, [[7, 8, 9], "sale.order", [7, 8, 9]])
        self.assertFalse(self.policy._get_scope(AS_OF, partner_ids=[]).everybody)

    def _get_candidates(self, scope):
        self.env.flush_all()
        return {id_ for (id_,) in self.env.execute_query(scope.candidates)}

    def test_candidates_match_the_policy_and_are_some_of_the_single_ones(self):
        firm, ann, ben = self.new_customer("Firm", is_company=True), self.new_customer("Ann"), self.new_customer("Ben")
        contact = self.new_customer("Contact", parent_id=firm.id)
        firms = self.other_policy()
        partners = firm | ann | ben | contact
        self.assertEqual(self._get_candidates(firms._get_scope(AS_OF)) & {*partners.ids}, {firm.id})
        self.assertEqual(self._get_candidates(self.policy._get_scope(AS_OF)) & {*partners.ids}, {ann.id, ben.id})
        alone = self.policy._get_scope(AS_OF, partner_ids=(firm | ann | contact).ids)
        self.assertEqual(self._get_candidates(alone), {ann.id})

    def test_a_version_gives_its_own_window_and_customers(self):
        ann, ben = self.new_customer("Ann"), self.new_customer("Ben")
        self.policy.write({"window_days": 90, "partner_domain": "[('name', '=', 'Ann')]"})
        version = self.compute().version_id
        self.policy.write({"window_days": 30, "partner_domain": "[]"})
        scope = self.policy._get_scope(AS_OF, (ann | ben).ids, version)
        self.assertEqual((scope.window_days, self._get_candidates(scope)), (90, {ann.id}))
        scope = self.policy._get_scope(AS_OF, (ann | ben).ids)
        self.assertEqual((scope.window_days, self._get_candidates(scope)), (30, {ann.id, ben.id}))

    def test_a_version_whose_filter_cannot_be_read_any_more_has_the_customers_it_had(self):
        ann, ben = self.new_customer("Ann"), self.new_customer("Ben")
        self.order(ann)
        version = self.compute().version_id
        version.rules = {**version.rules, "partner_domain": "[('x_uninstalled', '=', 1)]"}
        scope = self.policy._get_scope(AS_OF, (ann | ben).ids, version)
        self.assertEqual(self._get_candidates(scope), {ann.id})


@tagged("post_install", "-at_install")
class TestSources(TieringCommon):
    """Sources of another module, and what people wait for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.reader = cls.env["customer.tiering.reader"]
        cls.ann, cls.ben, cls.cay = (cls.new_customer(name) for name in ("Ann", "Ben", "Cay"))
        for customer in (cls.ann, cls.ben, cls.cay):
            cls.order(customer, 10)

    @contextmanager
    def _added(self, source):
        """Let an override of the reader add a source; yield the statements that are sent meanwhile."""
        original, fetch, statements = type(self.reader)._get_metric_sources, rows.fetch_arrays, []

        def fetch_and_note(cr, query, columns):
            statements.append(query.code)
            return fetch(cr, query, columns)

        with (
            patch.object(type(self.reader), "_get_metric_sources", lambda reader: [*original(reader), source]),
            patch.object(rows, "fetch_arrays", fetch_and_note),
        ):
            yield statements

    def test_a_source_of_another_module_fills_its_columns(self):
        stranger = self.new_customer("Stranger")
        source = Visits(
            (self.ann.id, date(2026, 6, 1), 3, 2.5, -1.5),
            (self.ben.id, None, None, None, None),
            (stranger.id, date(2026, 6, 1), 1, 1, 1),
        )
        with self._added(source):
            frame = self.reader._read_customers(self.policy._get_scope(AS_OF), source.columns)
        self.assertEqual(list(frame.index), [self.ann.id, self.ben.id, self.cay.id])
        ann, ben, cay = (frame.loc[customer.id] for customer in (self.ann, self.ben, self.cay))
        self.assertEqual((ann.day.date(), ann.visits, ann.spent, ann.mood), (date(2026, 6, 1), 3, 2.5, -1.5))
        for nothing in (ben, cay):  # no value, and no row
            self.assertEqual((nothing.visits, nothing.spent), (0, 0))
            self.assertTrue(nothing.isna().day and nothing.isna().mood)
        types = {"day": "datetime64[s]", "visits": "int64", "spent": "float64", "mood": "float64"}
        self.assertEqual(frame[list(types)].dtypes.astype(str).to_dict(), types)

    def test_a_source_is_asked_only_for_what_is_needed(self):
        source = Visits((self.ann.id, date(2026, 6, 1), 3, 2.5, -1.5))
        with self._added(source) as statements:
            frame = self.reader._read_customers(self.policy._get_scope(AS_OF))
            self.assertFalse(source.scopes)
            self.assertTrue(source.columns.keys().isdisjoint(frame.columns))
            self.assertFalse([code for code in statements if "visits" in code])
            frame = self.reader._read_customers(self.policy._get_scope(AS_OF), {"visits"})
        self.assertEqual(source.columns.keys() & set(frame.columns), {"visits"})
        self.assertEqual(frame.visits.to_dict(), {self.ann.id: 3, self.ben.id: 0, self.cay.id: 0})

    def test_a_source_knows_of_whom_it_is_asked(self):
        firm = self.new_customer("Firm", is_company=True)
        contact = self.new_customer("Contact", parent_id=firm.id)
        self.order(contact, 3)
        source = Visits((firm.id, None, 2, None, None), (self.ann.id, None, 3, None, None))
        with self._added(source):
            frame = self.reader._read_customers(self.policy._get_scope(AS_OF, firm.ids), {"visits"})
            self.reader._read_customers(self.policy._get_scope(AS_OF), {"visits"})
        self.assertEqual(frame.visits.to_dict(), {firm.id: 2})
        single, everybody = source.scopes
        self.assertEqual((single.partner_ids, set(single.people_ids)), ((firm.id,), {firm.id, contact.id}))
        self.assertEqual((everybody.partner_ids, everybody.people_ids), (None, None))

    def test_a_source_shares_the_scan_of_orders(self):
        order = self.order(self.ben, 3)
        order.name = "A name that is longer than others"
        scope = self.policy._get_scope(AS_OF)
        with self._added(Names()) as statements:
            frame = self.reader._read_customers(scope, {"name_length"})
        self.assertEqual(frame.name_length[self.ben.id], len(order.name))
        scans = [code for code in statements if "date_order AS moment" in code]
        self.assertEqual(len(scans), 1)
        self.assertIn("LENGTH(name)", scans[0])
        with self._added(Names()) as statements:
            self.reader._read_customers(scope)
        self.assertFalse([code for code in statements if "LENGTH(name)" in code])

    # ------------------------------------------------------------------
    # What puts somebody into the queue
    # ------------------------------------------------------------------

    def _affected(self, records):
        return self.reader._get_purchase_sources()["order"].get_affected(records)

    def test_confirmed_orders_affect_who_ordered(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= other
        contact = self.new_customer("Contact", parent_id=self.ann.id)
        orders = self.env["sale.order"]
        for state in ("draft", "sent", "cancel"):
            orders |= self.order(self.ann, state=state)
        self.assertEqual(self._affected(orders), {})
        self.assertEqual(self._affected(orders.browse()), {})
        orders |= self.order(contact) | self.order(self.ben) | self.order(self.cay, company_id=other.id)
        self.assertEqual(self._affected(orders), {self.company: contact | self.ben, other: self.cay})

    def test_credit_notes_and_what_reverses_them_affect_who_is_billed(self):
        self.accounting()
        credit, draft = self.credit_note(self.ann), self.credit_note(self.ben, post=False)
        entry = credit._reverse_moves([{}])
        self.assertEqual(entry.reversed_entry_id, credit)
        invoice = draft.copy({"move_type": "out_invoice", "partner_id": self.cay.id})
        reversal = invoice.copy({"move_type": "entry", "reversed_entry_id": invoice.id})
        self.assertEqual(self._affected(invoice | reversal), {})
        self.assertEqual(self._affected(credit | draft | invoice), {self.company: self.ann | self.ben})
        self.assertEqual(self._affected(entry), {self.company: self.ann})

    def test_a_credit_note_affects_who_ordered(self):
        self.accounting()
        self.product.invoice_policy = "order"
        invoice = self.order(self.ben, partner_invoice_id=self.ann.id)._create_invoices()
        invoice.action_post()
        credit = invoice._reverse_moves([{"invoice_date": AS_OF}])
        self.assertEqual(self._affected(credit), {self.company: self.ann | self.ben})
        credit.invoice_line_ids.sale_line_ids = False  # made again by hand
        self.assertEqual(self._affected(credit), {self.company: self.ann | self.ben})
        accountant = self.new_user("tiering_accountant", "account.group_account_invoice")
        self.assertEqual(self._affected(credit.with_user(accountant)), {self.company: self.ann | self.ben})

    def test_other_records_affect_nobody(self):
        self.assertEqual(self._affected(self.ann), {})

    def test_every_purchase_source_is_asked_and_a_customer_is_queued_once(self):
        class Tills(base.PurchaseSource):
            def get_affected(self, records):
                return {records.company_id: records.partner_id | other}

        other, refresh = self.ben, self.env["customer.tiering.refresh"]
        refresh.search([]).unlink()
        self.compute()
        purchases = {**self.reader._get_purchase_sources(), "till": Tills()}
        used = {self.company.id: ("order", "till")}
        with (
            patch.object(type(self.reader), "_get_purchase_sources", lambda reader: purchases),
            patch.object(type(self.policy), "_get_used_sources", lambda policy: used),
        ):
            tiers = refresh._add_affected(self.ann.sale_order_ids)
        self.assertEqual(refresh.search([]).partner_id, self.ann | self.ben)
        self.assertEqual(len(refresh.search([])), 2)
        expected = {partner.id: self.card(partner).tier_id.id for partner in self.ann | self.ben}
        self.assertEqual(tiers, {self.company: expected})
