from datetime import date, timedelta
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import IntegrityError
from psycopg2.errors import SerializationFailure

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.mail.tests.common import MockEmail

from ..models import customer_tiering_followup
from .common import AS_OF, TieringCommon


class PlaybookCommon(TieringCommon):
    """The only criterion is recency in its usual bands, so that time alone moves a customer: up to 30
    days after an order Platinum, up to 90 days Gold, up to 180 days Silver, later Bronze.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": cls.metric("recency"), "method": "bands"}),
        ]
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.playbooks = {playbook.trigger: playbook for playbook in cls.policy.playbook_ids}
        cls.followups = cls.env["customer.tiering.followup"]

    @classmethod
    def _playbook(cls, trigger, on=None, **values):
        """A playbook with one call in two calendar days, switched on on a day counted from AS_OF."""
        playbook = cls.env["customer.tiering.playbook"].create(
            {
                "name": trigger,
                "policy_id": cls.policy.id,
                "trigger": trigger,
                "assign": "user",
                "user_id": cls.salesperson.id,
                "cooldown_days": 0,
                "user_day_limit": 0,
                "user_open_limit": 0,
                "step_ids": [
                    Command.create(
                        {
                            "activity_type_id": cls.env.ref("mail.mail_activity_data_call").id,
                            "summary": "Call {{ customer }}",
                            "days": 2,
                            "day_kind": "calendar",
                        }
                    )
                ],
                **values,
            }
        )
        if on is not None:
            with freeze_time(cls.noon(AS_OF, -on)):
                playbook.action_enable()
        return playbook

    def _plan_on(self, number, playbook):
        """Do all of a day's planning, as the job does."""
        day = AS_OF + timedelta(days=number)
        with freeze_time(self.noon(day, 0)):
            done = 0
            while count := self.followups._process(playbook, day):
                done += count
            return done

    def _live(self, number, playbook):
        """A night and its job."""
        self.compute_after(number)
        return self._plan_on(number, playbook)

    def _activities(self, partner=None):
        domain = [("res_model", "=", "res.partner"), ("automated", "=", True)]
        if partner:
            domain.append(("res_id", "=", partner.id))
        return self.env["mail.activity"].search(domain, order="id")

    def _rows(self, playbook, **values):
        domain = [("playbook_id", "=", playbook.id), *((name, "=", value) for name, value in values.items())]
        return self.followups.search(domain)


