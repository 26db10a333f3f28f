from collections import Counter
from datetime import date, timedelta

import pandas as pd
from freezegun import freeze_time

from odoo.tests import tagged

from .test_cdnow import CdnowCommon

FIRST_DAY, DAYS = date(1997, 3, 1), 92
PER_DAY, COOLDOWN = 5, 30
TRIGGERS = ("enter", "up", "down", "pending", "risk", "segment", "contact", "anniversary", "first_order")


@tagged("post_install", "-at_install")
class TestPlaybookQuarter(CdnowCommon):
    """March to May 1997 of 2,357 real customers, a run and the planning every day, with all playbooks on.

    They bought first between January and March, so nobody has an anniversary yet. Three people do four of their
    follow-ups a day, the oldest first, and cancel every tenth.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.people = [cls.new_user(f"person_{number}", "sales_team.group_sale_salesman") for number in range(3)]
        for number, partner in enumerate(cls.env["res.partner"].browse(cls.partner_of.values())):
            partner.user_id = cls.people[number % 3]
        cls.policy.grace_days = 14
        call = cls.env.ref("mail.mail_activity_data_call")
        segments = cls.env["customer.segment"].search([("code", "in", ("champions", "at_risk", "cant_lose"))])
        cls.playbooks = cls.env["customer.tiering.playbook"].create(
            [
                {
                    "name": trigger,
                    "policy_id": cls.policy.id,
                    "trigger": trigger,
                    "risk_level": "watch",
                    "segment_ids": segments.ids if trigger == "segment" else False,
                    "cooldown_days": COOLDOWN,
                    "user_day_limit": PER_DAY,
                    "user_open_limit": 40,
                    "step_ids": [(0, 0, {"activity_type_id": call.id, "summary": "{{ customer }}, {{ tier }}"})],
                }
                for trigger in TRIGGERS
            ]
        )

    def _work(self, day, counter):
        """Everybody does four follow-ups that are due, the oldest first."""
        for user in self.people:
            for activity in self.env["mail.activity"].search(
                [("user_id", "=", user.id), ("automated", "=", True), ("date_deadline", "<=", day)], limit=4
            ):
                counter["worked"] += 1
                if counter["worked"] % 10 == 0:
                    activity.unlink()
                    counter["cancelled"] += 1
                else:
                    activity.active = False  # as "done" does, without the message
                    counter["done"] += 1

    def test_limits_and_cooldowns_hold_and_nothing_is_lost(self):
        self.compute(FIRST_DAY - timedelta(days=1))
        self.env.cr.execute("ANALYZE res_partner, sale_order")
        with freeze_time(FIRST_DAY):
            self.playbooks.action_enable()
        followups = self.env["customer.tiering.followup"]
        counter, most_open = Counter(), 0
        for number in range(DAYS):
            day = FIRST_DAY + timedelta(days=number)
            if number % 7 == 0:  # as PostgreSQL does by itself between transactions
                self.env.cr.execute("ANALYZE customer_tiering_followup, customer_tiering_scorecard, mail_activity")
            with freeze_time(f"{day} 12:00:00"):
                self.compute(day)
                for playbook in self.playbooks:
                    while followups._process(playbook, day):
                        pass
                open_ones = followups.search([("state", "=", "open"), ("activity_id.active", "=", True)])
                kinds = Counter((row.playbook_id.id, row.partner_id.id) for row in open_ones)
                most_open = max(most_open, *kinds.values())
                self._work(day, counter)
        rows = followups.search([("playbook_id", "in", self.playbooks.ids)])
        frame = pd.DataFrame(
            {
                "playbook": row.playbook_id.name,
                "partner": row.partner_id.id,
                "event": row.event,
                "state": row.state,
                "user": row.user_id.id,
                "planned": row.planned_on or None,
            }
            for row in rows
        )
        planned = frame.dropna(subset="planned").assign(planned=lambda df: pd.to_datetime(df["planned"]))
        a_day = planned.groupby(["playbook", "user", "planned"]).size()
        gaps = planned.sort_values("planned").groupby(["playbook", "partner"])["planned"].diff().dt.days
        # pylint: disable=print-used
        print(  # the figures of the documentation: bin/test addon -k quarter -s
            f"\n{DAYS} days, {len(frame)} events, {len(planned)} follow-ups planned, done {counter['done']}, "
            f"cancelled by hand {counter['cancelled']}, closed because the reason was gone "
            f"{(frame['state'] == 'closed').sum()}; most for one person, playbook and day {a_day.max()} "
            f"(limit {PER_DAY}); most open for one customer and playbook {most_open}; least days between two for one "
            f"customer and playbook {gaps.min():.0f} (cool-down {COOLDOWN})\n"
            + pd.crosstab(frame["playbook"], frame["state"]).to_string()
        )
        self.assertEqual(set(planned["playbook"]), set(TRIGGERS) - {"anniversary"})
        self.assertEqual(a_day.max(), PER_DAY)
        self.assertEqual(most_open, 1)
        self.assertGreaterEqual(gaps.min(), COOLDOWN)
        self.assertFalse(frame.duplicated(["playbook", "partner", "event"]).any())
        # Every move of the quarter was taken, once, by the playbook that waits for it.
        changes = self.env["customer.tier.change"].search(
            [("company_id", "=", self.company.id), ("date", ">=", FIRST_DAY)]
        )
        for playbook, directions in (("enter", ("new", "up")), ("up", ("up",)), ("down", ("down",))):
            moves = {f"change:{change.id}" for change in changes if change.direction in directions}
            self.assertGreater(len(moves), 100)
            self.assertEqual(set(frame.loc[frame["playbook"] == playbook, "event"]), moves)
