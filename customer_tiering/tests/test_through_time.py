from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import psycopg2

from odoo.fields import Command, Domain
from odoo.tests import freeze_time, tagged

from ..models.customer_tiering_run import LOCK_CLASS
from .common import AS_OF, TieringCommon
from .test_playbook import PlaybookCommon
from .test_purchases import PurchasesCommon

TODAY = AS_OF.isoformat()


class ThroughTimeCommon(TieringCommon):
    """The only criterion is recency: an order up to 30 days ago is Platinum, 90 Gold, 180 Silver, older Bronze.

    A downgrade is announced 30 days before; Platinum has prices of its own.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": cls.metric("recency"), "method": "bands"}),
        ]
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.policy.tier_ids.grace_days = 30
        cls.usual, cls.prices = cls.env["product.pricelist"].create(
            [{"name": name, "company_id": cls.company.id, "sequence": n} for n, name in enumerate(("Usual", "Best"))]
        )
        cls.platinum.pricelist_id = cls.prices
        cls.Former = cls.env["customer.tiering.former"]
        cls.Refresh = cls.env["customer.tiering.refresh"]

    def _firm(self, name, **values):
        return self.new_customer(name, is_company=True, **values)

    def _merge(self, *partners):
        """Merge contacts into the last one."""
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge([partner.id for partner in partners], dst_partner=partners[-1])

    def assertBusiness(self, expected):  # noqa: N802
        """``{customer: orders in the window}``, as read for all and, with all else, for each one alone."""
        reader = self.env["customer.tiering.reader"]
        full = reader._read_customers(self.policy._get_scope(AS_OF + timedelta(days=1)))
        for customer, count in expected.items():
            alone = reader._read_customers(self.policy._get_scope(AS_OF + timedelta(days=1), customer.ids))
            scope = self.policy._get_scope(AS_OF + timedelta(days=1), part=(customer.id, customer.id))
            apart = reader._read_customers(scope)
            self.assertEqual(apart.to_csv(), alone.to_csv())
            for frame in (full, alone):
                found = int(frame["order_count"].get(customer.id, 0))
                self.assertEqual(found, count, customer.name)
            if customer.id in full.index:
                rows = [str(frame.loc[customer.id].to_dict()) for frame in (alone, full)]  # as text: NaN equals NaN
                self.assertEqual(*rows)

    def assertKept(self, customer, tier, since, pending=None):  # noqa: N802
        card = self.card(customer)
        self.assertEqual(
            (card.tier_id, card.tier_since, card.computed_since, card.pending_date or None),
            (tier, since, since, pending),
        )


@freeze_time(TODAY)
@tagged("post_install", "-at_install")
class TestThroughTime(ThroughTimeCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # 26 days on the first day, 31 today: Gold is announced for in 30 days.
        cls.person = cls.buyer("Person", 31, 300)
        cls.first = AS_OF - timedelta(days=5)
        cls.due = AS_OF + timedelta(days=30)
        for day in (cls.first, AS_OF):
            with patch.object(type(cls.env["customer.tiering.run"]), "_lock_company"):
                cls.compute(day)

    @contextmanager
    def _run_under_way(self):
        """Another session computes the company."""
        connection = psycopg2.connect(self.env.cr._cnx.dsn)
        self.addCleanup(connection.close)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_CLASS, self.company.id])
            self.assertTrue(cursor.fetchone()[0])
            yield
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_CLASS, self.company.id])

    # ------------------------------------------------------------------
    # A lone person is put under a company
    # ------------------------------------------------------------------

    def test_all_goes_along_when_a_person_is_put_under_a_company(self):
        self.assertKept(self.person, self.platinum, self.first, self.due)
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.person.id, "tier_id": self.gold.id, "reason": "Promised"}
        )
        history = self.changes(self.person)
        self.person.parent_id = firm = self._firm("Firm")
        # at once
        self.assertKept(firm, self.platinum, self.first, self.due)
        self.assertFalse(self.card(self.person))
        self.assertEqual(self.person.tiering_tier_id, self.platinum)
        self.assertEqual((self.person | firm).property_product_pricelist, self.prices)
        self.assertEqual((self.changes(firm), lock.partner_id), (history, firm))
        # and tomorrow, and the same when only this customer is scored
        self.Refresh._process(self.company)
        self.assertKept(firm, self.platinum, self.first, self.due)
        self.compute_after(1)
        self.assertKept(firm, self.platinum, self.first, self.due)
        self.assertEqual(self.card(firm).lock_id, lock)
        self.assertEqual(self.changes(firm), history)
        self.assertBusiness({firm: 2, self.person: 0})
        # the announced day comes
        self.compute_after(30)
        self.assertTiers({firm: "Gold"})

    def test_a_firm_that_is_a_customer_already_keeps_its_own_state(self):
        firm = self._firm("Firm")
        self.order(firm, 60)
        self.compute()
        self.person.parent_id = firm
        self.assertTiers({firm: "Gold"})
        self.assertFalse(self.card(self.person))
        self.compute_after(1)  # 32 days
        self.assertTiers({firm: "Gold"})
        self.assertBusiness({firm: 3})

    def test_a_firm_without_a_tier_takes_that_of_the_person(self):
        firm = self._firm("Firm")
        self.order(firm, 5, state="draft")
        self.compute()
        self.assertFalse(self.card(firm).tier_id)
        self.person.parent_id = firm
        self.assertKept(firm, self.platinum, self.first, self.due)

    def test_contacts_of_the_person_go_along(self):
        child = self.new_customer("Child", parent_id=self.person.id)
        self.order(child, 31)
        self.compute()
        self.assertEqual(self.card(self.person).order_count, 3)
        self.person.parent_id = firm = self._firm("Firm")
        self.assertEqual(child.tiering_tier_id, self.platinum)
        self.assertBusiness({firm: 3})

    def test_a_company_that_becomes_a_department(self):
        holding, firm = self._firm("Holding"), self._firm("Part")
        buyer = self.new_customer("Buyer", parent_id=firm.id)
        self.order(buyer, 20)
        self.compute()
        firm.write({"parent_id": holding.id, "is_company": False})
        self.assertTiers({holding: "Platinum"})
        self.compute_after(1)
        self.assertTiers({holding: "Platinum", firm: False})
        self.assertBusiness({holding: 1, firm: 0})

    def test_a_mistake_is_undone(self):
        firm = self._firm("Firm")
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.person.id, "tier_id": self.gold.id, "reason": "Promised"}
        )
        self.person.parent_id = firm
        self.person.parent_id = False
        self.assertKept(self.person, self.platinum, self.first, self.due)
        self.assertEqual(lock.partner_id, self.person)
        self.assertFalse(self.card(firm))
        self.assertBusiness({self.person: 2, firm: 0})
        self.assertFalse(self.Former.search([]))
        other = self._firm("The right one")
        self.person.parent_id = other
        self.assertKept(other, self.platinum, self.first, self.due)
        self.assertBusiness({other: 2, firm: 0})

    def test_who_has_changed_the_contact_waits_for_no_run(self):
        firm = self._firm("Firm")
        with self._run_under_way():
            self.person.parent_id = firm
            self.assertTrue(self.Former.search([]).pending)
            self.assertFalse(self.card(firm))
            self.assertEqual(self.Refresh.search([("reason", "=", "moved")]).partner_id, firm)
        self.Refresh._process(self.company)
        self.assertFalse(self.Former.search([]).pending)
        self.assertKept(firm, self.platinum, self.first, self.due)

    def test_a_run_lets_the_state_follow_too(self):
        firm = self._firm("Firm")
        with self._run_under_way():
            self.person.parent_id = firm
        self.compute_after(1)
        self.assertKept(firm, self.platinum, self.first, self.due)
        self.assertEqual(self.changes(firm).mapped("direction"), ["new"])

    def test_who_is_no_customer_costs_nothing(self):
        with patch.object(type(self.Former), "_get_customers", side_effect=AssertionError):
            contact = self.new_customer("Contact", parent_id=self._firm("Firm").id)
            contact.name = "Other"
        contact.write({"parent_id": False})
        self.assertFalse(self.Former.search([]))

        def count(number):
            contacts = self.env["res.partner"].create([{"name": f"Contact {n}"} for n in range(number)])
            for contact in contacts:
                self.order(contact, 3)
            self.compute()
            firm = self._firm("Firm")
            self.env.flush_all()
            self.env.invalidate_all()
            before, queries = self.env.cr.sql_log_count, []
            original = type(self.Former)._record

            def record(former, moved):
                start = former.env.cr.sql_log_count
                original(former, moved)
                queries.append(former.env.cr.sql_log_count - start)

            with patch.object(type(self.Former), "_record", record):
                contacts.write({"parent_id": firm.id})
            self.assertGreater(self.env.cr.sql_log_count, before)
            return queries[-1]

        count(2)
        self.assertLessEqual(count(20), count(2) + 2)

    # ------------------------------------------------------------------
    # A contact moves to another firm
    # ------------------------------------------------------------------

    def _buyer_of_two(self):
        """Firm A is Platinum by the orders of its buyer, firm B Gold by one of its own."""
        a, b = self._firm("A"), self._firm("B")
        buyer = self.new_customer("Buyer", parent_id=a.id)
        for days in (20, 100):
            self.order(buyer, days, 900)
        self.order(b, 50)
        self.compute()
        self.assertTiers({a: "Platinum", b: "Gold"})
        return a, b, buyer

    def test_purchases_stay_when_the_buyer_changes_employer(self):
        a, b, buyer = self._buyer_of_two()
        buyer.parent_id = b
        self.assertEqual(buyer.tiering_tier_id, self.gold)
        self.compute_after(1)
        self.assertTiers({a: "Platinum", b: "Gold"})
        self.assertEqual((self.card(a).amount, self.card(b).amount), (1800, 100))
        self.assertBusiness({a: 2, b: 1, buyer: 0})
        self.order(buyer, -1)
        self.assertBusiness({a: 2, b: 2})
        self.compute_after(1)
        self.assertTiers({a: "Platinum", b: "Platinum"})

    def test_purchases_stay_when_the_buyer_moves_in_two_steps_and_on(self):
        a, b, buyer = self._buyer_of_two()
        buyer.parent_id = False
        self.assertBusiness({a: 2, b: 1, buyer: 0})
        buyer.parent_id = b
        self.assertTiers({a: "Platinum", b: "Gold"})
        with freeze_time(self.noon(AS_OF, -1)):
            self.order(buyer, -1, when=self.noon(AS_OF, -1) - timedelta(hours=2))
            buyer.parent_id = c = self._firm("C")
        self.assertBusiness({a: 2, b: 2, c: 0, buyer: 0})
        self.compute_after(1)
        self.assertTiers({a: "Platinum", b: "Platinum", c: False})
        self.assertFalse(self.card(c))

    def test_a_firm_whose_buyer_has_left_is_known_by_nothing_else(self):
        a, b = self._firm("A"), self._firm("B")
        buyer = self.new_customer("Buyer", parent_id=a.id)
        self.order(buyer, 20)
        buyer.parent_id = b
        for firm, count in ((a, 1), (b, 0)):
            domain = Domain("id", "=", firm.id)
            self.assertEqual(self.env["customer.tiering.reader"]._count_customers(self.company, domain, "order"), count)
        self.compute()
        self.assertTiers({a: "Platinum", b: False})
        self.assertFalse(self.card(b))

    def test_a_person_under_a_firm_who_moves_on(self):
        a, b = self._firm("A"), self._firm("B")
        self.person.parent_id = a
        with freeze_time(self.noon(AS_OF, -1)):
            self.person.parent_id = b
        self.assertKept(a, self.platinum, self.first, self.due)
        self.assertFalse(self.card(b))
        self.assertBusiness({a: 2, b: 0})

    def test_the_queue_takes_the_firm_of_an_old_order(self):
        a, b, buyer = self._buyer_of_two()
        order = self.env["sale.order"].search([("partner_id", "=", buyer.id)], order="date_order desc", limit=1)
        buyer.parent_id = b
        self.Refresh.search([]).unlink()
        order._action_cancel()
        self.assertEqual(self.Refresh.search([]).partner_id, a | b)

    def test_interactions_stay_too(self):
        a, b, buyer = self._buyer_of_two()
        message = buyer.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        message.date = self.noon(AS_OF, 10)
        self.compute()
        buyer.parent_id = b
        self.compute_after(1)
        self.assertEqual(self.card(a).last_contact_date, AS_OF - timedelta(days=10))
        self.assertFalse(self.card(b).last_contact_date)
        message = buyer.message_post(body="Hello", message_type="comment", subtype_xmlid="mail.mt_comment")
        message.date = self.noon(AS_OF, -1)
        self.assertBusiness({a: 2, b: 1})
        self.compute_after(1)
        self.assertEqual(self.card(b).last_contact_date, AS_OF + timedelta(days=1))

    # ------------------------------------------------------------------
    # Firms are split, renamed, merged
    # ------------------------------------------------------------------

    def test_who_leaves_a_firm_begins_with_its_tier(self):
        a, _b, buyer = self._buyer_of_two()
        since = self.card(a).tier_since
        buyer.is_company = True
        self.assertEqual(buyer.tiering_tier_id, self.platinum)
        self.assertEqual(buyer.property_product_pricelist, self.prices)
        self.assertKept(buyer, self.platinum, since)
        self.Refresh._process(self.company)
        self.assertTiers({a: "Platinum", buyer: "Platinum"})
        self.assertRecordValues(self.changes(buyer), [{"reason": "moved", "direction": "same"}])
        self.order(buyer, -1)
        self.compute_after(1)
        self.assertTiers({a: "Platinum", buyer: "Platinum"})
        self.assertEqual(self.card(buyer).tier_since, since)
        self.assertBusiness({a: 2, buyer: 1})

    def test_a_firm_that_is_renamed(self):
        firm = self._firm("Firm")
        self.person.parent_id = firm
        firm.name = "Firm and Sons"
        self.assertKept(firm, self.platinum, self.first, self.due)

    def test_a_person_merged_into_a_contact_of_a_firm(self):
        firm = self._firm("Firm")
        contact = self.new_customer("Contact", parent_id=firm.id)
        self._merge(self.person, contact)
        self.assertKept(firm, self.platinum, self.first, self.due)
        self.assertFalse(self.card(contact))
        self.compute_after(1)
        self.assertKept(firm, self.platinum, self.first, self.due)

    def test_the_contact_of_a_firm_merged_into_that_of_another(self):
        a, b, buyer = self._buyer_of_two()
        twin = self.new_customer("Twin", parent_id=b.id)
        self._merge(buyer, twin)
        self.order(twin, 1)
        self.assertBusiness({a: 2, b: 2})
        self.compute_after(1)
        self.assertTiers({a: "Platinum", b: "Platinum"})

    def test_firms_merged_after_a_contact_has_moved(self):
        a, b, buyer = self._buyer_of_two()
        buyer.parent_id = b
        c = self._firm("C")
        self._merge(a, c)
        self.assertTiers({c: "Platinum", b: "Gold"})
        self.assertBusiness({c: 2, b: 1})

    # ------------------------------------------------------------------
    # Archived and restored
    # ------------------------------------------------------------------

    def test_who_was_archived_for_a_night_has_all_back(self):
        self.person.active = False
        with freeze_time(AS_OF + timedelta(days=1)):
            self.compute_after(1)
            self.assertFalse(self.card(self.person))
            self.person.active = True
            self.assertKept(self.person, self.platinum, self.first, self.due)
            self.assertEqual(self.person.property_product_pricelist, self.prices)
            self.Refresh._process(self.company)
            self.assertKept(self.person, self.platinum, self.first, self.due)
        self.compute_after(2)
        self.assertKept(self.person, self.platinum, self.first, self.due)
        self.assertEqual(self.changes(self.person).mapped("direction"), ["same", "left", "new"])

    def test_who_was_archived_for_long_begins_anew(self):
        self.person.active = False
        self.compute_after(1)
        with freeze_time(AS_OF + timedelta(days=40)):
            self.person.active = True
        self.assertFalse(self.card(self.person))
        self.compute_after(40)  # 71 days
        self.assertKept(self.person, self.gold, AS_OF + timedelta(days=40))

    # ------------------------------------------------------------------
    # Another policy
    # ------------------------------------------------------------------

    def _other_policy(self):
        """A policy with the same tiers for who is tagged; with its pretest of what it says today."""
        tag = self.env["res.partner.category"].create({"name": "B2B"})
        policy = self.other_policy(name="B2B", partner_domain=f"[('category_id', 'in', {tag.ids})]")
        self.person.category_id = tag
        return policy

    def _compute_both(self, days, policy):
        self.compute_after(days, policy=policy)
        self.compute_after(days)

    def test_state_goes_along_to_another_policy(self):
        other = self._other_policy()
        self._compute_both(1, other)
        theirs = other.tier_ids[0]
        self.assertEqual(self.card(self.person).policy_id, other)
        self.assertKept(self.person, theirs, self.first, self.due)
        self.assertEqual(self.card(self.person).pending_tier_id.policy_id, other)
        self.assertRecordValues(
            self.changes(self.person)[:1],
            [{"from_tier_id": self.platinum.id, "to_tier_id": theirs.id, "direction": "same", "reason": "policy"}],
        )
        self._compute_both(30, other)
        self.assertTiers({self.person: "Gold"})

    def test_a_lower_tier_of_another_policy_is_down(self):
        other = self._other_policy()
        self._compute_both(30, other)  # the announced day
        self.assertTiers({self.person: "Gold"})
        self.assertEqual(self.changes(self.person)[:1].direction, "down")

    def test_another_policy_without_such_a_tier(self):
        other = self._other_policy()
        other.tier_ids[0].name = "Diamond"
        other.tier_ids[1].name = "Ruby"
        self._compute_both(1, other)
        self.assertTiers({self.person: "Ruby"})
        self.assertEqual(self.card(self.person).tier_since, AS_OF + timedelta(days=1))
        self.assertEqual(self.changes(self.person)[:1].direction, "same")

    def _locked(self):
        late = self.buyer("Late", 100)
        self.compute()
        lock = (
            self.env["customer.tiering.lock"]
            .with_user(self.manager)
            .create({"partner_id": late.id, "tier_id": self.platinum.id, "reason": "Promised"})
        )
        self.assertTiers({late: "Platinum"})
        return late, lock

    def test_a_lock_holds_in_another_policy(self):
        late, lock = self._locked()
        other = self._other_policy()
        late.category_id = self.person.category_id
        self._compute_both(1, other)
        card = self.card(late)
        self.assertEqual((card.policy_id, card.tier_id.name, card.lock_id), (other, "Platinum", lock))
        self.assertEqual(card.tier_id.policy_id, other)
        self.assertFalse(card.idle_lock_id)
        self.assertFalse(other.last_run_id.note and "Locks without effect" in other.last_run_id.note)
        self.assertIn("At least Platinum", card.explanation_data["lock"]["sentence"])

    def test_a_lock_that_cannot_hold_is_told(self):
        late, lock = self._locked()
        other = self._other_policy()
        other.tier_ids[0].name = "Diamond"
        late.category_id = self.person.category_id
        with patch.object(type(self.env["mail.thread"]), "message_notify") as notify:
            self._compute_both(1, other)
            self._compute_both(2, other)
        card = self.card(late)
        self.assertEqual((card.tier_id.name, card.lock_id.id, card.idle_lock_id), ("Silver", False, lock))
        self.assertIn("Locks without effect", other.last_run_id.note)
        self.assertTrue(other.last_run_id.note.count(": 1."))
        self.assertEqual(notify.call_count, 1, "once, not every night")
        self.assertEqual(notify.call_args.kwargs["partner_ids"], self.manager.partner_id.ids)
        self.assertIn("Late", notify.call_args.kwargs["body"])
        said = card.explanation_data["lock"]
        self.assertFalse(said["holds"])
        self.assertIn("has no effect, because the policy “B2B” has no tier of that name", said["sentence"])
        self.assertIn(said["sentence"], card.explanation_data["text"])
        late.with_user(self.manager).action_tiering_unlock()
        self._compute_both(3, other)
        self.assertFalse(self.card(late).idle_lock_id)


@freeze_time(TODAY)
@tagged("post_install", "-at_install")
class TestBilledThroughTime(ThroughTimeCommon, PurchasesCommon):
    def test_who_was_billed_alone_takes_it_along(self):
        self.policy.revenue_from = "invoice"
        a, b = self._firm("A"), self._firm("B")
        buyer = self.new_customer("Buyer", parent_id=a.id)
        self.direct(buyer, 20)
        self.compute()
        buyer.parent_id = False
        self.direct(buyer, 0)
        self.compute_after(0)
        since = self.card(buyer).computed_since
        self.assertTrue(since)
        buyer.parent_id = b
        self.assertKept(b, self.platinum, since)
        self.assertFalse(self.card(buyer))


@tagged("post_install", "-at_install")
class TestPlaybooksThroughTime(PlaybookCommon):
    """An event is of the day on which it happened, not of the day on which it became known here."""

    def _books(self):
        segments = self.env["customer.segment"].search([]).ids
        return [
            self._playbook("enter", on=0),
            self._playbook("first_order", on=0),
            self._playbook("segment", on=0, segment_ids=segments),
        ]

    def assertEvents(self, books, partner, expected):  # noqa: N802
        found = {book.trigger for book in books if self._rows(book, partner_id=partner.id)}
        self.assertEqual(found, expected)

    def test_old_customers_who_are_imported_are_no_events(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        books = self._books()
        old = self.buyer("Old", 300, 5, -40)
        new = self.buyer("New", -41)
        for number in (45, 46):
            self.compute_after(number)
            self.assertEvents(books, old, set())
            self.assertEvents(books, new, {"enter", "first_order", "segment"})

    def test_what_happened_long_after_the_playbook_was_switched_on_but_before_the_import(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        books = self._books()
        self.compute_after(99)
        old = self.buyer("Old", -40)  # 60 days before it is entered
        self.compute_after(100)
        self.assertEvents(books, old, set())

    def test_what_waited_for_a_late_run_is_news(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        books = self._books()
        new = self.buyer("New", -2)
        self.compute_after(60)
        self.assertEvents(books, new, {"enter", "first_order", "segment"})

    def test_who_moves_is_not_new(self):
        person = self.buyer("Person", 5)
        buyer = self.new_customer("Buyer", parent_id=self.new_customer("A", is_company=True).id)
        self.order(buyer, 5)
        self.compute_after(-1)
        books = self._books()
        firm = self.new_customer("Firm", is_company=True)
        with freeze_time(self.noon(AS_OF)):
            person.parent_id = firm
            buyer.parent_id = False
        self.compute_after(1)
        self.assertEvents(books, firm, set())
        self.assertEvents(books, buyer, set())
        self.order(buyer, -2)
        self.compute_after(2)
        self.assertFalse(self._rows(books[1], partner_id=buyer.id))

    def test_the_time_between_two_follow_ups_goes_along(self):
        person = self.buyer("Person", 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=14, cooldown_days=30)
        self._plan_on(0, playbook)
        person.parent_id = firm = self.new_customer("Firm", is_company=True)
        self.assertEqual(self._rows(playbook).partner_id, firm)
        self._activities().unlink()
        self.assertEqual(self._live(14, playbook), 0)
        self.assertEqual(self._live(30, playbook), 1)