@tagged("post_install", "-at_install")
class TestPlaybook(PlaybookCommon, MockEmail):
    # ------------------------------------------------------------------
    # Delivered
    # ------------------------------------------------------------------

    def test_every_policy_starts_with_playbooks_that_are_switched_off(self):
        triggers = self.policy.playbook_ids.mapped("trigger")
        self.assertEqual(triggers, ["enter", "pending", "risk", "contact", "first_order"])
        self.assertFalse(any(self.policy.playbook_ids.mapped("enabled")))
        self.assertEqual(self.policy.tier_ids.mapped("contact_days"), [14, 30, 60, 0])
        for playbook in self.policy.playbook_ids:
            playbook._check_ready()

    def test_a_playbook_that_is_off_does_nothing(self):
        self.buyer("Ann", 40)
        self.compute_after(0)
        self.order(self.new_customer("New"))
        self.compute_after(1)
        self.assertFalse(self.followups.search([]))

    # ------------------------------------------------------------------
    # Moves
    # ------------------------------------------------------------------

    def test_who_reaches_a_tier_gets_the_activity(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        self.assertTiers({ann: "Gold"})
        playbook = self._playbook("enter", on=0, tier_ids=self.platinum.ids)
        self.order(ann, -1)
        self._live(1, playbook)
        activity = self._activities(ann)
        self.assertEqual(
            (activity.summary, activity.user_id, activity.date_deadline, activity.automated, len(activity)),
            ("Call Ann", self.salesperson, AS_OF + timedelta(days=3), True, 1),
        )
        self.assertEqual(self._rows(playbook).mapped("state"), ["open"])

    def test_who_falls_into_a_tier_does_not_reach_it(self):
        ann = self.buyer("Ann", 30)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0, tier_ids=self.gold.ids)
        self._live(1, playbook)
        self.assertTiers({ann: "Gold"})
        self.assertFalse(self._activities(ann))

    def test_leaving_a_tier_upward_and_downward(self):
        up = self._playbook("up", on=0, tier_ids=self.gold.ids)
        down = self._playbook("down", on=0, tier_ids=self.gold.ids)
        riser, faller = self.buyer("Riser", 60), self.buyer("Faller", 90)
        other = self.buyer("From Platinum", 30)
        self.compute_after(0)
        self.order(riser, -1)
        self.compute_after(1)
        self.assertTiers({riser: "Platinum", faller: "Silver", other: "Gold"})
        self._plan_on(1, up)
        self._plan_on(1, down)
        self.assertEqual(self._rows(up, state="open").partner_id, riser)
        self.assertEqual(self._rows(down, state="open").partner_id, faller)

    def test_a_customer_scored_between_the_runs_starts_the_playbook_too(self):
        ann = self.buyer("Ann", 60)
        with freeze_time(self.noon(AS_OF, 0)):
            self.compute_after(0)
            playbook = self._playbook("enter", on=0)
            self.order(ann, 0)
            self.env["customer.tiering.refresh"]._add(ann, self.company, "instant")
            self.env["customer.tiering.refresh"]._process(self.company)
            self.assertTiers({ann: "Platinum"})
            self._plan_on(0, playbook)
        self.assertEqual(len(self._activities(ann)), 1)
        self._live(1, playbook)
        self.assertEqual(len(self._activities(ann)), 1)

    def test_locking_merging_and_changing_policy_start_nothing(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0)
        self.env["customer.tiering.lock"].create(
            {
                "partner_id": ann.id,
                "company_id": self.company.id,
                "mode": "fixed",
                "tier_id": self.platinum.id,
                "reason": "Agreed",
            }
        )
        self._live(1, playbook)
        self.assertTiers({ann: "Platinum"})
        self.assertFalse(self._rows(playbook))

    # ------------------------------------------------------------------
    # What comes from the policy is held back
    # ------------------------------------------------------------------

    def test_the_first_run_is_held_back_until_the_manager_says_so(self):
        playbook = self._playbook("enter", on=0)
        self.buyer("Ann", 0)
        self.buyer("Ben", 0)
        self._live(0, playbook)
        self.assertFalse(self._activities())
        self.assertEqual((playbook.held_count, playbook.waiting_count), (2, 0))
        playbook.with_user(self.manager).action_release()
        self._plan_on(0, playbook)
        self.assertEqual(len(self._activities()), 2)

    def test_changed_rules_are_held_back_and_can_be_dropped(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0)
        self.platinum.entry_floor = 70
        self._live(1, playbook)
        self.assertTiers({ann: "Platinum"})
        self.assertEqual(self._rows(playbook).mapped("state"), ["held"])
        playbook.with_user(self.manager).action_drop()
        self._live(2, playbook)
        self.assertFalse(self._activities())
        self.assertEqual(self._rows(playbook).mapped("problem"), ["dropped"])

    def test_a_segment_entered_by_a_new_comparison_is_held_back(self):
        self.policy.write(
            {
                "min_population": 1,
                "recalibrate_days": 10,
                "criterion_ids": [Command.clear(), Command.create({"metric_id": self.metric("monetary")})],
            }
        )
        ann, ben, cid = (self.new_customer(name) for name in ("Ann", "Ben", "Cid"))
        for partner, amount in ((ann, 100), (ben, 100), (cid, 400)):
            self.order(partner, 50, amount)
        self.compute_after(0)
        playbook = self._playbook("segment", on=0, segment_ids=self.env["customer.segment"].search([]).ids)
        self.order(ben, -1, 300)
        self.compute_after(9)
        before = {card.partner_id: card.segment_id for card in self._cards(ann | ben | cid)}
        self.compute_after(10)
        after = {card.partner_id: card.segment_id for card in self._cards(ann | ben | cid)}
        moved = {partner for partner in before if before[partner] != after[partner]}
        self.assertTrue(moved)
        rows = self._rows(playbook).filtered(lambda row: row.event.endswith(str(AS_OF + timedelta(days=10))))
        self.assertEqual({(row.partner_id, row.state) for row in rows}, {(p, "held") for p in moved})

    def _cards(self, partners):
        return self.env["customer.tiering.scorecard"].search([("partner_id", "in", partners.ids)])

    def test_what_a_restored_policy_finds_again_is_held_back(self):
        self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0)
        self.policy.active = False
        self.policy.active = True
        self.compute_after(1)
        self.assertEqual(self._rows(playbook).mapped("state"), ["held"])
        self.buyer("Ben", -2)
        self.compute_after(2)
        self.assertEqual(self._rows(playbook).mapped("state"), ["held", "waiting"])

    def test_taking_over_the_customers_of_an_archived_policy_is_held_back(self):
        firm = self.buyer("Firm", 60, is_company=True)
        self.compute_after(0)
        firms = self.other_policy()
        self.compute(policy=firms)
        playbook = self._playbook("enter", on=0)
        self.compute_after(0)
        firms.active = False
        self.compute_after(1)
        self.assertEqual(self.card(firm).policy_id, self.policy)
        self.assertEqual(self._rows(playbook).mapped("state"), ["held"])

    def test_a_downgrade_announced_by_changed_rules_is_held_back(self):
        self.policy.grace_days = 30
        self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("pending", on=0)
        self.gold.entry_floor = 78
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["held"])
        self._live(2, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["held"])

    # ------------------------------------------------------------------
    # States
    # ------------------------------------------------------------------

    def test_an_announced_downgrade_is_followed_up_once_and_closed_when_it_is_off(self):
        self.policy.grace_days = 30
        ann = self.buyer("Ann", 90)
        self.compute_after(0)
        playbook = self._playbook(
            "pending",
            on=0,
            step_ids=[
                Command.create(
                    {
                        "activity_type_id": self.env.ref("mail.mail_activity_data_call").id,
                        "summary": "{{ customer }}: {{ tier }} to {{ next_tier }} on {{ date }}",
                        "note": "<p>Order of {{ missing_amount }}</p>",
                        "days": 2,
                        "day_kind": "calendar",
                    }
                )
            ],
        )
        self._live(1, playbook)
        activity = self._activities(ann)
        # 31 June + 30 days = 31 July
        self.assertEqual(activity.summary, "Ann: Gold to Silver on 07/31/2026")
        self.assertIn("any amount", activity.note)
        for number in (2, 3, 4):
            self._live(number, playbook)
        self.assertEqual(self._activities(ann), activity)
        self.order(ann, -5)
        self._live(5, playbook)
        self.assertFalse(self._activities(ann))
        self.assertEqual(activity.feedback, "Closed: the downgrade is off, or it has happened.")
        self.assertEqual(self._rows(playbook).mapped("state"), ["closed"])
        self.assertIn(activity.feedback, ann.message_ids[0].body)
        self.assertEqual(self.card(ann).contact_count, 0, "What a job closed is no contact with the customer")
        self._live(6, playbook)
        self.assertEqual(self.card(ann).contact_count, 0)

    def test_who_enters_a_segment(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        before = self.card(ann).segment_id
        playbook = self._playbook("segment", on=1, segment_ids=self.env["customer.segment"].search([]).ids)
        self._live(1, playbook)
        self.assertFalse(self._rows(playbook), "was in it before")
        self._live(200, playbook)
        card = self.card(ann)
        self.assertNotEqual(card.segment_id, before)
        self.assertEqual(card.segment_since, AS_OF + timedelta(days=200))
        self._live(201, playbook)
        self.assertEqual(len(self._activities(ann)), 1)
        self.order(ann, -202)
        self._live(202, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["closed", "open"])

    def test_the_first_order_is_thanked_for_once(self):
        self.buyer("Known", 10)
        self.compute_after(0)
        playbook = self._playbook("first_order", on=0)
        new = self.buyer("New", -1)
        self._live(1, playbook)
        self.order(new, -2)
        self._live(2, playbook)
        self.assertEqual(self._rows(playbook).partner_id, new)
        self.assertEqual(len(self._activities()), 1)

    def test_anniversaries_are_not_lost_when_no_run_came_for_a_week(self):
        leap = self.new_customer("Leap")
        self.order(leap, when=self.noon(date(2024, 2, 29), 0))
        year = self.new_customer("Year")
        self.order(year, when=self.noon(date(2024, 12, 30), 0))
        self.order(year, when=self.noon(date(2026, 12, 1), 0))
        self.compute(date(2026, 12, 28))
        playbook = self._playbook("anniversary")
        playbook.write({"enabled": True, "enabled_since": date(2026, 12, 28)})
        self.compute(date(2027, 1, 4))
        self.compute(date(2027, 1, 4))
        self.assertEqual(self._rows(playbook).mapped("event"), ["anniversary:2"])
        self.compute(date(2027, 2, 27))
        self.compute(date(2027, 3, 5))
        self.compute(date(2027, 3, 6))
        rows = self._rows(playbook, partner_id=leap.id)
        self.assertEqual((rows.mapped("event"), len(self._rows(playbook))), (["anniversary:3"], 2))

    # ------------------------------------------------------------------
    # Contact cadence
    # ------------------------------------------------------------------

    def _message(self, partner, number):
        return self.env["mail.message"].create(
            {
                "model": "res.partner",
                "res_id": partner.id,
                "message_type": "email",
                "date": self.noon(AS_OF, -number),
            }
        )

    def test_care_follows_the_cadence_of_the_tier(self):
        playbook = self._playbook("contact", on=0)
        ann, ben = self.buyer("Platinum", 0), self.buyer("Gold", 40)
        old = self.buyer("Bronze", 400)
        self._message(ann, 0)
        self._message(ben, 0)
        planned = {}
        for number in range(31):
            self.compute_after(number)
            self._plan_on(number, playbook)
            for row in self._rows(playbook, state="open"):
                planned.setdefault((row.partner_id.name, row.planned_on), row)
                row.activity_id.active = False  # done: a contact
                row.activity_id.date_done = row.planned_on
        # Platinum every 14 days; from day 31 after the order Gold, every 30 days. Bronze: not regularly.
        self.assertEqual(
            sorted((name, (day - AS_OF).days) for name, day in planned),
            [("Gold", 30), ("Platinum", 14), ("Platinum", 28)],
        )
        self.assertTiers({old: "Bronze"})

    def test_an_own_number_of_days_and_a_cancelled_activity(self):
        playbook = self._playbook("contact", on=0, contact_days=7)
        ann = self.buyer("Ann", 0)
        self._live(6, playbook)
        self.assertFalse(self._activities(ann))
        self._live(7, playbook)
        activity = self._activities(ann)
        self.assertEqual(len(activity), 1)
        activity.unlink()
        for number in range(8, 14):
            self._live(number, playbook)
            self.assertFalse(self._activities(ann), "what was cancelled does not come back the next night")
        self._live(14, playbook)
        self.assertEqual(len(self._activities(ann)), 1)

    def test_a_contact_closes_what_was_planned(self):
        playbook = self._playbook("contact", on=0, contact_days=7)
        ann = self.buyer("Ann", 0)
        self._live(7, playbook)
        self.assertTrue(self._activities(ann))
        self._message(ann, 8)
        self._live(8, playbook)
        self.assertFalse(self._activities(ann))

    def test_the_first_wave_is_spread_and_the_highest_score_comes_first(self):
        customers = [self.buyer(f"Customer {number}", 20 * number + 1) for number in range(7)]
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, user_day_limit=3)
        scores = {partner: self.card(partner).score for partner in customers}
        waves = []
        for number in range(4):
            self._plan_on(number, playbook)
            waves.append(self._rows(playbook, planned_on=AS_OF + timedelta(days=number)).partner_id)
        self.assertEqual([len(wave) for wave in waves], [3, 3, 1, 0])
        self.assertGreaterEqual(min(map(scores.get, waves[0])), max(map(scores.get, waves[1])))
        self.assertGreaterEqual(min(map(scores.get, waves[1])), max(map(scores.get, waves[2])))

    # ------------------------------------------------------------------
    # Limits
    # ------------------------------------------------------------------

    def test_more_than_the_number_of_a_day_wait_and_say_so(self):
        for number in range(5):
            self.buyer(f"Customer {number}", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, day_limit=2)
        self.assertEqual(self._plan_on(0, playbook), 2)
        self.assertEqual(self._plan_on(0, playbook), 0, "running it again on the same day adds nothing")
        self.assertEqual(playbook.waiting_count, 3)
        self.assertIn("3 wait", playbook.problem)
        self.assertEqual(self._plan_on(1, playbook), 2)

    def test_who_has_enough_open_ones_gets_no_more(self):
        for number in range(5):
            self.buyer(f"Customer {number}", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, user_open_limit=2)
        self._plan_on(0, playbook)
        self._plan_on(1, playbook)
        activities = self._activities()
        self.assertEqual(len(activities), 2)
        with freeze_time(self.noon(AS_OF, -2)):
            activities[0].action_feedback()
        self._plan_on(2, playbook)
        self.assertEqual(len(self._activities()), 2)

    def test_open_ones_count_for_who_has_them_now(self):
        for name in ("Ann", "Ben"):
            self.buyer(name, 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=14, user_open_limit=1)
        self.assertEqual(self._plan_on(0, playbook), 1)
        self._activities().user_id = self.manager
        self.assertEqual(self._plan_on(1, playbook), 1)

    def test_the_cooldown_skips_a_second_event(self):
        self.policy.grace_days = 0
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0, cooldown_days=100)
        self.order(ann, -1)
        self._live(1, playbook)
        with freeze_time(self.noon(AS_OF, -2)):
            self._activities(ann).action_feedback()
        self._live(40, playbook)
        self.assertTiers({ann: "Gold"})
        self.order(ann, -41)
        self._live(41, playbook)
        self.assertTiers({ann: "Platinum"})
        self.assertEqual(
            [(row.state, row.problem) for row in self._rows(playbook)], [("open", False), ("skipped", "cooldown")]
        )
        self._live(80, playbook)
        self.order(ann, -101)
        self._live(101, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["open", "skipped", "open"])

    def test_closing_an_activity_does_not_bring_it_back(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0)
        self.order(ann, -1)
        self._live(1, playbook)
        self._activities(ann).unlink()
        for number in range(2, 6):
            self._live(number, playbook)
        self.assertFalse(self._activities(ann))

    # ------------------------------------------------------------------
    # Who
    # ------------------------------------------------------------------

    def _assignees(self, playbook):
        return {row.partner_id.name: row.user_id for row in self._rows(playbook, state="open")}

    def test_the_salesperson_of_the_customer_or_else_the_one_named(self):
        other = self.new_user("other_salesperson", "sales_team.group_sale_salesman")
        mine = self.buyer("Mine", 5, user_id=other.id)
        self.buyer("Nobody's", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, assign="customer")
        self._plan_on(0, playbook)
        self.assertEqual(self._assignees(playbook), {"Mine": other})
        self.assertEqual(self._rows(playbook, state="waiting").problem, "no_person")
        playbook.fallback_user_id = self.manager
        self._plan_on(0, playbook)
        self.assertEqual(self._assignees(playbook), {"Mine": other, "Nobody's": self.manager})
        self.assertEqual(mine.user_id, other)

    def test_who_left_or_has_no_access_is_passed_over(self):
        left = self.new_user("left", "sales_team.group_sale_salesman")
        elsewhere = self.new_user("elsewhere", "sales_team.group_sale_salesman")
        self.buyer("Left's", 5, user_id=left.id)
        self.buyer("Elsewhere's", 5, user_id=elsewhere.id)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, assign="customer")
        left.active = False
        other_company = self.env["res.company"].create({"name": "Other"})
        elsewhere.write({"company_ids": [Command.set(other_company.ids)], "company_id": other_company.id})
        self._plan_on(0, playbook)
        self.assertFalse(self._activities())
        self.assertIn("2 wait", playbook.problem)

    def test_the_salesperson_of_the_last_order(self):
        other = self.new_user("other_salesperson", "sales_team.group_sale_salesman")
        ann = self.new_customer("Ann")
        self.order(ann, 20, user_id=self.manager.id)
        contact = self.new_customer("Contact", parent_id=ann.id)
        self.order(contact, 5, user_id=other.id)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, assign="order")
        self._plan_on(0, playbook)
        self.assertEqual(self._assignees(playbook), {"Ann": other})

    def test_a_team_takes_turns_by_open_activities(self):
        busy, free = (self.new_user(login, "sales_team.group_sale_salesman") for login in ("busy", "free"))
        team = self.env["crm.team"].create(
            {"name": "Team", "company_id": self.company.id, "user_id": self.manager.id, "member_ids": (busy | free).ids}
        )
        for _number in range(2):
            self.policy.company_id.partner_id.activity_schedule("mail.mail_activity_data_todo", user_id=busy.id)
        for number in range(6):
            self.buyer(f"Customer {number}", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, assign="team", team_id=team.id)
        self._plan_on(0, playbook)
        counts = [list(self._assignees(playbook).values()).count(user) for user in (busy, free)]
        # 2 and 0 open activities, 6 more: 4 each
        self.assertEqual(counts, [2, 4])
        playbook.assign = "leader"
        self.buyer("Late", 5)
        self._live(1, playbook)
        self.assertEqual(self._assignees(playbook)["Late"], self.manager)

    def test_where_nobody_of_the_team_can_do_it_each_tier_has_its_own_account_manager(self):
        self.platinum.user_id, self.gold.user_id = self.salesperson, self.manager
        team = self.env["crm.team"].create({"name": "Empty", "company_id": self.company.id})
        self.buyer("Platinum", 5)
        self.buyer("Gold", 40)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, assign="team", team_id=team.id)
        self._plan_on(0, playbook)
        self.assertEqual(self._assignees(playbook), {"Platinum": self.salesperson, "Gold": self.manager})

    # ------------------------------------------------------------------
    # Steps
    # ------------------------------------------------------------------

    def test_a_plan_becomes_all_its_activities(self):
        call, todo = self.env.ref("mail.mail_activity_data_call"), self.env.ref("mail.mail_activity_data_todo")
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Care",
                "res_model": "res.partner",
                "template_ids": [
                    Command.create({"activity_type_id": call.id, "summary": "Call", "responsible_type": "on_demand"}),
                    Command.create(
                        {
                            "activity_type_id": todo.id,
                            "summary": "Gift for {{ customer }}",
                            "responsible_type": "other",
                            "responsible_id": self.manager.id,
                            "delay_count": 1,
                            "delay_unit": "weeks",
                            "delay_from": "after_plan_date",
                        }
                    ),
                ],
            }
        )
        ann = self.buyer("Ann", 5)
        self.compute_after(0)
        playbook = self._playbook(
            "contact",
            on=0,
            contact_days=1,
            step_ids=[Command.create({"kind": "plan", "plan_id": plan.id, "day_kind": "calendar"})],
        )
        self._plan_on(0, playbook)
        self.assertEqual(
            [(a.summary, a.user_id, a.date_deadline) for a in self._activities(ann)],
            [("Call", self.salesperson, AS_OF), ("Gift for Ann", self.manager, AS_OF + timedelta(days=7))],
        )

    def _plan_playbook(self, *templates):
        """A playbook for neglected customers whose only step is a plan of calls."""
        call = self.env.ref("mail.mail_activity_data_call")
        plan = self.env["mail.activity.plan"].create(
            {
                "name": "Care",
                "res_model": "res.partner",
                "template_ids": [Command.create({"activity_type_id": call.id, **values}) for values in templates],
            }
        )
        return self._playbook(
            "contact", on=0, contact_days=14, step_ids=[Command.create({"kind": "plan", "plan_id": plan.id})]
        )

    def test_what_is_taken_out_of_a_plan_is_not_planned(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._plan_playbook({"summary": "One"}, {"summary": "Two"})
        playbook.step_ids.plan_id.template_ids[0].unlink()
        self._plan_on(0, playbook)
        self.assertEqual(self._activities(ann).mapped("summary"), ["Two"])
        self.assertEqual(self._rows(playbook).mapped("problem"), ["step_deleted", False])

    def test_who_is_named_by_a_plan_and_has_left_is_passed_over(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        left = self.new_user("tiering_left", "sales_team.group_sale_salesman")
        playbook = self._plan_playbook({"responsible_type": "other", "responsible_id": left.id})
        left.active = False
        self._plan_on(0, playbook)
        self.assertEqual(self._activities(ann).user_id, self.salesperson)

    def test_working_days_of_the_company(self):
        """30 June 2026 is a Tuesday; Thursday 2 July is a holiday."""
        self.company.resource_calendar_id.tz = "UTC"
        self.env["resource.calendar.leaves"].create(
            {
                "name": "Holiday",
                "calendar_id": self.company.resource_calendar_id.id,
                "date_from": "2026-07-02 00:00:00",
                "date_to": "2026-07-02 23:59:59",
            }
        )
        step = self._playbook("enter").step_ids
        step.day_kind = "working"
        expected = {0: "2026-06-30", 1: "2026-07-01", 2: "2026-07-03", 3: "2026-07-06"}
        for days, day in expected.items():
            step.days = days
            self.assertEqual(str(step._get_due_date(AS_OF)), day, days)
        saturday = {0: "2026-07-06", 1: "2026-07-06", 2: "2026-07-07"}
        for days, day in saturday.items():
            step.days = days
            self.assertEqual(str(step._get_due_date(date(2026, 7, 4))), day, days)

    def test_an_email_is_queued_once_and_not_for_those_who_do_not_want_it(self):
        template = self.env["mail.template"].create(
            {
                "name": "Hello",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Hello {{ object.name }}",
                "body_html": "<p>Welcome</p>",
                "partner_to": "{{ object.id }}",
                "email_from": "shop@example.com",
            }
        )
        self.buyer("Ann", 5, email="ann@example.com")
        self.buyer("No Address", 5)
        self.buyer("Unsubscribed", 5, email="no@example.com")
        self.env["mail.blacklist"].create({"email": "no@example.com"})
        self.compute_after(0)
        playbook = self._playbook(
            "contact",
            on=0,
            contact_days=1,
            step_ids=[Command.create({"kind": "mail", "mail_template_id": template.id, "days": 0})],
        )
        self._plan_on(0, playbook)
        self._plan_on(0, playbook)
        mails = self.env["mail.mail"].search([("subject", "=like", "Hello %")])
        self.assertEqual((mails.mapped("subject"), mails.state), (["Hello Ann"], "outgoing"))
        self.assertEqual(
            {row.partner_id.name: (row.state, row.problem) for row in self._rows(playbook)},
            {
                "Ann": ("mailed", False),
                "No Address": ("skipped", "no_address"),
                "Unsubscribed": ("skipped", "unsubscribed"),
            },
        )

    def test_an_email_that_is_due_later_waits_until_that_day_begins_at_the_company(self):
        self.company.partner_id.tz = "Asia/Tokyo"
        self.buyer("Ann", 60, email="ann@example.com")
        self.compute_after(0)
        playbook = self._playbook("contact", contact_days=14)
        playbook.step_ids = [self._mail_step(days=2)]
        with freeze_time(self.noon(AS_OF, 0)):
            playbook.action_enable()
        self._plan_on(0, playbook)
        self.assertEqual(set(self._rows(playbook).mapped("state")), {"open", "mailed"})
        mail = self.env["mail.mail"].search([("subject", "=", "Hello")])
        # midnight in Tokyo, nine hours before that in Greenwich
        self.assertEqual((mail.state, mail.scheduled_date), ("outgoing", self.noon(AS_OF, -1) + timedelta(hours=3)))

    def _mail_step(self, days=0):
        template = self.env["mail.template"].create(
            {
                "name": "Greetings",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "subject": "Hello",
                "email_from": "shop@example.com",
                "use_default_to": True,
            }
        )
        return Command.create({"kind": "mail", "mail_template_id": template.id, "days": days, "day_kind": "calendar"})

    def _neglected_playbook(self):
        """A call and an e-mail to neglected customers, switched on."""
        playbook = self._playbook("contact", contact_days=14)
        playbook.step_ids = [self._mail_step()]
        with freeze_time(self.noon(AS_OF, 0)):
            playbook.action_enable()
        return playbook

    def test_an_email_of_a_playbook_is_no_contact(self):
        self.buyer("Ann", 60, email="ann@example.com")
        self.compute_after(0)
        playbook = self._neglected_playbook()
        self._plan_on(0, playbook)
        self._live(1, playbook)
        self.assertEqual(self._rows(playbook).mapped("state"), ["open", "mailed"])
        mail = self.env["mail.mail"].search([("subject", "=", "Hello")])
        with self.mock_mail_gateway():
            mail.send()
        self.assertEqual((mail.exists().state or "sent", len(self._mails)), ("sent", 1))

    def test_an_email_that_cannot_be_made_is_reported_and_the_rest_goes_on(self):
        ann, ben = (self.buyer(name, 60, email=f"{name}@example.com") for name in ("ann", "ben"))
        self.compute_after(0)
        playbook = self._neglected_playbook()
        template = playbook.step_ids.mail_template_id
        # As when something that the template uses is taken away later: Odoo refuses it when a person types it.
        subject = f"{{{{ 1 / (object.id - {ann.id}) and 'Hello' }}}}"
        self.env.cr.execute(
            "UPDATE mail_template SET subject = jsonb_build_object('en_US', %s::text) WHERE id = %s",
            (subject, template.id),
        )
        self.env.invalidate_all()
        with mute_logger(customer_tiering_followup.__name__, "odoo.addons.mail.models.mail_render_mixin"):
            self._plan_on(0, playbook)
        self.assertEqual(
            {row.partner_id: (row.state, row.problem) for row in self._rows(playbook) if row.step_id.kind == "mail"},
            {ann: ("skipped", "mail_failed"), ben: ("mailed", False)},
        )
        self.assertEqual(len(self._activities()), 2)

    def test_a_template_that_is_not_for_contacts_any_more_makes_follow_ups_wait(self):
        self.buyer("Ann", 60, email="ann@example.com")
        self.compute_after(0)
        playbook = self._neglected_playbook()
        playbook.step_ids.mail_template_id.model_id = self.env["ir.model"]._get_id("res.users")
        self._plan_on(0, playbook)
        self.assertEqual(set(self._rows(playbook).mapped("problem")), {"no_template"})

    # ------------------------------------------------------------------
    # Bad input
    # ------------------------------------------------------------------

    def test_a_translation_may_use_other_placeholders(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.salesperson.lang = "fr_FR"
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=14)
        playbook.step_ids.with_context(lang="fr_FR").summary = "Appeler {{ customer }} ({{ tier }})"
        self._plan_on(0, playbook)
        self.assertEqual(self._activities(ann).summary, "Appeler Ann (Gold)")

    def test_an_unknown_placeholder_is_refused_with_the_known_ones(self):
        with self.assertRaisesRegex(ValidationError, r"{{ custmer }}.*customer, tier"):
            self._playbook("enter").step_ids.summary = "Call {{ custmer }}"

    def test_no_working_day_is_refused(self):
        calendar = self.env["resource.calendar"].create({"name": "Never", "attendance_ids": [Command.clear()]})
        self.company.resource_calendar_id = calendar
        with self.assertRaisesRegex(ValidationError, "no working day"):
            self._playbook("enter").step_ids.day_kind = "working"

    def test_a_company_that_loses_its_working_days_makes_follow_ups_wait(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1)
        playbook.step_ids.day_kind = "working"
        self.company.resource_calendar_id.attendance_ids.unlink()
        self._plan_on(0, playbook)
        self.assertIn("no working day", playbook.problem)

    def test_a_playbook_is_switched_on_by_its_button(self):
        playbook = self._playbook("anniversary")
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            playbook.enabled = True
            playbook.flush_recordset()

    def test_a_person_who_cannot_do_it_is_refused(self):
        self.salesperson.active = False
        with self.assertRaisesRegex(ValidationError, "is archived. Choose somebody else for “enter”"):
            self._playbook("enter")

    def test_definitions_that_miss_something_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "Choose at least one segment"):
            self._playbook("segment")
        with self.assertRaisesRegex(ValidationError, "Choose the person"):
            self._playbook("enter", user_id=False)
        with self.assertRaisesRegex(ValidationError, "Choose the sales team"):
            self._playbook("enter", assign="team")
        with self.assertRaisesRegex(UserError, "has no step"):
            self._playbook("enter", step_ids=False).action_enable()
        self.policy.tier_ids.contact_days = 0
        with self.assertRaisesRegex(UserError, "does not know after how many days"):
            self._playbook("contact").action_enable()
        other = self.other_policy()
        with self.assertRaisesRegex(ValidationError, "is no tier of the policy"):
            self._playbook("enter", tier_ids=other.tier_ids[0].ids)

    def test_an_archived_activity_type_makes_follow_ups_wait(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1)
        playbook.step_ids.activity_type_id.active = False
        self._plan_on(0, playbook)
        self.assertIn("activity type of a step is archived", playbook.problem)
        playbook.step_ids.activity_type_id.active = True
        self._plan_on(0, playbook)
        self.assertEqual(len(self._activities()), 1)

    @mute_logger("odoo.sql_db")
    def test_an_activity_type_in_use_cannot_be_deleted(self):
        activity_type = self.env["mail.activity.type"].create({"name": "Visit"})
        self._playbook("enter").step_ids.activity_type_id = activity_type
        with self.assertRaises(Exception), self.env.cr.savepoint():  # noqa: B017 - PostgreSQL's, shown in words by Odoo
            activity_type.unlink()

    def test_an_archived_tier_closes_what_was_open(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("enter", on=0)
        self.order(ann, -1)
        self._live(1, playbook)
        self.assertTrue(self._activities(ann))
        self.platinum.active = False
        self._live(2, playbook)
        self.assertFalse(self._activities(ann))
        self.assertEqual(self._rows(playbook, state="closed").partner_id, ann)

    def test_switching_off_forgets_what_waits_and_leaves_open_activities(self):
        for number in range(3):
            self.buyer(f"Customer {number}", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1, day_limit=1)
        self._plan_on(0, playbook)
        playbook.action_disable()
        self.assertEqual((playbook.waiting_count, playbook.open_count), (0, 1))
        self._live(1, playbook)
        self.assertEqual(len(self._activities()), 1)

    def test_what_was_skipped_is_forgotten_after_a_year_if_it_cannot_come_again(self):
        ann = self.buyer("Ann", 5)
        playbook = self._playbook("first_order")
        values = {"playbook_id": playbook.id, "partner_id": ann.id, "company_id": self.company.id, "action": "1"}
        kinds = [
            (event, state, date)
            for event in ("change:1", "pending:2020-01-01", "first_order")
            for state in ("skipped", "open")
            for date in ("2025-06-29", "2025-06-30")
        ]
        self.followups.create(
            [
                {**values, "event": f"{event}:{number}", "state": state, "date": date}
                for number, (event, state, date) in enumerate(kinds)
            ]
        )
        with freeze_time(AS_OF):
            self.followups._gc_skipped()
        forgotten = {(event, "skipped", "2025-06-29") for event in ("change:1", "pending:2020-01-01")}
        left = {(row.event.rpartition(":")[0], row.state, str(row.date)) for row in self._rows(playbook)}
        self.assertEqual(left, set(kinds) - forgotten)

    def test_narrowing_a_playbook_skips_what_waits_and_releases_nothing(self):
        playbook = self._playbook("contact", on=0, contact_days=1)
        self.buyer("Platinum", 5)
        self.buyer("Gold", 40)
        self.compute_after(0)
        playbook.tier_ids = self.gold
        self._plan_on(0, playbook)
        self.assertEqual(
            {row.partner_id.name: (row.state, row.problem) for row in self._rows(playbook)},
            {"Platinum": ("skipped", "filtered"), "Gold": ("open", False)},
        )
        welcome = self._playbook("enter", on=0)
        self.platinum.entry_floor = 70
        self.compute_after(1)
        self.assertEqual(self._rows(welcome).mapped("state"), ["held"])
        welcome.tier_ids = self.platinum
        self._live(2, welcome)
        self.assertEqual(self._rows(welcome).mapped("state"), ["held"])

    def test_what_an_archived_playbook_left_open_is_closed_when_its_reason_goes(self):
        playbook = self._playbook("contact", on=0, contact_days=7)
        ann = self.buyer("Ann", 0)
        self._live(7, playbook)
        playbook.active = False
        self._message(ann, 8)
        self.compute_after(8)
        with freeze_time(self.noon(AS_OF, -8)), self.enter_registry_test_mode():
            self.env.ref("customer_tiering.ir_cron_followup").method_direct_trigger()
        self.env.invalidate_all()
        self.assertFalse(self._activities(ann))

    def test_an_anniversary_on_the_day_of_switching_on_is_not_missed(self):
        ann = self.new_customer("Ann")
        self.order(ann, 365)
        self.compute_after(0)
        playbook = self._playbook("anniversary", on=0)
        self.compute_after(1)
        self.compute_after(2)
        self.assertEqual(self._rows(playbook).mapped("event"), ["anniversary:1"])

    def test_switching_off_and_on_releases_nothing_that_was_held_back(self):
        self.policy.grace_days = 30
        self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("pending", on=0)
        self.gold.entry_floor = 78
        self._live(1, playbook)
        playbook.action_disable()
        with freeze_time(self.noon(AS_OF, -1)):
            playbook.action_enable()
        self._live(2, playbook)
        self.assertEqual((self._rows(playbook).mapped("state"), playbook.held_count), (["held"], 1))

    def test_deleting_a_step_skips_what_waits_for_it(self):
        self.buyer("Ann", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1)
        playbook.step_ids = [
            Command.clear(),
            Command.create({"activity_type_id": self.env.ref("mail.mail_activity_data_call").id, "summary": "Other"}),
        ]
        self._plan_on(0, playbook)
        self.assertEqual(self._rows(playbook).problem, "step_deleted")

    def test_without_the_job_follow_ups_wait_and_nothing_breaks(self):
        self.buyer("Ann", 5)
        playbook = self._playbook("contact", on=0, contact_days=1)
        self.env.ref("customer_tiering.ir_cron_followup").unlink()
        self.compute_after(0)
        playbook.action_release()
        self.assertEqual(self._rows(playbook).mapped("state"), ["waiting"])
        # the work itself, as by hand, when somebody closes an activity at this moment
        error = SerializationFailure("concurrent update")
        with (
            patch.object(type(self.followups), "_process", side_effect=error),
            patch.object(self.env.cr, "rollback"),
        ):
            self.assertEqual(self.followups._process_and_commit(playbook), 0)

    def test_collecting_asks_only_whether_a_playbook_is_switched_on(self):
        self.buyer("Ann", 5)
        run = self.compute()
        self.env.flush_all()
        with self.assertQueryCount(1):
            self.followups._collect(run, AS_OF, 0, None, partial=False)

    # ------------------------------------------------------------------
    # Preview, access, companies
    # ------------------------------------------------------------------

    def test_a_preview_shows_what_would_be_planned_and_leaves_nothing(self):
        for number in range(3):
            self.buyer(f"Customer {number}", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", contact_days=1, user_day_limit=2)
        with freeze_time(self.noon(AS_OF, 0)):
            action = playbook.with_user(self.manager).action_preview()
        preview = self.env["customer.tiering.playbook.preview"].browse(action["res_id"])
        self.assertEqual((preview.count, preview.wait_count, preview.problem_count), (2, 1, 0))
        self.assertEqual(len(preview.line_ids), 3)
        self.assertEqual(preview.line_ids[:2].mapped("user_id"), self.salesperson)
        self.assertFalse(self.followups.search([]))
        self.assertFalse(self._activities())

    def test_a_preview_of_moves_looks_back(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        self.order(ann, -1)
        self.compute_after(1)
        playbook = self._playbook("enter")
        with freeze_time(self.noon(AS_OF, -2)):
            preview = self.env["customer.tiering.playbook.preview"].create({"playbook_id": playbook.id})
            preview.action_compute()
        self.assertEqual((preview.count, preview.line_ids[0].what), (1, "Call Ann"))
        self.assertFalse(self.followups.search([]))

    def test_salespeople_read_playbooks_and_change_nothing(self):
        playbook = self._playbook("enter").with_user(self.salesperson)
        self.assertEqual(playbook.name, "enter")
        for forbidden in (playbook.action_enable, playbook.action_preview, playbook.action_disable):
            with self.assertRaises(AccessError):
                forbidden()
        with self.assertRaises(AccessError):
            self.followups.with_user(self.salesperson).create({})

    def test_another_company_has_its_own_follow_ups(self):
        other = self.env["res.company"].create({"name": "Other"})
        ann = self.buyer("Ann", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1)
        self._plan_on(0, playbook)
        stranger = self.new_user("stranger", "sales_team.group_sale_manager")
        stranger.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        env = self.env(user=stranger, context={"allowed_company_ids": other.ids})
        self.assertFalse(env["customer.tiering.playbook"].search([("id", "=", playbook.id)]))
        self.assertFalse(env["customer.tiering.followup"].search([("partner_id", "=", ann.id)]))

    def test_a_new_company_has_its_own_playbooks(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.assertEqual(len(other.tiering_policy_ids.playbook_ids), 5)

    def test_merging_customers_keeps_what_is_open(self):
        ann, ben = (self.new_customer(name) for name in ("Ann", "Ben"))
        playbook = self._playbook("first_order", on=0)
        other = self._playbook("enter", on=0)
        for partner in ann, ben:
            self.order(partner, 0)
        self.compute_after(0)
        self._plan_on(0, playbook)
        self.followups.search([("playbook_id", "=", other.id)]).state = "waiting"
        self._plan_on(0, other)
        self._activities(ann).filtered(lambda activity: activity in self._rows(playbook).activity_id).action_done()
        kept = self._rows(playbook).activity_id.filtered("active") | self._rows(other).activity_id
        self.assertEqual(len(kept), 3)
        self.env["base.partner.merge.automatic.wizard"].create({})._merge((ann | ben).ids, ann)
        self.env.invalidate_all()
        rows = self._rows(playbook) | self._rows(other)
        self.assertEqual((rows.activity_id, rows.partner_id), (kept, ann))

    def test_merging_customers_keeps_the_follow_ups(self):
        ann, ben = self.buyer("Ann", 5), self.buyer("Ben", 5)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=1)
        self._plan_on(0, playbook)
        self.env["base.partner.merge.automatic.wizard"]._merge((ann | ben).ids, ann)
        self.assertTrue(self._rows(playbook, partner_id=ann.id))
        self.assertFalse(self.followups.search([("partner_id", "=", ben.id)]))

    def test_another_trigger_leaves_open_activities_of_the_former_one_alone(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=30)
        self._plan_on(0, playbook)
        for trigger in ("pending", "risk", "segment", "up"):
            playbook.write({"trigger": trigger, "segment_ids": self.env["customer.segment"].search([]).ids})
            self._plan_on(0, playbook)
            self.assertEqual((self._rows(playbook).state, len(self._activities(ann))), ("open", 1), trigger)

    def test_of_two_events_that_wait_together_the_cooldown_skips_the_second(self):
        ann = self.buyer("Ann", 0)
        self.compute_after(0)
        playbook = self._playbook("down", on=0, cooldown_days=30, only_without_open=False)
        with freeze_time(self.noon(AS_OF, 0)):
            playbook.user_id.active = False  # so that the first waits for the second
        self.compute_after(40)
        self.compute_after(100)
        playbook.user_id.active = True
        # The first fall is over, so it would be gone; what counts here is that both are asked for at once.
        self._rows(playbook).tier_id = self.card(ann).tier_id
        self.assertEqual(self._rows(playbook).mapped("state"), ["waiting"] * 2)
        self._plan_on(100, playbook)
        self.assertEqual(len(self._activities(ann)), 1)
        self.assertEqual(self._rows(playbook).mapped("problem"), [False, "cooldown"])

    def test_care_comes_again_when_the_days_between_two_are_more_than_the_cadence(self):
        ann = self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=14, cooldown_days=30)
        self._plan_on(0, playbook)
        self._activities(ann).unlink()
        for number in (14, 29):
            self.assertEqual(self._live(number, playbook), 0, number)
        self.assertEqual(self._live(30, playbook), 1)

    def test_all_events_are_known_before_the_first_is_inserted(self):
        """Else the statement looks, for each customer, through what it has inserted for those before."""
        self.buyer("Ann", 60)
        self.compute_after(0)
        playbook = self._playbook("contact", on=0, contact_days=14)
        execute, statements = type(self.env.cr).execute, []

        def note(cr, query, *args, **kwargs):
            statements.append(query)
            return execute(cr, query, *args, **kwargs)

        with patch.object(type(self.env.cr), "execute", note):
            self.followups._collect_present(playbook)
        inserted = "INSERT INTO customer_tiering_followup"
        (statement,) = [query for query in statements if isinstance(query, SQL) and inserted in query.code]
        # Where PostgreSQL reads in the order of an index whenever it can, and sorts as little as it can.
        for what in ("seqscan", "bitmapscan", "hashjoin", "sort"):
            self.env.cr.execute(SQL("SET LOCAL %s = off", SQL(f"enable_{what}")))
        plan = "\n".join(line for (line,) in self.env.execute_query(SQL("EXPLAIN %s", statement)))
        self.assertIn("Sort Key", plan)
        self.assertNotIn("Incremental Sort", plan)
