import hashlib
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, HttpCase, TransactionCase, tagged
from odoo.tools import SQL, mute_logger

from .. import engine
from ..models import customer_tiering_followup
from .common import AS_OF
from .test_playbook import PlaybookCommon
from .test_purchases import PurchasesCommon


@tagged("post_install", "-at_install")
class TestEffect(TransactionCase):
    def test_the_database_draws_as_the_engine_does(self):
        """The statement that will take events, on 10,000 customers."""
        for percent in (0, 1.1, 12.5, 50, 100):
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


class HeldOutCommon(PlaybookCommon):
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


@tagged("post_install", "-at_install")
class TestHeldOut(HeldOutCommon):
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

    def test_days_and_numbers_that_are_emptied_are_proposed_anew_and_kept(self):
        """Else the days would follow the usual gap from night to night."""
        self.welcome.write({"effect_days": 0, "effect_events": 0})
        self.assertEqual(self.welcome.effect_days, 30)
        self.assertGreater(self.welcome.effect_events, 0)

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

    def test_after_the_last_day_nobody_is_held_out_and_the_verdict_comes(self):
        """Thirty came by then; who was drawn and waits, gets what the others get and counts in no group."""
        self.welcome.write({"effect_until": AS_OF + timedelta(days=1), "day_limit": 30})
        held = self.drawn()
        self.reach(self.people)
        for number in (1, 2):
            self._plan_on(number, self.welcome)
        first = self._rows(self.welcome, planned_on=AS_OF + timedelta(days=1)).partner_id
        self.assertEqual(len(first), 30)
        late = self._rows(self.welcome, planned_on=AS_OF + timedelta(days=2))
        self.assertTrue(late.partner_id & held)
        self.assertEqual(set(late.mapped("state")), {"open"})
        with patch.object(engine.effect, "LEAST_GROUP", 5), patch.object(engine.effect, "LEAST_BUYERS", 0):
            running, result = (self.measure(number).sudo().result for number in (31, 32))
        self.assertEqual((running["running"], running["due"]), (30, "2026-08-01"))
        self.assertEqual((result["followed"], result["held"]), (len(first - held), len(first & held)))
        self.assertEqual((result["planned"], result["running"], result["ended"]), (30, 0, True))
        self.assertNotEqual(result["code"], "early")
        self.compute_after(35)  # they left Platinum
        self.reach(self.people, 41)
        again = self._rows(self.welcome, date=AS_OF + timedelta(days=41))
        self.assertTrue(again)
        self.assertEqual(set(again.mapped("draw")), {0})

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
            running = self.measure(31).sudo().result["running"]
            self.assertEqual(running, 60, "30 days from the day after day 1 on end with day 31")
            effect = self.measure(32)
            result = effect.sudo().result
        first = self.people.sorted("id")[:40]  # planned: the first 40
        count_held = len(first & self.drawn())
        buyers = (self.drawn()[:2] & first, (self.people - self.drawn())[:20] & first)
        # The order of day 1 counts for nobody: it is what brought the follow-up about.
        self.assertEqual((result["followed"], result["held"]), (40 - count_held, count_held))
        self.assertEqual(result["counts"], [len(buyers[1]), len(buyers[0])])
        self.assertEqual(result["running"], 0)
        orders = result["orders"]
        self.assertAlmostEqual(orders["with_"], len(buyers[1]) / (40 - count_held))
        self.assertAlmostEqual(orders["without"], len(buyers[0]) / count_held)
        whole = result["whole"]
        self.assertAlmostEqual(whole["with_"], 100 * len(buyers[1]) / (40 - count_held))

    def test_what_may_be_said_of_it(self):
        self.welcome.effect_events = 60
        held = self.drawn()
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        for who in (*held[:2], *(self.people - held)[:24]):
            self.order(who, -10, 100)
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            effect = self.measure(32)
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
            effect = self.measure(32)
        self.assertEqual(effect.verdict, "early")
        self.assertRegex(effect.sentence, "^Cannot tell yet: between .* About 40 more customers are needed")
        with patch.object(engine.effect, "LEAST_GROUP", 40):
            self.assertEqual(self.measure(32).verdict, "too_few")

    def test_what_cannot_be_told_in_the_end_says_how_many_to_wait_for(self):
        """Who comes after those who were planned would never count."""
        self.welcome.effect_events = 60
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            self.followed_by(6, 6)
            effect = self.measure(32)
        self.assertEqual(effect.verdict, "cannot_tell")
        self.assertIn(f"set “Judged After” to {60 + effect.sudo().result['needed']:,}.", effect.sentence)

    def test_who_may_not_see_all_customers_is_told_no_numbers(self):
        self.followed_by(2, 10)
        effect = self.measure(32)
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
        effect = self.measure(32)
        result = effect.sudo().result
        self.assertEqual((result["mixed"], result["touched"]), (1, 1))
        self.assertEqual(result["followed"] + result["held"], 58)
        self.assertIn("Held out, but seen to by somebody nevertheless: 1.", effect.notes)

    def test_a_damaged_draw_is_told(self):
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        self._rows(self.welcome, state="held_out")[3:].unlink()
        effect = self.measure(32)
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


