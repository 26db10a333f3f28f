from datetime import date, datetime, timedelta
from statistics import median

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import freeze_time, tagged

from .common import AS_OF, TieringCommon

# Where it does not matter; today is AS_OF, 30 June 2026.
DUE = date(2026, 5, 20)
MEASURES = (
    "created_count:sum",
    "in_time_count:sum",
    "late_count:sum",
    "cancelled_count:sum",
    "in_time_share:avg",
    "delay:median",
    "order_count:sum",
    "ordered_share:avg",
)


@tagged("post_install", "-at_install")
class TestFollowupReport(TieringCommon):
    """A day at noon of 30 June 2026; follow-ups of two playbooks, two persons and two companies."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.startClassPatcher(freeze_time("2026-06-30 12:00:00"))
        cls.own = cls.new_user("tiering_own", "sales_team.group_sale_salesman")
        cls.welcome, cls.care = cls._playbooks()
        cls.tier = cls.policy.tier_ids[0]
        cls.ann, cls.bob = cls.new_customer("Ann"), cls.new_customer("Bob")
        cls.number = 0

    @classmethod
    def _playbooks(cls):
        return cls.env["customer.tiering.playbook"].create(
            [
                {
                    "name": name,
                    "policy_id": cls.policy.id,
                    "trigger": trigger,
                    "step_ids": [
                        Command.create(
                            {
                                "activity_type_id": cls.env.ref("mail.mail_activity_data_call").id,
                                "summary": "Greet {{ customer }} in {{ tier }}",
                            }
                        )
                    ],
                }
                for name, trigger in (("Welcome", "enter"), ("Care", "contact"))
            ]
        )

    @classmethod
    def _followup(cls, state="open", user=None, due=DUE, done=None, partner=None, **values):
        """A follow-up with its activity, done at the moment ``done``."""
        cls.number += 1
        playbook = values.pop("playbook", cls.welcome)
        partner, user = partner or cls.ann, user or cls.salesperson
        planned = state in ("open", "closed", "mailed")
        activity = cls.env["mail.activity"]
        if state in ("open", "closed"):
            activity = activity.create(
                {
                    "res_model_id": cls.env["ir.model"]._get_id("res.partner"),
                    "res_id": partner.id,
                    "activity_type_id": cls.env.ref("mail.mail_activity_data_call").id,
                    "summary": f"Number {cls.number}",
                    "date_deadline": due,
                    "user_id": user.id,
                }
            )
        followup = cls.env["customer.tiering.followup"].create(
            {
                "playbook_id": playbook.id,
                "partner_id": partner.id,
                "company_id": playbook.company_id.id,
                "tier_id": cls.tier.id,
                "event": f"test:{cls.number}",
                "action": "1",
                "step_id": playbook.step_ids[0].id,
                "date": due - timedelta(days=2),
                "state": state,
                "user_id": user.id if planned else False,
                "planned_on": due - timedelta(days=2) if planned else False,
                "date_deadline": due if planned else False,
                "activity_id": activity.id,
                **values,
            }
        )
        if done:
            with freeze_time(done):
                activity.action_feedback(feedback="Done")
                activity.flush_recordset()  # Odoo takes the day when it stores it
        return followup

    def _row(self, followup):
        return self.env["customer.tiering.followup.report"].browse(followup.id)

    def _read(self, domain=(), groupby=(), env=None):
        return (env or self.env)["customer.tiering.followup.report"].formatted_read_group(
            list(domain), list(groupby), MEASURES
        )

    def assertStatus(self, expected):  # noqa: N802 - like unittest's own
        actual = {followup.event: self._row(followup).status for followup in expected}
        self.assertEqual(actual, {followup.event: status for followup, status in expected.items()})

    def test_what_has_become_of_each(self):
        cancelled = self._followup()
        cancelled.activity_id.unlink()
        closed = self._followup(state="closed", problem="gone")
        closed.activity_id.active = False
        moved = self._followup(due=AS_OF - timedelta(days=1))
        moved.activity_id.date_deadline = AS_OF + timedelta(days=9)  # what was promised stays promised
        moved_done = self._followup(due=DUE)
        moved_done.activity_id.date_deadline = DUE + timedelta(days=9)
        with freeze_time("2026-05-22"):
            moved_done.activity_id.action_feedback()
            self.env.flush_all()
        self.assertStatus(
            {
                self._followup(state="held"): "held",
                self._followup(state="waiting", problem="user_limit"): "waiting",
                self._followup(state="skipped", problem="cooldown"): "skipped",
                self._followup(state="mailed"): "mailed",
                closed: "closed",
                cancelled: "cancelled",
                self._followup(due=AS_OF): "open",
                self._followup(due=AS_OF - timedelta(days=1)): "overdue",
                moved: "overdue",
                self._followup(done="2026-05-19"): "in_time",
                self._followup(done="2026-05-20 23:59:59"): "in_time",
                self._followup(done="2026-05-21"): "late",
                moved_done: "late",
            }
        )
        self.assertEqual(self._row(moved_done).delay, 2)
        self.assertFalse(self._row(closed).date_done)
        self.assertFalse(self._row(cancelled).date_done)

    def test_days_are_days_of_the_company(self):
        """Late on the last day in Honolulu (UTC-10) is the next day in UTC, and still in time."""
        self.company.partner_id.tz = "Pacific/Honolulu"
        followup = self._followup(done="2026-05-21 08:00:00")
        self.env.flush_all()
        # The database's clock is not frozen: write when it was written.
        self.env.cr.execute(
            "UPDATE mail_activity SET write_date = '2026-05-21 08:00' WHERE id = %s", [followup.activity_id.id]
        )
        self.assertEqual(self._row(followup).date_done, DUE)
        self.assertStatus({followup: "in_time"})
        # Somebody wrote on it another day: Odoo's own day is all that is known.
        self.env.cr.execute(
            "UPDATE mail_activity SET write_date = '2026-06-21 08:00' WHERE id = %s", [followup.activity_id.id]
        )
        self.env.invalidate_all()
        self.assertEqual(self._row(followup).date_done, DUE + timedelta(days=1))
        self.assertStatus({followup: "late"})
        # 30 June, 9 in the morning in UTC, is still 29 June there: due that day is not overdue.
        with freeze_time("2026-06-30 09:00:00"):
            self.assertStatus({self._followup(due=date(2026, 6, 29)): "open"})
        with freeze_time("2026-06-30 10:00:00"):
            self.env.invalidate_all()
            self.assertStatus({self._followup(due=date(2026, 6, 29)): "overdue"})

    def test_the_measures_against_plain_python(self):
        """Created, in time, late, cancelled and the shares of many follow-ups, counted one by one."""
        rows = []
        for number, days in enumerate((-4, -1, 0, 0, 1, 3, 10, None, None, "cancel", "closed")):
            user = (self.salesperson, self.own)[number % 2]
            playbook = (self.welcome, self.care)[number % 3 == 0]
            due = DUE - timedelta(days=number)
            state = "closed" if days == "closed" else "open"
            done = due + timedelta(days=days) if isinstance(days, int) else None
            if number == 8:
                due = AS_OF + timedelta(days=1)
            followup = self._followup(state=state, user=user, playbook=playbook, due=due, done=done and str(done))
            if days == "cancel":
                followup.activity_id.unlink()
            rows.append({"user": user, "playbook": playbook, "due": due, "done": done, "days": days})
        for state in ("held", "waiting", "skipped"):
            self._followup(state=state)
        self._followup(state="mailed")

        def expected(rows):
            delays = [(row["done"] - row["due"]).days for row in rows if row["done"]]
            in_time = sum(delay <= 0 for delay in delays)
            overdue = sum(row["days"] is None and row["due"] < AS_OF for row in rows)
            late = len(delays) - in_time + overdue
            cancelled = sum(row["days"] == "cancel" for row in rows)
            return {
                "created_count:sum": len(rows),
                "in_time_count:sum": in_time,
                "late_count:sum": late,
                "cancelled_count:sum": cancelled,
                "in_time_share:avg": 100 * in_time / (in_time + late + cancelled),
                "delay:median": median(delays),
                "order_count:sum": 0,
                "ordered_share:avg": 0,
            }

        planned = [("created_count", "=", 1)]
        (total,) = self._read(planned)
        # 7 done (4 in time, delays -4 -1 0 0 1 3 10: median 0), 1 overdue, 1 open, 1 cancelled, 1 closed:
        # late 3 + 1 = 4, in time 4 of 4 + 4 + 1 = 9.
        self.assertEqual((total["delay:median"], total["created_count:sum"], total["late_count:sum"]), (0, 11, 4))
        self.assertAlmostEqual(total["in_time_share:avg"], 400 / 9, 3)
        for fname, values in (("user", (self.salesperson, self.own)), ("playbook", (self.welcome, self.care))):
            groups = {group[f"{fname}_id"][0]: group for group in self._read(planned, [f"{fname}_id"])}
            self.assertEqual(set(groups), {value.id for value in values})
            for value in values:
                of_value = expected([row for row in rows if row[fname] == value])
                for measure, number in of_value.items():
                    self.assertAlmostEqual(groups[value.id][measure], number, 3, f"{value.name} {measure}")
        for measure, number in expected(rows).items():
            self.assertAlmostEqual(total[measure], number, 3, measure)

    def test_the_median_lies_between_two_and_is_empty_for_none(self):
        for days in (0, 1, 4, 20):
            self._followup(done=str(DUE + timedelta(days=days)))
        self._followup(due=AS_OF, playbook=self.care)
        report = self.env["customer.tiering.followup.report"]
        # Of 0, 1, 4 and 20: between 1 and 4. The average would be 6.25.
        self.assertEqual(self._read([("playbook_id", "=", self.welcome.id)])[0]["delay:median"], 2.5)
        self.assertFalse(self._read([("playbook_id", "=", self.care.id)])[0]["delay:median"])
        # What the list, the graph and the pivot ask for is what the field says.
        self.assertEqual(report.fields_get(["delay"])["delay"]["aggregator"], "median")
        groups = report.web_read_group([], ["playbook_id"], ["delay:median"])["groups"]
        self.assertEqual([group["delay:median"] for group in groups], [2.5, False])
        total, of_playbook = report.formatted_read_grouping_sets([], [[], ["playbook_id"]], ["delay:median"])
        self.assertEqual((total[0]["delay:median"], of_playbook[0]["delay:median"]), (2.5, 2.5))
        with self.assertRaises(ValueError):
            report.formatted_read_group([], [], ["order_count:median"])

    def test_orders_after_it_was_done(self):
        """Day 0 is the day of the follow-up; days 1 to 30 count, in the company's time zone."""
        day = date(2026, 5, 10)
        followup = self._followup(done=f"{day} 09:00:00")
        noon = datetime(2026, 5, 10, 12)
        for when, counted in (
            (datetime(2026, 5, 10, 23, 59), False),
            (datetime(2026, 5, 11), True),
            (datetime(2026, 6, 9, 23, 59), True),  # 10 May and 30 days
            (datetime(2026, 6, 10), False),
        ):
            orders = self._row(followup).order_count
            self.order(self.ann, when=when)
            self.env.invalidate_all()
            self.assertEqual(self._row(followup).order_count, orders + counted, when)
        # Two have counted. None of these does: a quotation, a free order, of somebody else, cancelled.
        after = noon + timedelta(days=3)
        self.order(self.ann, when=after, state="sent")
        self.order(self.ann, when=after, state="cancel")
        self.order(self.ann, when=after, amount=0)
        self.order(self.bob, when=after)
        self.env.invalidate_all()
        self.assertEqual(self._row(followup).order_count, 2)
        # One of a contact of the customer does.
        self.order(self.new_customer("Assistant", parent_id=self.ann.id, type="contact"), when=after)
        self.env.invalidate_all()
        self.assertEqual(self._row(followup).order_count, 3)
        # 11 May 2026, 00:00 in UTC, is 10 May in New York: the day of the follow-up. 10 June, 00:00, is 9 June.
        self.company.partner_id.tz = "America/New_York"
        self.env.invalidate_all()
        self.assertEqual(self._row(followup).order_count, 3)

    def test_the_share_waits_until_the_days_have_passed(self):
        day = AS_OF - timedelta(days=31)  # days 1 to 30 are 31 May to 29 June: over
        self._followup(due=day, done=f"{day} 08:00:00")
        self._followup(due=day, done=f"{day} 08:00:00", partner=self.bob)
        self.order(self.bob, when=datetime(2026, 6, 29, 12))
        (total,) = self._read()
        self.assertEqual((total["ordered_share:avg"], total["order_count:sum"]), (50, 1))
        # Day 30 is today: not over, although there is an order.
        day = AS_OF - timedelta(days=30)
        self._followup(due=day, done=f"{day} 08:00:00", partner=self.bob)
        (total,) = self._read()
        self.assertEqual((total["ordered_share:avg"], total["order_count:sum"]), (50, 2))
        self.assertFalse(self._row(self._followup(due=AS_OF)).ordered_share)

    def test_who_did_it_counts_and_the_words_say_what(self):
        followup = self._followup()
        followup.activity_id.user_id = self.own
        self.assertEqual(self._row(followup).user_id, self.own)
        self.assertEqual(self._row(followup).summary, followup.activity_id.summary)
        followup.activity_id.unlink()
        self.env.invalidate_all()
        self.assertEqual(self._row(followup).user_id, self.salesperson)
        waiting = self._followup(state="waiting", problem="user_limit")
        waiting.step_id.summary = "Greet {{ customer }} in {{ tier }}"
        self.env.invalidate_all()
        self.assertEqual(self._row(waiting).summary, "Greet … in …")
        self.assertFalse(self._row(waiting).user_id)
        waiting.step_id.summary = False
        self.env.invalidate_all()
        self.assertEqual(self._row(waiting).summary, "Call")
        self.assertRecordValues(
            self._row(waiting),
            [{"problem": "user_limit", "trigger": "enter", "policy_id": self.policy.id, "tier_id": self.tier.id}],
        )
        action = self._row(waiting).action_open_customer()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", self.ann.id))

    def test_months_are_those_of_planning(self):
        self._followup(due=date(2026, 5, 2))  # planned on 30 April
        self._followup(due=date(2026, 5, 3))
        groups = self._read(groupby=["planned_on:month"])
        self.assertEqual([group["planned_on:month"][0] for group in groups], ["2026-04-01", "2026-05-01"])

    def test_salespeople_see_their_own_and_managers_all(self):
        mine, other = self._followup(user=self.own), self._followup()
        waiting = self._followup(state="waiting")
        for user, seen in (
            (self.own, mine | waiting),
            (self.salesperson, mine | other | waiting),  # may see all documents
            (self.manager, mine | other | waiting),
        ):
            report = self.env["customer.tiering.followup.report"].with_user(user)
            self.assertEqual(set(report.search([]).ids), set(seen.ids), user.login)
            (total,) = self._read(env=self.env(user=user))
            self.assertEqual(total["created_count:sum"], len(seen) - 1)
            self.assertTrue(report.browse(mine.id).summary)
            for operation in ("write", "create", "unlink"):
                self.assertFalse(report.has_access(operation))
        internal = self.new_user("tiering_internal", "base.group_user")
        with self.assertRaises(AccessError):
            self.env["customer.tiering.followup.report"].with_user(internal).search([])
        with self.assertRaises(AccessError):
            self._row(other).with_user(self.own).read(["status"])

    def test_companies_are_apart(self):
        company = self.env["res.company"].create({"name": "Other Company"})
        company.partner_id.tz = "Pacific/Auckland"  # UTC+12: 30 June, 12:00 in UTC, is 1 July there
        both = self.env(context=dict(self.env.context, allowed_company_ids=[self.company.id, company.id]))
        policy = company.tiering_policy_ids
        playbook = self.welcome.with_env(both).copy({"name": "Theirs"})
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE customer_tiering_playbook SET policy_id = %s, company_id = %s WHERE id = %s",
            [policy.id, company.id, playbook.id],
        )
        self.env.invalidate_all()
        here = self._followup(due=AS_OF)
        there = self._followup(due=AS_OF, playbook=playbook)
        done_here = self._followup(due=AS_OF, done="2026-05-10 10:00:00")
        done_there = self._followup(due=AS_OF, done="2026-05-10 10:00:00", playbook=playbook)
        self.order(self.ann, when=datetime(2026, 5, 15))
        report = both["customer.tiering.followup.report"]
        values = report.search([]).read(["status", "order_count"])
        self.assertEqual(
            {row["id"]: (row["status"], row["order_count"]) for row in values},
            {
                here.id: ("open", 0),
                there.id: ("overdue", 0),
                done_here.id: ("in_time", 1),
                done_there.id: ("in_time", 0),  # they bought from the other company
            },
        )
        self.assertEqual([group["created_count:sum"] for group in self._read(groupby=["company_id"], env=both)], [2, 2])
        self.assertEqual(set(self.env["customer.tiering.followup.report"].search([]).ids), {here.id, done_here.id})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager", company)
        theirs = self.env(user=stranger, context={"allowed_company_ids": company.ids})
        self.assertEqual(set(theirs["customer.tiering.followup.report"].search([]).ids), {there.id, done_there.id})
