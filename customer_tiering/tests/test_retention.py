from datetime import date, timedelta

from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestRetention(TieringCommon):
    """Who keeps a tier and until when, over days and runs.

    The only criterion is recency in its usual bands, so that time alone moves a customer: up to 30
    days after an order 100 points, Platinum; up to 90 days 75, Gold; up to 180 days 50, Silver; up
    to 365 days 25 and later 0, Bronze. The customer of most tests orders on day 0, AS_OF.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": cls.metric("recency"), "method": "bands"}),
        ]
        cls.platinum, cls.gold, cls.silver, cls.bronze = cls.policy.tier_ids
        cls.ann = cls.new_customer("Ann")
        cls.order(cls.ann)

    def _number(self, day):
        return day and (day - AS_OF).days

    def assertStanding(self, tier, since, pending=False, on=False, partner=None):  # noqa: N802
        """Which tier since which day, and which one is announced for which day, counted from AS_OF."""
        card = self.card(partner or self.ann)
        self.assertEqual(
            (
                card.tier_id.name,
                self._number(card.tier_since),
                card.pending_tier_id.name,
                self._number(card.pending_date),
            ),
            (tier, since, pending, on),
        )

    def test_without_rules_of_retention_a_downgrade_comes_with_the_run(self):
        self.compute_after(0)
        self.compute_after(30)
        self.assertStanding("Platinum", 0)
        run = self.compute_after(31)
        self.assertStanding("Gold", 31)
        self.assertEqual((run.down_count, run.pending_count), (1, 0))

    # ------------------------------------------------------------------
    # It takes less to stay than to enter
    # ------------------------------------------------------------------

    def test_who_is_in_a_tier_stays_down_to_its_keep_floor(self):
        self.gold.keep_floor = 50
        late = self.new_customer("Late")  # never was in Gold
        self.order(late)
        self.compute_after(31)
        self.assertTiers({self.ann: "Gold", late: "Gold"})
        self.compute_after(91)
        self.assertEqual(self.card(self.ann).score, 50)
        self.assertStanding("Gold", 31)  # 50 is enough to stay, 60 would be needed to enter
        newcomer = self.new_customer("Newcomer")
        self.order(newcomer)
        self.compute_after(100)  # 100 days: 50 points
        self.order(self.new_customer("Else"))
        self.assertTiers({self.ann: "Gold", late: "Gold", newcomer: "Silver"})
        self.compute_after(181)
        self.assertEqual(self.card(self.ann).score, 25)
        self.assertStanding("Bronze", 181)

    def test_the_keep_floor_of_a_tier_between_catches_the_fall(self):
        self.silver.keep_floor = 25
        self.compute_after(31)
        self.assertTiers({self.ann: "Gold"})
        self.compute_after(181)
        # 25 points are below Gold's 60, and enough to stay in Silver: who is in Gold falls no further
        self.assertTiers({self.ann: "Silver"})
        self.compute_after(366)
        self.assertTiers({self.ann: "Bronze"})

    def test_the_score_to_stay_follows_the_score_to_enter(self):
        self.gold.keep_floor = 50
        self.gold.entry_floor = 65
        self.assertEqual(self.gold.keep_floor, 55)
        copy = self.policy.copy()
        self.assertEqual(copy.tier_ids.mapped("keep_floor"), [80, 55, 40, 0])

    # ------------------------------------------------------------------
    # Announced, called off, come true
    # ------------------------------------------------------------------

    def test_a_downgrade_waits_for_its_days_of_grace(self):
        self.policy.grace_days = 14
        self.compute_after(0)
        run = self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 45)
        self.assertEqual((run.pending_count, run.down_count, run.written_count), (1, 0, 1))
        self.assertFalse(run.change_ids)
        contact = self.new_customer("Bob", parent_id=self.ann.id, type="contact")
        for partner in (self.ann, contact):
            self.assertEqual(
                (partner.tiering_tier_id, partner.tiering_pending_tier_id, partner.tiering_pending_date),
                (self.platinum, self.gold, AS_OF + timedelta(days=45)),
            )
        self.assertEqual(self.card(self.ann).computed_tier_id, self.platinum)

        run = self.compute_after(44)
        self.assertStanding("Platinum", 0, "Gold", 45)
        self.assertEqual((run.pending_count, run.written_count), (1, 0))

        run = self.compute_after(45)
        self.assertStanding("Gold", 45)
        self.assertFalse(self.ann.tiering_pending_tier_id)
        self.assertEqual((run.pending_count, run.down_count), (0, 1))
        self.assertRecordValues(
            run.change_ids,
            [
                {
                    "from_tier_id": self.platinum.id,
                    "to_tier_id": self.gold.id,
                    "direction": "down",
                    "reason": "score",
                    "date": AS_OF + timedelta(days=45),
                    "score_before": 75,  # of day 31
                    "score_after": 75,
                }
            ],
        )

    def test_a_night_that_was_missed_does_not_save_the_tier(self):
        self.policy.grace_days = 14
        self.compute_after(0)
        self.compute_after(31)
        self.compute_after(50)
        self.assertStanding("Gold", 50)

    def test_a_customer_who_buys_in_time_keeps_the_tier(self):
        self.policy.grace_days = 14
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 45)
        self.order(self.ann, -40)
        run = self.compute_after(44)
        self.assertStanding("Platinum", 0)
        self.assertEqual((run.pending_count, run.written_count), (0, 1))
        self.assertEqual(len(self.changes(self.ann)), 1)  # the first tier
        self.compute_after(45)
        self.assertStanding("Platinum", 0)
        # 31 days after the second order all begins again
        self.compute_after(71)
        self.assertStanding("Platinum", 0, "Gold", 85)

    def test_the_date_stays_and_the_tier_follows_the_score(self):
        self.policy.grace_days = 90
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 121)
        self.compute_after(91)
        self.assertStanding("Platinum", 0, "Silver", 121)
        self.compute_after(121)
        self.assertStanding("Silver", 121)

    def test_nothing_is_written_while_something_is_pending(self):
        self.policy.grace_days = 14
        self.compute_after(0)
        self.compute_after(31)
        cards = self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)])
        before = cards.read()
        for number in (31, 32, 44):
            run = self.compute_after(number)
            self.assertEqual((run.pending_count, run.written_count), (1, 0), number)
        self.assertEqual(cards.read(), before)

    def test_fewer_days_of_grace_move_no_announced_date(self):
        self.policy.grace_days = 60
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 91)
        self.policy.grace_days = 5
        self.compute_after(40)
        self.assertStanding("Platinum", 0, "Gold", 91)

    def test_who_has_no_purchase_left_loses_the_tier_at_once(self):
        self.policy.grace_days = 14
        self.compute_after(0)
        self.ann.sale_order_ids._action_cancel()
        self.compute_after(1)
        self.assertStanding(False, 1)
        self.assertEqual(self.changes(self.ann)[0].direction, "left")

    def test_partners_are_found_by_what_is_announced(self):
        self.policy.grace_days = 14
        ben, asked = self.new_customer("Ben"), self.new_customer("Asked")
        self.order(ben, -31)
        self.order(asked, state="draft")
        contact = self.new_customer("Contact", parent_id=self.ann.id, type="contact")
        self.compute_after(0)
        self.compute_after(31)
        mine = [("id", "in", (self.ann | ben | asked | contact).ids)]
        partners = self.env["res.partner"].with_user(self.salesperson)

        def found(*domain):
            return partners.search([*mine, *domain]).sudo().mapped("name")

        self.assertCountEqual(found(("tiering_pending_tier_id", "!=", False)), ["Ann", "Contact"])
        self.assertCountEqual(found(("tiering_pending_tier_id", "=", False)), ["Ben", "Asked"])
        self.assertCountEqual(found(("tiering_pending_tier_id", "=", self.gold.id)), ["Ann", "Contact"])
        self.assertFalse(found(("tiering_pending_tier_id", "=", self.silver.id)))
        day = AS_OF + timedelta(days=45)
        self.assertCountEqual(found(("tiering_pending_date", "<=", day)), ["Ann", "Contact"])
        self.assertFalse(found(("tiering_pending_date", "<", day)))
        view = partners.get_views([(False, "search")])["views"]["search"]["arch"]
        self.assertIn('name="tiering_pending"', view)

    # ------------------------------------------------------------------
    # Stay, one step, end of the month, new customers
    # ------------------------------------------------------------------

    def test_who_enters_a_tier_stays_a_while(self):
        self.policy.stay_days = 60
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 60)
        self.compute_after(60)
        self.assertStanding("Gold", 60)
        self.compute_after(91)  # Silver by the score; in Gold since day 60, so until day 120
        self.assertStanding("Gold", 60, "Silver", 120)
        self.compute_after(120)
        self.assertStanding("Silver", 120)

    def test_the_later_of_grace_and_stay_counts(self):
        self.policy.write({"stay_days": 40, "grace_days": 20})
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 51)  # 31 + 20, not 0 + 40

    def test_one_step_down_at_a_time(self):
        self.policy.one_step = True
        self.compute_after(0)
        self.compute_after(200)  # 25 points: Bronze, three steps below
        self.assertStanding("Gold", 200, "Silver", 201)
        self.assertEqual(self.compute_after(200).written_count, 0)  # a second run of the day takes no second step
        self.compute_after(201)
        self.assertStanding("Silver", 201, "Bronze", 202)
        self.compute_after(202)
        self.assertStanding("Bronze", 202)
        self.assertEqual(self.changes(self.ann).mapped("to_tier_id.name"), ["Bronze", "Silver", "Gold", "Platinum"])

    def test_one_step_with_days_of_grace(self):
        self.policy.write({"one_step": True, "grace_days": 10})
        self.compute_after(0)
        self.compute_after(200)
        self.assertStanding("Platinum", 0, "Gold", 210)
        self.compute_after(210)
        self.assertStanding("Gold", 210, "Silver", 220)
        self.compute_after(220)
        self.assertStanding("Silver", 220, "Bronze", 230)

    def test_a_downgrade_at_the_end_of_a_month(self):
        self.policy.month_end = True
        self.compute_after(0)  # 30 June 2026
        self.compute(date(2026, 8, 9))
        card = self.card(self.ann)
        self.assertEqual((card.pending_tier_id, card.pending_date), (self.gold, date(2026, 8, 31)))
        self.compute(date(2026, 8, 30))
        self.assertTiers({self.ann: "Platinum"})
        self.compute(date(2026, 8, 31))
        self.assertTiers({self.ann: "Gold"})

    def test_days_of_grace_up_to_the_end_of_a_month(self):
        self.policy.write({"month_end": True, "grace_days": 30})
        self.compute_after(0)
        self.compute(date(2026, 8, 9))
        self.assertEqual(self.card(self.ann).pending_date, date(2026, 9, 30))  # 8 September, and on

    def test_a_new_customer_is_protected(self):
        self.policy.protection_days = 100
        known = self.new_customer("Known")
        self.order(known, 400)
        self.order(known)
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 100)
        self.assertStanding("Gold", 31, partner=known)
        self.compute_after(99)
        self.assertStanding("Platinum", 0, "Silver", 100)
        self.compute_after(100)
        self.assertStanding("Silver", 100)

    # ------------------------------------------------------------------
    # Days of each tier
    # ------------------------------------------------------------------

    def test_a_tier_can_have_its_own_days(self):
        self.policy.write({"grace_days": 14, "stay_days": 0})
        self.platinum.grace_days = 3
        self.gold.stay_days = 100
        self.compute_after(0)
        self.compute_after(31)
        self.assertStanding("Platinum", 0, "Gold", 34)
        self.compute_after(34)
        self.compute_after(91)
        self.assertStanding("Gold", 34, "Silver", 134)  # 34 + 100 is later than 91 + 14

    def test_the_policys_days_are_those_of_all_tiers(self):
        self.gold.write({"grace_days": 5, "stay_days": 6})
        self.policy.grace_days = 20
        self.assertEqual(self.policy.tier_ids.mapped("grace_days"), [20, 20, 20, 20])
        self.assertEqual(self.policy.tier_ids.mapped("stay_days"), [0, 0, 0, 0])
        added = Command.create({"name": "Diamond", "entry_floor": 90})
        self.policy.tier_ids = [added]
        self.assertEqual(self.policy.tier_ids[0].grace_days, 20)

    def test_the_policys_days_and_a_tiers_own_saved_together(self):
        self.policy.write({"grace_days": 20, "tier_ids": [Command.update(self.gold.id, {"grace_days": 7})]})
        self.assertEqual(self.policy.tier_ids.mapped("grace_days"), [20, 7, 20, 20])
        copy = self.policy.copy()
        self.assertEqual(copy.tier_ids.mapped("grace_days"), [20, 7, 20, 20])

    # ------------------------------------------------------------------
    # Credit notes
    # ------------------------------------------------------------------

    def _money_decides(self):
        """Money alone, in units: up to 100 no points, 500 25, 1000 50, 5000 75, from there on 100."""
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create(
                {
                    "metric_id": self.metric("monetary"),
                    "method": "bands",
                    "band_unit": "value",
                    "band_1": 100,
                    "band_2": 500,
                    "band_3": 1000,
                    "band_4": 5000,
                }
            ),
        ]
        self.accounting()

    def test_credit_notes_have_days_of_grace_like_all(self):
        self._money_decides()
        self.policy.grace_days = 30
        self.order(self.ann, 0, 6000)
        self.compute_after(0)
        self.assertStanding("Platinum", 0)
        self.credit_note(self.ann, -1, 5700)  # 6100 - 5700 = 400
        self.compute_after(2)
        self.assertStanding("Platinum", 0, "Bronze", 32)

    def test_credit_notes_can_downgrade_at_once(self):
        self._money_decides()
        self.policy.write({"grace_days": 30, "one_step": True, "protection_days": 300, "refunds_at_once": True})
        self.policy.tier_ids.stay_days = 200
        self.order(self.ann, 0, 6000)
        self.compute_after(0)
        self.credit_note(self.ann, -1, 5700)
        self.compute_after(2)
        self.assertStanding("Bronze", 2)  # all the way, in spite of all the rest

    def test_a_credit_note_that_is_not_posted_changes_nothing(self):
        self._money_decides()
        self.policy.write({"grace_days": 30, "refunds_at_once": True})
        self.order(self.ann, 0, 6000)
        self.compute_after(0)
        move = self.credit_note(self.ann, -1, 5700)
        move.button_draft()
        self.compute_after(2)
        self.assertStanding("Platinum", 0)
        move.action_post()
        self.compute_after(3)
        self.assertStanding("Bronze", 3)

    def test_a_small_credit_note_does_not_take_the_grace_of_who_falls_anyway(self):
        self._money_decides()
        self.policy.write({"grace_days": 30, "refunds_at_once": True})
        self.order(self.ann, 364, 6000)
        self.order(self.ann, 0, 1000)
        self.compute_after(0)  # 100 + 6000 + 1000
        self.assertStanding("Platinum", 0)
        self.credit_note(self.ann, 0, 150)
        # the 6000 leave the window: 1100 - 150 = 950, Silver; without the credit note Gold, a downgrade too
        self.compute_after(1)
        self.assertStanding("Platinum", 0, "Silver", 31)