@tagged("post_install", "-at_install")
class TestVerdict(HeldOutCommon, HttpCase):
    """A manager in a real browser, from the playbook to the verdict."""

    def test_manager_holds_customers_out_and_reads_what_the_playbook_does(self):
        self.welcome.held_out_percent = 0
        url = f"/odoo/customer-tiering-playbooks/{self.welcome.id}"
        self.start_tour(url, "customer_tiering_hold_out", login=self.manager.login)
        self.env.invalidate_all()
        self.assertRecordValues(
            self.welcome, [{"held_out_percent": 50, "effect_days": 30, "effect_events": 60, "effect_measure": "bought"}]
        )
        held = self.drawn()
        self.reach(self.people)
        self._plan_on(1, self.welcome)
        self.assertEqual(self._rows(self.welcome, state="held_out").partner_id, held)
        for who in (*held[:2], *(self.people - held)[:24]):
            self.order(who, -10, 100)
        with patch.object(engine.effect, "LEAST_GROUP", 10):
            self.start_tour(url, "customer_tiering_verdict", login=self.manager.login)


@tagged("post_install", "-at_install")
class TestEffectStories(PurchasesCommon, PlaybookCommon):
    """Sixteen customers bought 60 days ago. Whatever happens to them, happens in both groups or counts in none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = cls.env["res.partner"].union(
            *(cls.buyer(f"Customer {number:02}", 60, email=f"who{number}@example.com") for number in range(16))
        )
        cls.compute_after(0)

    def start(self, trigger="enter", **values):
        """A playbook that holds out about half of them: who it is, and the others."""
        share = {"held_out_percent": 50, "effect_days": 30, "effect_events": 16}
        playbook = self._playbook(trigger, on=0, **share, **values)
        drawn = engine.effect.draw(playbook.sudo().salt, playbook.id, self.people.ids, 50).tolist()
        held = self.people.browse(id_ for id_, is_held in zip(self.people.ids, drawn, strict=True) if is_held)
        return playbook, held, self.people - held

    def reach(self, people, number=1):
        for who in people:
            self.order(who, -number, 10)
        self.compute_after(number)

    def result(self, playbook, number):
        with freeze_time(self.noon(AS_OF + timedelta(days=number))):
            effect = self.env["customer.tiering.effect"]._measure(playbook)
        return effect.sudo().result

    def mail_step(self):
        template = self.env["mail.template"].create(
            {"name": "Hello", "model_id": self.env["ir.model"]._get_id("res.partner"), "subject": "Hello"}
        )
        return Command.create({"kind": "mail", "mail_template_id": template.id, "days": 10, "day_kind": "calendar"})

    # ------------------------------------------------------------------
    # Both groups alike
    # ------------------------------------------------------------------

    def test_an_email_that_fails_takes_nobody_out_of_one_group(self):
        playbook, held, others = self.start(step_ids=[self.mail_step()])
        self.env.cr.execute(
            "UPDATE mail_template SET subject = jsonb_build_object('en_US', '{{ 1 / 0 }}') WHERE id = %s",
            playbook.step_ids.mail_template_id.ids,
        )
        self.env.invalidate_all()
        self.reach(self.people)
        with mute_logger(customer_tiering_followup.__name__, "odoo.addons.mail.models.mail_render_mixin"):
            self._plan_on(1, playbook)
        self.assertEqual(set(self._rows(playbook).mapped("problem")), {"mail_failed", False})
        result = self.result(playbook, 40)
        self.assertEqual((result["followed"], result["held"]), (len(others), len(held)))

    def test_a_server_action_that_fails_takes_nobody_out_of_one_group(self):
        action = self.env["ir.actions.server"].create(
            {
                "name": "Fails",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "state": "code",
                "code": "raise UserError('No')",
            }
        )
        playbook, held, others = self.start(
            step_ids=[Command.create({"kind": "action", "server_action_id": action.id})]
        )
        self.reach(self.people)
        with mute_logger(customer_tiering_followup.__name__, "odoo.addons.base.models.ir_actions"):
            self._plan_on(1, playbook)
        self.assertEqual(set(self._rows(playbook).mapped("problem")), {"action_failed", False})
        result = self.result(playbook, 40)
        self.assertEqual((result["followed"], result["held"]), (len(others), len(held)))

    def test_who_has_no_address_counts_in_neither_group(self):
        playbook, held, others = self.start(step_ids=[self.mail_step()])
        (held[0] | others[0]).email = False
        self.env["mail.blacklist"].create([{"email": who.email} for who in (held[1], others[1])])
        self.reach(self.people)
        self._plan_on(1, playbook)
        result = self.result(playbook, 40)
        self.assertEqual((result["followed"], result["held"]), (len(others) - 2, len(held) - 2))

    def test_the_same_event_of_merged_customers_puts_them_into_both_groups(self):
        """Of the first order, or of one silence, both have an event of the same name: one of the two rows stays."""
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        merge = self.env["base.partner.merge.automatic.wizard"]._merge
        merge([held[0].id, others[0].id], others[0])
        merge([held[1].id, others[1].id], held[1])
        merge([others[2].id, others[3].id], others[2])
        merge([held[2].id, held[3].id], held[2])
        result = self.result(playbook, 40)
        self.assertEqual(result["mixed"], 2)
        self.assertEqual((result["followed"], result["held"]), (len(others) - 3, len(held) - 3))
        self.assertEqual(result["other_share"], 0)

    def test_an_email_that_is_held_out_is_never_open(self):
        """As one that is sent: nobody has to do anything."""
        playbook, _held, _others = self.start(step_ids=[self.mail_step()], user_open_limit=1)
        self.reach(self.people)
        self._plan_on(1, playbook)
        self.assertFalse(self._rows(playbook, state="waiting"))

    def test_a_plan_that_is_held_out_takes_the_places_of_all_its_people(self):
        call = self.env.ref("mail.mail_activity_data_call")
        named = {"responsible_type": "other", "responsible_id": self.manager.id}
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Care",
                "res_model": "res.partner",
                "template_ids": [
                    Command.create({"activity_type_id": call.id, **values})
                    for values in ({"responsible_type": "on_demand"}, named)
                ],
            }
        )
        playbook, held, others = self.start(step_ids=[Command.create({"kind": "plan", "plan_id": plan.id})])
        self.reach(self.people)
        self._plan_on(1, playbook)
        for people in (held, others):
            rows = self._rows(playbook).filtered(lambda row, people=people: row.partner_id in people)
            self.assertEqual(
                {user.id: len(ours) for user, ours in rows.grouped("user_id").items()},
                {self.salesperson.id: len(people), self.manager.id: len(people)},
            )

    # ------------------------------------------------------------------
    # What counts
    # ------------------------------------------------------------------

    def test_the_purchase_that_starts_a_playbook_is_not_what_it_did(self):
        """All buy on day 1, which brings them up and is followed up at once. Days 2 to 31 count."""
        playbook, held, others = self.start()
        self.reach(self.people)
        self._plan_on(1, playbook)
        self.order(others[0], -2, 10)
        self.order(held[0], -31, 10)
        self.order(others[1], -32, 10)
        self.assertEqual(self.result(playbook, 31)["running"], 16)
        self.assertEqual(self.result(playbook, 32)["counts"], [1, 1])

    def test_a_purchase_on_the_day_of_a_follow_up_to_who_was_silent_counts(self):
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        self.order(others[0], 0, 10)
        self.order(held[0], -29, 10)
        self.order(others[1], -30, 10)
        self.assertEqual(self.result(playbook, 29)["running"], 16)
        self.assertEqual(self.result(playbook, 30)["counts"], [1, 1])

    def test_a_ledger_of_what_was_bought(self):
        """Followed up on AS_OF, measured on the 46th day after. Purchases, money, and money of the 365 days before."""
        playbook, _held, _others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        euro = self.env["res.currency"].with_context(active_test=False).search([("name", "=", "CHF")])
        euro.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": euro.id, "company_id": self.company.id, "name": "2020-01-01", "rate": 2}
        )
        pricelist = self.env["product.pricelist"].create({"name": "CHF", "currency_id": euro.id})
        contact, back, half, abroad, late, old, none, open_, twice, negative = self.people[:10]

        self.order(self.new_customer("Child", parent_id=contact.id), -5, 50)
        self.credit(self.bill(self.order(back, -5, 80), -6), -40)
        self.credit(self.bill(self.order(half, -5, 80), -6), -40, amount=30)
        self.order(abroad, -5, 100, pricelist_id=pricelist.id)
        self.order(late, -29, 7)
        self.order(late, -30, 9)
        self.order(old, 365, 11)
        self.order(old, 366, 13)
        self.order(none, -3, 17, state="cancel")
        self.order(open_, -3, 17, state="draft")
        self.order(twice, -3, 1)
        self.order(twice, -3, 2)
        self.order(negative, -3, 20)
        self.order(negative, -4, -5)
        expected = {
            contact: (1, 50, 100),
            back: (0, 0, 100),
            half: (1, 50, 100),
            abroad: (1, 50, 100),
            late: (1, 7, 100),
            old: (0, 0, 111),
            none: (0, 0, 100),
            open_: (0, 0, 100),
            twice: (2, 3, 100),
            negative: (1, 15, 100),
        }
        effects, today = self.env["customer.tiering.effect"], AS_OF + timedelta(days=46)
        chosen = effects._read_events(playbook)
        found = zip(*effects._read_purchases(playbook, chosen, today, 30), strict=True)
        of_all = dict(zip(chosen["partner"].tolist(), found, strict=True))
        self.assertEqual(
            {who.name: tuple(map(float, of_all[who.id][:3])) for who in expected},
            {who.name: tuple(map(float, values)) for who, values in expected.items()},
        )

    def test_the_margin_is_what_is_left_after_what_the_goods_cost(self):
        """Each bought for 100 before, at a cost of 30: 70. Of 100 later 70 are left, of 20 a loss of 10."""
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        self.order(others[0], -5, 100)
        self.order(held[0], -5, 20)
        self.order(held[1], -30, 100)  # too late
        with patch.object(engine.effect, "LEAST_GROUP", 2), patch.object(engine.effect, "LEAST_BUYERS", 1):
            self.assertIsNone(self.result(playbook, 40)["margin"], "Nobody knows what the goods cost")
            self.product.with_company(self.company).standard_price = 30
            margin = self.result(playbook, 40)["margin"]
        self.assertAlmostEqual(margin["with_"], 70 / len(others))
        self.assertAlmostEqual(margin["without"], -10 / len(held))
        effect = self.env["customer.tiering.effect"].search([("playbook_id", "=", playbook.id)])
        self.assertIn("Margin per customer", effect.table)

    def test_a_margin_of_which_something_is_credited_back(self):
        """Goods of 100 that cost 60: 40. Half of it credited leaves 50 less 30, whether one of two came back or money
        for one; all of it nothing; what is credited after the 30 days is taken from its purchase, too. Wrapping of 20
        has no cost and is no margin."""
        pair, wrap = self.env["product.product"].create(
            [
                {"name": name, "type": "service", "taxes_id": False, "invoice_policy": "order", "standard_price": cost}
                for name, cost in (("Pair", 30), ("Wrap", 0))
            ]
        )
        self.product.with_company(self.company).write({"standard_price": 60, "taxes_id": False})
        playbook, _held, _others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)

        def bought(who, ago, *lines):
            commands = [
                Command.create({"product_id": product.id, "product_uom_qty": number, "price_unit": price})
                for product, number, price in lines
            ]
            return self.bill(self.order(who, ago, order_line=commands), ago)

        def line(product, number, price):
            return Command.create({"product_id": product.id, "quantity": number, "price_unit": price, "tax_ids": False})

        def returned(invoice, ago, product=None, **values):
            note = invoice._reverse_moves([{"invoice_date": AS_OF - timedelta(days=ago), "date": AS_OF}])
            kept = note.invoice_line_ids.filtered(lambda line: not product or line.product_id == product)
            (note.invoice_line_ids - kept).unlink()
            kept.write(values)
            note.action_post()
            return note

        whole, goods, money, back, late, undone, both, wrapping, past, alone = self.people[:10]
        bought(whole, -5, (self.product, 1, 100))
        returned(bought(goods, -5, (pair, 2, 50)), -6, quantity=1)
        returned(bought(money, -5, (self.product, 1, 100)), -6, price_unit=50)
        returned(bought(back, -5, (self.product, 1, 100)), -6)
        returned(bought(late, -29, (pair, 2, 50)), -35, quantity=1)
        note = returned(bought(undone, -5, (self.product, 1, 100)), -6)
        note._reverse_moves(
            [{"invoice_date": AS_OF + timedelta(days=7), "date": AS_OF + timedelta(days=7)}]
        ).action_post()
        # 300 that cost 180 and a pair of 100 that cost 60, of which one comes back: 40 % of 300, and 50 less 30
        returned(bought(both, -5, (self.product, 3, 100), (pair, 2, 50)), -6, pair, quantity=1)
        returned(bought(wrapping, -5, (self.product, 1, 100), (wrap, 1, 20)), -6, wrap)
        returned(bought(past, 10, (pair, 2, 50)), -6, quantity=1)
        # Of no order and no invoice, it takes nothing from any of them.
        bought(alone, -5, (pair, 2, 50))
        self.direct(alone, -6, 50, "out_refund", invoice_line_ids=[line(pair, 1, 50)])
        expected = {
            whole: (100, 40, 0),
            goods: (50, 20, 0),
            money: (50, 20, 0),
            back: (0, 0, 0),
            late: (50, 20, 0),
            undone: (100, 40, 0),
            both: (350, 140, 0),
            wrapping: (100, 40, 0),
            past: (0, 0, 20),
            alone: (100, 40, 0),
        }
        effects, today = self.env["customer.tiering.effect"], AS_OF + timedelta(days=46)
        chosen = effects._read_events(playbook)
        for source, before in (("order", 40), ("order_invoice", 40), ("invoice", 0)):
            self.policy.revenue_from = source  # of the orders before nothing was invoiced
            _orders, amount, _paid, margin, margin_before = effects._read_purchases(playbook, chosen, today, 30)
            of_all = dict(zip(chosen["partner"], zip(amount, margin, margin_before, strict=True), strict=True))
            for who, (after, left, past_left) in expected.items():
                with self.subTest(source=source, who=who.name):
                    found = tuple(round(float(value), 6) for value in of_all[who.id])
                    self.assertEqual(found, (after, left, past_left + before))

    def test_who_is_archived_or_left_out_afterwards_bought_nevertheless(self):
        """Whoever calls learns who is to be archived: that happens in one group only."""
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        for who in (*others[:3], held[0]):
            self.order(who, -5, 10)
        others[0].active = False
        self.env["customer.tiering.check"].create(
            {
                "kind": "nobody",
                "key": "x",
                "company_id": self.company.id,
                "partner_id": others[1].id,
                "state": "left_out",
                "reason": "Ours",
            }
        )
        self.assertEqual(self.result(playbook, 40)["counts"], [3, 1])

    def test_invoices_count_where_revenue_is_from_invoices(self):
        self.policy.revenue_from = "invoice"
        for who in self.people:
            self.credit_note(who, 60, post=False).copy(
                {"move_type": "out_invoice", "invoice_date": AS_OF - timedelta(60)}
            ).action_post()
        self.compute_after(0)
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        self.order(others[0], -5, 10)  # not invoiced
        for who in (others[1], held[0]):
            note = self.credit_note(who, -5, post=False)
            note.copy({"move_type": "out_invoice", "invoice_date": AS_OF + timedelta(5)}).action_post()
        self.assertEqual(self.result(playbook, 40)["counts"], [1, 1])

    def test_switched_off_and_on_everybody_stays_where_drawn(self):
        playbook, held, others = self.start()
        some = held[:2] | others[:2]
        self.reach(some)
        self._plan_on(1, playbook)
        playbook.action_disable()
        with freeze_time(self.noon(AS_OF, -2)):
            playbook.action_enable()
        self.reach(self.people - some, 3)
        self._plan_on(3, playbook)
        result = self.result(playbook, 40)
        self.assertEqual((result["followed"], result["held"]), (len(others), len(held)))
        playbook.write({"trigger": "contact", "contact_days": 14, "only_without_open": False})
        self.assertFalse(self.env["customer.tiering.effect"].search([("playbook_id", "=", playbook.id)]))
        with freeze_time(self.noon(AS_OF, -50)):
            self.assertFalse(self.env["customer.tiering.effect"]._measure(playbook))
        self._activities().unlink()  # who has an open one is not neglected
        self.compute_after(50)
        self._plan_on(50, playbook)
        self.assertEqual(len(self._rows(playbook, planned_on=AS_OF + timedelta(days=50))), 16)
        drawn = engine.effect.draw(playbook.sudo().salt, playbook.id, self.people.ids, 50)
        self.assertEqual(self.result(playbook, 90)["held"], int(drawn.sum()))

    def test_days_are_those_of_the_company(self):
        """12:00 UTC is midnight in Auckland: half an hour before is the 30th day, half an hour after the 31st."""
        self.company.partner_id.tz = "Pacific/Auckland"
        playbook, held, others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        last = self.noon(AS_OF, -29)
        self.order(held[0], when=last - timedelta(minutes=30))
        self.order(others[0], when=last + timedelta(minutes=30))
        self.assertEqual(self.result(playbook, 30)["counts"], [0, 1])

    def test_calls_by_hand_are_of_the_days_of_the_company(self):
        """Held out on 30 June; 29 June, 12:30 in UTC, is that day in Auckland."""
        self.company.partner_id.tz = "Pacific/Auckland"
        playbook, held, _others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        call = {
            "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
            "res_model_id": self.env["ir.model"]._get_id("res.partner"),
            "user_id": self.salesperson.id,
        }
        calls = self.env["mail.activity"].create([{**call, "res_id": who.id} for who in held[:2]])
        calls.flush_recordset()
        for one, minutes in zip(calls, (30, -30), strict=True):
            self.env.cr.execute(
                "UPDATE mail_activity SET create_date = %s WHERE id = %s",
                [self.noon(AS_OF, 1) + timedelta(minutes=minutes), one.id],
            )
        self.assertEqual(self.result(playbook, 40)["touched"], 1)

    def test_who_is_followed_up_when_nobody_is_held_out_any_more_is_told(self):
        playbook, held, others = self.start()
        self.reach(self.people)
        self._plan_on(1, playbook)
        playbook.held_out_percent = 0
        self.compute_after(33)  # back to Gold
        playbook.effect_days = 60
        self.reach(held[0] | others[0], 34)
        self._plan_on(34, playbook)
        self.assertEqual(self._activities(held[0]).mapped("date_deadline"), [AS_OF + timedelta(days=36)])
        self.assertEqual(self.result(playbook, 90)["touched"], 1)

    def test_nobody_more_is_needed_than_are_on_their_way(self):
        playbook, _held, _others = self.start("contact", contact_days=14)
        self._plan_on(0, playbook)
        effects = self.env["customer.tiering.effect"]
        self.result(playbook, 10)
        effect = effects.search([("playbook_id", "=", playbook.id)])
        self.assertNotIn("more customers", effect.sentence)
        playbook.effect_events = 20
        self.result(playbook, 10)
        self.assertIn("About 4 more customers are needed", effect.sentence)

    def test_the_pace_is_that_of_who_was_followed_up_or_held_out(self):
        """Eight a month: who is skipped, or waits, comes to nothing."""
        playbook, _held, _others = self.start("contact", contact_days=14, day_limit=8)
        self._plan_on(0, playbook)
        self.people[-1].active = False
        with freeze_time(self.noon(AS_OF + timedelta(days=29))):
            self.assertEqual(playbook._count_monthly_events(), {playbook.id: 8})
