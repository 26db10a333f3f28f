import hashlib
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, TransactionCase, tagged
from odoo.tools import SQL, mute_logger

from .. import engine
from .common import AS_OF
from .test_playbook import PlaybookCommon


@tagged("post_install", "-at_install")
class TestEffect(TransactionCase):
    def test_the_database_draws_as_the_engine_does(self):
        """The statement that will take events, on 10,000 customers."""
        for percent in (0, 12.5, 50, 100):
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT ('x' || left(md5(%s || ':' || 7 || ':' || id), 8))::bit(32)::bigint %% 10000 < 100 * %s
                      FROM generate_series(1, 10000) id ORDER BY id
                    """,
                    "salt",
                    percent,
                )
            )
            drawn = engine.effect.draw("salt", 7, range(1, 10_001), percent)
            self.assertEqual([is_held for (is_held,) in rows], drawn.tolist(), percent)


@tagged("post_install", "-at_install")
class TestHeldOut(PlaybookCommon):
    """Sixty customers bought 60 days ago and are Gold; who buys reaches Platinum, which a playbook follows up."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.env["res.partner"].union(*(cls.buyer(f"Customer {number:02}", 60) for number in range(60)))
        cls.compute_after(0)
        cls.welcome = cls._playbook("enter", on=0, held_out_percent=50, effect_days=30, effect_events=40)

    def reach(self, people, number=1):
        """People buy on a day and reach Platinum in its night."""
        for who in people:
            self.order(who, -number, 10)
        self.compute_after(number)

    def drawn(self):
        """Who is held out, by hand: the first 32 bits of an MD5."""
        salt = self.welcome.sudo().salt
        digests = {who: hashlib.md5(f"{salt}:{self.welcome.id}:{who.id}".encode()).hexdigest() for who in self.people}
        return self.people.filtered(lambda who: int(digests[who][:8], 16) % 10_000 < 5_000)

    def measure(self, number):
        with freeze_time(self.noon(AS_OF + timedelta(days=number))):
            return self.env["customer.tiering.effect"]._measure(self.welcome)

    # ------------------------------------------------------------------
    # The draw
    # ------------------------------------------------------------------

    def test_who_is_held_out_gets_nothing_and_is_kept(self):
        held = self.drawn()
        self.assertTrue(10 < len(held) < 50)
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        rows = self._rows(self.welcome, state="held_out")
        self.assertEqual(rows.partner_id, held)
        self.assertEqual(set(rows.mapped("planned_on")), {AS_OF + timedelta(days=1)})
        self.assertEqual(set(rows.mapped("date_deadline")), {AS_OF + timedelta(days=3)})
        activities = self._activities()
        self.assertEqual(sorted(activities.mapped("res_id")), sorted((self.people - held).ids))
        self.assertEqual(set(self._rows(self.welcome).mapped("drawn_percent")), {50})

    def test_another_share_moves_nobody_who_was_drawn(self):
        held, some = self.drawn(), self.people[:30]
        self.reach(some)
        self._plan_on(1, self.welcome)
        self.welcome.held_out_percent = 1
        self.order(some[0], -40, 10)  # all of them left Platinum and reach it again
        self.compute_after(35)
        self.reach(self.people, 41)
        self._plan_on(41, self.welcome)
        again = self._rows(self.welcome).filtered(lambda row: row.partner_id in some)
        self.assertGreater(len(again), len(some))
        self.assertEqual({row.partner_id for row in again if row.is_held_out}, set(held & some))
        self.assertEqual(set(again.mapped("drawn_percent")), {50})
        others = self._rows(self.welcome).filtered(lambda row: row.partner_id not in some)
        self.assertEqual(set(others.mapped("drawn_percent")), {1})

    def test_a_new_draw_holds_out_others_and_forgets_what_was(self):
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        self.assertTrue(self.measure(2))
        before, salt = self.drawn(), self.welcome.sudo().salt
        self.welcome.with_user(self.manager).action_draw_anew()
        self.assertNotEqual(self.welcome.sudo().salt, salt)
        self.assertNotEqual(self.drawn(), before)
        self.assertFalse(self.measure(2), "Nobody of the new draw")

    def test_without_a_share_nobody_is_drawn(self):
        self.welcome.held_out_percent = 0
        self.reach(self.people[:5])
        self._plan_on(1, self.welcome)
        self.assertEqual(len(self._activities()), 5)
        self.assertEqual(set(self._rows(self.welcome).mapped("draw")), {0})
        self.assertFalse(self.measure(2))

    def test_nobody_is_held_out_of_what_customers_wait_for(self):
        with self.assertRaisesRegex(ValidationError, "Nobody may be held out"):
            self._playbook("pending", held_out_percent=10)
        with self.assertRaisesRegex(UserError, "50"):
            self.welcome.held_out_percent = 51

    def test_a_share_brings_what_it_needs(self):
        with Form(self.welcome.copy().with_user(self.manager)) as form:
            form.effect_days = form.effect_events = 0
            form.held_out_percent = 20
            # One purchase each: no usual time between two. At 80:20 a thousand show 10 points.
            self.assertEqual(form.effect_days, 30)
            self.assertAlmostEqual(form.effect_events, 1_000, delta=60)
            self.assertRegex(form.effect_hint, "from 30% to 40%")

    # ------------------------------------------------------------------
    # They take their place
    # ------------------------------------------------------------------

    def test_who_is_held_out_uses_up_the_limits(self):
        self.welcome.day_limit = 10
        self.reach(self.people[:30])
        for number in (1, 2, 3):
            self._plan_on(number, self.welcome)
            rows = self._rows(self.welcome, planned_on=AS_OF + timedelta(days=number))
            self.assertEqual(len(rows), 10)
        self.assertEqual(len(self._activities()), len(self.people[:30] - self.drawn()))
        self.welcome.write({"day_limit": 0, "user_day_limit": 4})
        self.reach(self.people[30:], 4)
        self._plan_on(4, self.welcome)
        self.assertEqual(len(self._rows(self.welcome, planned_on=AS_OF + timedelta(days=4))), 4)

    def test_who_is_held_out_counts_as_open_until_due(self):
        self.welcome.write({"user_open_limit": 6, "held_out_percent": 50})
        people = self.drawn()[:6]
        self.reach(people)
        self._plan_on(1, self.welcome)
        self.assertEqual(len(self._rows(self.welcome, state="held_out")), 6)
        self.reach((self.people - self.drawn())[:2], 2)
        self._plan_on(3, self.welcome)  # due on day 3
        self.assertFalse(self._activities())
        self.assertEqual(set(self._rows(self.welcome, state="waiting").mapped("problem")), {"user_limit"})
        self._plan_on(4, self.welcome)
        self.assertEqual(len(self._activities()), 2)

    def test_the_days_between_two_hold_for_who_is_held_out(self):
        self.welcome.cooldown_days = 60
        who = self.drawn()[0]
        self.reach(who)
        self._plan_on(1, self.welcome)
        self.compute_after(40)
        self.reach(who, 41)
        self._plan_on(41, self.welcome)
        self.assertEqual(self._rows(self.welcome).sorted("id").mapped("problem"), [False, "cooldown"])

    # ------------------------------------------------------------------
    # Who sees it
    # ------------------------------------------------------------------

    def test_nobody_in_sales_sees_who_is_held_out(self):
        """Nor who is not, while it waits: the tiers say for whom there was a reason."""
        self.welcome.day_limit = 20
        self.reach(self.people)
        domain = [("playbook_id", "=", self.welcome.id)]
        for number in (0, 1):  # while they wait, and later
            told = self._activities().sudo().mapped("res_id")
            self.assertEqual(bool(told), bool(number))
            rows = self.followups.with_user(self.salesperson).search(domain)
            self.assertEqual(sorted(rows.partner_id.ids), sorted(told))
            report = self.env["customer.tiering.followup.report"]
            self.assertEqual(sorted(report.with_user(self.salesperson).search(domain).partner_id.ids), sorted(told))
            self.assertEqual(report.with_user(self.manager).search(domain).partner_id, self.people - self.drawn())
            self.assertFalse(self.welcome.with_user(self.salesperson).waiting_count)
            self.welcome.invalidate_recordset()
            self.assertGreater(self.welcome.with_user(self.manager).waiting_count, 0)
            self.welcome.invalidate_recordset()
            self._plan_on(1, self.welcome)
        for fname in ("draw", "drawn_percent"):
            with self.assertRaises(AccessError):
                rows.read([fname])
        for fname in ("salt", "held_out_percent", "draw"):
            with self.assertRaises(AccessError):
                self.welcome.with_user(self.salesperson).read([fname])
        with self.assertRaises(AccessError):
            self.welcome.with_user(self.manager).read(["salt"])
        with self.assertRaises(AccessError):
            self.env["customer.tiering.effect"].with_user(self.salesperson).search([])
        held = self._rows(self.welcome, state="held_out")
        for row in (held[0], self._rows(self.welcome, state="open")[0]):
            marks = self.card(row.partner_id).with_user(self.manager)._get_timeline_marks(AS_OF)
            self.assertEqual("followup" in [mark["kind"] for mark in marks], row.state == "open")

    def test_why_some_are_skipped_tells_nobody_either(self):
        self.welcome.cooldown_days = 60
        who = (self.people - self.drawn())[0]
        self.reach(who)
        self._plan_on(1, self.welcome)
        self.compute_after(40)
        self.reach(who, 41)
        self._plan_on(41, self.welcome)
        self.assertEqual(self._rows(self.welcome).sorted("id").mapped("state"), ["open", "skipped"])
        domain = [("playbook_id", "=", self.welcome.id)]
        for model in (self.followups, self.env["customer.tiering.followup.report"]):
            self.assertEqual(model.with_user(self.salesperson).search_count(domain), 1)
            self.assertEqual(model.with_user(self.manager).search_count(domain), 2)

    def test_without_a_share_everybody_sees_what_waits(self):
        self.welcome.held_out_percent = 0
        self.reach(self.people[:5])
        for model in (self.followups, self.env["customer.tiering.followup.report"]):
            found = model.with_user(self.salesperson).search([("playbook_id", "=", self.welcome.id)])
            self.assertEqual(found.partner_id, self.people[:5])

    def test_days_are_proposed_of_customers_of_own_companies_only(self):
        self.env["customer.tiering.scorecard"].search([]).flush_recordset()
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET gap_median_days = 41")
        other = self.env["res.company"].create({"name": "Other Company"})
        foreign = self.new_user("effect_foreign", "sales_team.group_sale_manager", other)
        values = {"policy_id": self.policy.id, "held_out_percent": 10, "effect_days": 0, "effect_events": 9}
        for user, company, days in ((self.manager, self.company, 82), (foreign, other, None)):
            playbook = self.env["customer.tiering.playbook"].with_user(user)
            playbook = playbook.with_context(allowed_company_ids=company.ids)
            found = playbook.onchange(values, ["held_out_percent"], {"effect_days": {}})["value"]
            self.assertEqual(found.get("effect_days"), days or 30)

    def test_a_preview_says_who_would_be_held_out(self):
        self.reach(self.people[:10])
        action = self.welcome.with_user(self.manager).action_preview()
        preview = self.env[action["res_model"]].browse(action["res_id"])
        told = preview.line_ids.filtered(lambda line: (line.what or "").startswith("Held out"))
        self.assertEqual(told.partner_id, self.drawn() & self.people[:10])

    # ------------------------------------------------------------------
    # What came of it
    # ------------------------------------------------------------------

    def followed_by(self, held_who_buy, others_who_buy, number=10):
        """All are followed up on day 1, or held out, and so many of each group buy on a day, for 100."""
        held = self.drawn()
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        for who in (*held[:held_who_buy], *(self.people - held)[:others_who_buy]):
            self.order(who, -number, 100)

    def test_the_effect_is_that_of_the_orders_counted_by_hand(self):
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            self.followed_by(2, 20)
            running = self.measure(30).sudo().result["running"]
            self.assertEqual(running, 60, "30 days from day 1 on end with day 30")
            effect = self.measure(31)
            result = effect.sudo().result
        first = self.people.sorted("id")[:40]  # planned: the first 40
        count_held = len(first & self.drawn())
        buyers = (self.drawn()[:2] & first, (self.people - self.drawn())[:20] & first)
        # The order of day 1 itself counts for everybody: it is of the day of the follow-up.
        self.assertEqual((result["followed"], result["held"]), (40 - count_held, count_held))
        self.assertEqual(result["counts"], [40 - count_held, count_held])
        self.assertEqual(result["running"], 0)
        orders = result["orders"]
        self.assertAlmostEqual(orders["with_"], 1 + len(buyers[1]) / (40 - count_held))
        self.assertAlmostEqual(orders["without"], 1 + len(buyers[0]) / count_held)
        whole = result["whole"]
        self.assertAlmostEqual(whole["with_"], 10 + 100 * len(buyers[1]) / (40 - count_held))

    def test_what_may_be_said_of_it(self):
        self.welcome.effect_events = 60
        held = self.drawn()
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        # The purchase of day 1 is taken back, so that only later ones count.
        self.env["sale.order"].search([("date_order", ">", self.noon(AS_OF))]).write({"state": "cancel"})
        for who in (*held[:2], *(self.people - held)[:24]):
            self.order(who, -10, 100)
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            effect = self.measure(31)
            told = engine.effect.compare_shares(24, 60 - len(held), 2, len(held))
        self.assertEqual(effect.verdict, "more")
        self.assertEqual(
            effect.sentence.split(".")[0],
            f"Of {60 - len(held)} followed up {round(100 * told.with_)}% bought again within 30 days, of "
            f"{len(held)} held out {round(100 * told.without)}%: {round(100 * told.value)} points more "
            f"({round(100 * told.low)} to {round(100 * told.high)})",
        )
        self.assertIn("<table", effect.table)
        self.assertEqual(effect.with_user(self.manager).verdict, "more")
        self.welcome.effect_events = 100
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            effect = self.measure(31)
        self.assertEqual(effect.verdict, "early")
        self.assertRegex(effect.sentence, "^Cannot tell yet: between .* About 40 more customers are needed")
        with patch.object(engine.effect, "LEAST_GROUP", 40):
            self.assertEqual(self.measure(31).verdict, "too_few")

    def test_who_may_not_see_all_customers_is_told_no_numbers(self):
        self.followed_by(2, 10)
        effect = self.measure(31)
        self.env["ir.rule"].create(
            {
                "name": "Not the first",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "domain_force": [("id", "!=", self.people[0].id)],
            }
        )
        seen = effect.with_user(self.manager)
        self.assertFalse(seen.verdict or seen.table or seen.notes or seen.held_count)
        self.assertIn("may not see all", seen.sentence)

    def test_merged_customers_and_those_seen_to_by_hand_are_told(self):
        held, others = self.drawn(), self.people - self.drawn()
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        self.env["base.partner.merge.automatic.wizard"]._merge([held[0].id, others[0].id], others[0])
        call = {
            "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
            "res_model_id": self.env["ir.model"]._get_id("res.partner"),
            "user_id": self.salesperson.id,
        }
        calls = self.env["mail.activity"].create([{**call, "res_id": who.id} for who in (held[1], others[1])])
        calls.flush_recordset()
        self.env.cr.execute(
            "UPDATE mail_activity SET create_date = %s WHERE id = ANY(%s)", [self.noon(AS_OF, -5), calls.ids]
        )
        self.welcome.effect_events = 60
        effect = self.measure(31)
        result = effect.sudo().result
        self.assertEqual((result["mixed"], result["touched"]), (1, 1))
        self.assertEqual(result["followed"] + result["held"], 58)
        self.assertIn("1 of those held out were seen to", effect.notes)

    def test_a_damaged_draw_is_told(self):
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        self._rows(self.welcome, state="held_out")[3:].unlink()
        effect = self.measure(31)
        self.assertEqual(effect.verdict, "damaged")
        self.assertIn("draw anew", effect.sentence)

    def test_one_that_cannot_be_measured_keeps_no_other_from_it(self):
        second = self._playbook("enter", on=0, held_out_percent=50, effect_days=30, effect_events=40)
        self.reach(self.people[:3])
        for playbook in (self.welcome, second):
            self._plan_on(1, playbook)
        compare = type(self.env["customer.tiering.effect"])._compare

        def fail(effects, playbook, *arguments):
            if playbook == self.welcome:
                effects.env.cr.execute("SELECT 1 / 0")
            return compare(effects, playbook, *arguments)

        effects = self.env["customer.tiering.effect"]
        logger = "odoo.addons.customer_tiering.models.customer_tiering_effect"
        with patch.object(type(effects), "_compare", fail), mute_logger("odoo.sql_db"), self.assertLogs(logger) as logs:
            effects._cron_measure()
        self.assertEqual(effects.search([("company_id", "=", self.company.id)]).playbook_id, second)
        self.assertIn(str(self.welcome.id), logs.output[0])

    def test_the_job_measures_and_the_button_says_what_is_missing(self):
        with self.assertRaisesRegex(UserError, "held nobody out yet"):
            self._playbook("enter").with_user(self.manager).action_open_effect()
        self.reach(self.people[:3])
        self._plan_on(1, self.welcome)
        self.env["customer.tiering.effect"]._cron_measure()
        effect = self.env["customer.tiering.effect"].search([("company_id", "=", self.company.id)])
        self.assertEqual(effect.playbook_id, self.welcome)
        self.assertEqual(self.welcome.with_user(self.manager).action_open_effect()["res_id"], effect.id)
        with self.assertRaises(AccessError):
            self.welcome.with_user(self.salesperson).action_open_effect()
