from datetime import date

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, freeze_time, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestPolicy(TieringCommon):
    def test_every_company_has_a_default_policy(self):
        for company in self.env["res.company"].search([]) | self.env["res.company"].create({"name": "Later"}):
            policy = company.tiering_policy_ids
            self.assertEqual(len(policy), 1)
            self.assertEqual(policy.window_days, 365)
            self.assertEqual(policy.criterion_ids.metric_id.mapped("key"), ["recency", "frequency", "monetary"])
            self.assertEqual(policy.criterion_ids.mapped("weight"), [1, 1, 1])
            self.assertEqual(
                policy.tier_ids.mapped(lambda tier: (tier.name, tier.entry_floor)),
                [("Platinum", 80), ("Gold", 60), ("Silver", 40), ("Bronze", 0)],
            )

    def test_who_was_never_contacted_is_explained_so(self):
        self.policy.criterion_ids = [Command.create({"metric_id": self.metric("contact_recency")})]
        customer = self.new_customer("Ann")
        self.order(customer, 5, 100)
        self.compute()
        text = {line["metric"]: line["text"] for line in self.card(customer).explanation_data["lines"]}
        self.assertEqual(text["contact_recency"], "none")

    def test_nothing_is_computed_before_somebody_asks(self):
        self.order(self.new_customer("Ann"))
        self.assertFalse(self.env["customer.tiering.scorecard"].search([("company_id", "=", self.company.id)]))
        self.assertFalse(self.policy.run_ids)

    def test_the_default_map_uses_each_of_the_eleven_segments(self):
        segments = self.env["customer.segment"].search([])
        used = segments.browse(self.policy._segment_map_ids())
        self.assertEqual(len(used), 11)
        self.assertEqual((segments - used).mapped("code"), ["prospect"])

    def test_a_policy_needs_tiers_from_zero_up(self):
        platinum, gold, _silver, bronze = self.policy.tier_ids
        self.assertRefused("has no tier. Add at least one", {"tier_ids": [Command.clear()]})
        self.assertRefused("No tier starts at score 0", {"tier_ids": [Command.delete(bronze.id)]})
        same = Command.update(gold.id, {"entry_floor": 40})
        self.assertRefused("Gold and Silver all start at score 40", {"tier_ids": [same]})
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.entry_floor = 10
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.unlink()
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            bronze.active = False
        message = "“From Score” of Platinum is a number from 0 to 100, not 150"
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            platinum.entry_floor = 150
        self.assertRefused(message, {"tier_ids": [Command.update(platinum.id, {"entry_floor": 150})]})
        self.assertRefused(
            "“From Score” of Diamond is", {"tier_ids": [Command.create({"name": "Diamond", "entry_floor": 150})]}
        )
        self.assertRefused(
            "“Interaction Every \\(Days\\)” of Gold is 0 or more, not -1",
            {"tier_ids": [Command.update(gold.id, {"contact_days": -1})]},
        )

    def test_a_tier_does_not_pass_another_by_a_slip(self):
        platinum, gold = self.policy.tier_ids[:2]
        message = "Gold would start at 90, above Platinum, which starts at 80"
        self.assertRefused(message, {"tier_ids": [Command.update(gold.id, {"entry_floor": 90})]})
        with self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
            gold.entry_floor = 90
        with self.assertRaisesRegex(ValidationError, "Gold would start at 60, above Platinum"), self.env.cr.savepoint():
            platinum.entry_floor = 50
        gold.entry_floor = 79
        # A new one may come in anywhere.
        self.policy.tier_ids = [Command.create({"name": "Diamond", "entry_floor": 90})]
        self.assertEqual(self.policy.tier_ids.sorted()[1:3], platinum | gold)

    def test_floors_can_be_exchanged_in_one_go(self):
        platinum, gold = self.policy.tier_ids[:2]
        self.policy.tier_ids = [
            Command.update(platinum.id, {"entry_floor": 60}),
            Command.update(gold.id, {"entry_floor": 80}),
        ]
        self.assertEqual(self.policy.tier_ids.sorted()[:2], gold | platinum)

    def test_weights_must_not_all_be_zero(self):
        self.assertRefused(
            "Give at least one criterion a weight above 0",
            {"criterion_ids": [Command.update(id_, {"weight": 0}) for id_ in self.policy.criterion_ids.ids]},
        )
        self.assertRefused("Give at least one criterion", {"criterion_ids": [Command.clear()]})
        criteria = self.policy.criterion_ids
        criteria[1:].unlink()
        with self.assertRaisesRegex(ValidationError, "Give at least one criterion"), self.env.cr.savepoint():
            criteria[0].weight = 0
        with self.assertRaisesRegex(ValidationError, "Give at least one criterion"), self.env.cr.savepoint():
            criteria[0].unlink()
        self.assertEqual((self.policy.criterion_ids, criteria[0].weight), (criteria[0], 1))

    def test_the_window_must_be_positive(self):
        for days in (0, -30):
            message = f"“Window \\(Days\\)” of Default policy is a number from 1 to 36,500, not {days}"
            self.assertRefused(message, {"window_days": days})

    def test_bands_must_rise(self):
        with self.assertRaisesRegex(ValidationError, "must rise from limit 1 to limit 4"):
            self.policy.criterion_ids[0].band_2 = 5

    def test_the_segment_map_must_be_complete(self):
        holes = [row[:] for row in self.policy.segment_map]
        holes[2][3] = False
        for segment_map in (holes, holes[:4], [row[:4] for row in holes], False):
            self.assertRefused("choose a segment for each of its 25 cells", {"segment_map": segment_map})

    def test_the_customer_filter_must_be_readable(self):
        for domain in ("[('no_such_field', '=', 1)]", "[(", "[1, 2]"):
            self.assertRefused("cannot be read", {"partner_domain": domain})

    def test_deleting_a_tier_with_history_archives_it(self):
        customer = self.new_customer("Ann")
        self.order(customer)
        self.compute()
        tier = self.card(customer).tier_id
        unused = self.policy.tier_ids - tier
        self.policy.tier_ids = [
            Command.delete(tier.id),
            Command.create({"name": "New lowest", "entry_floor": 0}),
            *(Command.delete(other.id) for other in unused),
        ]
        self.assertTrue(tier.exists())
        self.assertFalse(tier.active)
        self.assertFalse(unused.exists())
        self.compute()
        self.assertTiers({customer: "New lowest"})

    def test_other_metrics_can_be_criteria(self):
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": self.metric("contacts"), "weight": 1}),
            Command.create({"metric_id": self.metric("average_order"), "weight": 3, "method": "bands"}),
        ]
        criterion = self.policy.criterion_ids[1]
        self.assertEqual((criterion.band_1, criterion.band_4, criterion.band_unit), (0.5, 3, "median_order"))
        customer = self.new_customer("Ann")
        self.order(customer, 5, 100)
        self.compute()
        # no contact → 0 points; the average order is 1 × itself → third of five bands, 50 points
        self.assertEqual(self.card(customer).score, 37.5)  # (1 × 0 + 3 × 50) / 4

    def test_the_form_proposes_the_bands_of_the_metric(self):
        with Form(self.policy) as form, form.criterion_ids.new() as line:
            line.metric_id = self.env.ref("customer_tiering.customer_tiering_metric_contact_recency")
            self.assertEqual((line.band_1, line.band_4), (14, 120))

    def test_copying_a_policy_copies_its_rules(self):
        copy = self.policy.copy({"sequence": 99})
        self.assertEqual(copy.tier_ids.mapped("name"), self.policy.tier_ids.mapped("name"))
        self.assertEqual(copy.criterion_ids.metric_id.mapped("key"), self.policy.criterion_ids.metric_id.mapped("key"))
        self.assertFalse(copy.tier_ids & self.policy.tier_ids)
        self.assertEqual(copy.name, "Default policy (copy)")
        self.assertEqual(self.policy.copy({"name": "For associations"}).name, "For associations")
        # two policies for all customers make no sense: the copy waits for its own
        self.assertFalse(copy.active)
        copy.write({"partner_domain": "[('is_company', '=', True)]", "active": True})
        self.assertEqual(self.compute(policy=copy).state, "done")

    def test_a_policy_stays_in_its_company(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        with self.assertRaisesRegex(UserError, "A policy stays in its company. Copy it"):
            self.policy.company_id = other
        self.policy.write({"company_id": self.company.id, "name": "Renamed"})  # a form may send it all
        self.assertEqual((self.policy.company_id, self.policy.name), (self.company, "Renamed"))
        copy = self.policy.copy({"company_id": other.id})
        self.assertEqual((copy.company_id, copy.tier_ids.company_id), (other, other))

    def test_a_tier_stays_in_its_policy(self):
        other = self.policy.copy()
        gold = self.policy.tier_ids[1]
        with self.assertRaisesRegex(UserError, "A tier stays in its policy. Add a tier"):
            gold.policy_id = other
        gold.write({"policy_id": self.policy.id, "name": "Golden"})
        self.assertEqual((gold.policy_id, gold.name), (self.policy, "Golden"))

    def test_a_tier_needs_more_than_a_name(self):
        with self.assertRaisesRegex(UserError, "needs a score it starts at. Add it in the policy"):
            self.env["customer.tier"].with_user(self.manager).name_create("Diamond")
        self.assertEqual(len(self.policy.tier_ids), 4)

    def test_a_policy_with_history_is_archived_not_deleted(self):
        self.order(self.new_customer("Ann"))
        unused = self.policy.copy()
        self.compute()
        with self.assertRaisesRegex(UserError, "Archive it, so that their history stays"):
            self.policy.with_user(self.manager).unlink()
        unused.with_user(self.manager).unlink()
        self.assertTrue(self.policy.exists())
        self.assertFalse(unused.exists())

    def test_archiving_a_policy_takes_its_customers_out_of_their_tiers(self):
        ann, asked, elsewhere = (self.new_customer(name) for name in ("Ann", "Asked", "Elsewhere"))
        self.order(ann)
        self.order(asked, state="draft")
        other = self.env["res.company"].create({"name": "Other Company"})
        self.order(elsewhere, company_id=other.id)
        self.compute()
        self.compute(policy=other.tiering_policy_ids)
        tier, score = self.card(ann).tier_id, self.card(ann).score
        with freeze_time("2026-07-05 12:00:00"):
            self.policy.with_user(self.manager).active = False
        self.assertFalse(self.card(ann) | self.card(asked))
        self.assertTrue(self.card(elsewhere, other))
        changes = self.env["customer.tier.change"].search([("partner_id", "in", (ann | asked).ids)])
        # who had no tier leaves none
        self.assertRecordValues(
            changes,
            [
                {
                    "partner_id": ann.id,
                    "direction": "left",
                    "reason": "left",
                    "date": date(2026, 7, 5),
                    "from_tier_id": tier.id,
                    "to_tier_id": False,
                    "score_before": score,
                },
                {
                    "partner_id": ann.id,
                    "direction": "new",
                    "reason": "first",
                    "date": AS_OF,
                    "from_tier_id": False,
                    "to_tier_id": tier.id,
                    "score_before": 0,
                },
            ],
        )
        self.policy.active = True
        self.compute()
        self.assertTiers({ann: tier.name, asked: False})

    def test_customers_move_between_policies_without_a_moment_out_of_both(self):
        firms = self.policy.copy({"name": "Firms", "partner_domain": "[('is_company', '=', True)]", "sequence": 1})
        first, second = self.new_customer("First"), self.new_customer("Second")
        for partner in (first, second):
            self.order(partner)
        self.compute(policy=firms)
        self.compute()
        # back and forth, and each time with either policy computed first
        for number, (is_company, runs) in enumerate(
            (
                (True, (firms, self.policy)),
                (False, (firms, self.policy)),
                (True, (self.policy, firms)),
                (False, (self.policy, firms)),
            ),
            2,
        ):
            with self.subTest(is_company=is_company, computed_first=runs[0].name):
                first.is_company = is_company
                for policy in runs:
                    run = self.compute(policy=policy)
                    self.assertEqual(run.left_count, 0)
                    self.assertEqual(len(self.card(first)), 1)
                    self.assertTrue(self.card(first).tier_id)
                    self.assertEqual(self.card(second).policy_id, self.policy)
                self.assertEqual(self.card(first).policy_id, firms if is_company else self.policy)
                changes = self.changes(first)
                self.assertEqual(len(changes), number)  # the first tier, and one for each move so far
                self.assertEqual((changes[0].reason, changes[0].direction), ("policy", "same"))
                self.assertEqual(changes[0].to_tier_id, self.card(first).tier_id)

    def test_tiers_name_their_policy_where_there_are_several(self):
        gold = self.policy.tier_ids[1]

        def get_name():
            self.env.invalidate_all()
            return gold.display_name

        self.assertEqual(get_name(), "Gold")
        for end in (lambda policy: policy.action_archive(), lambda policy: policy.unlink()):
            other = self.other_policy()
            self.assertEqual(get_name(), "Gold (Default policy)")
            end(other)
            self.assertEqual(get_name(), "Gold")
        theirs = self.env["res.company"].create({"name": "Other Company"})
        self.env.user.company_ids |= theirs
        theirs.tiering_policy_ids.copy({"name": "Second"})
        self.assertEqual(get_name(), "Gold")  # another company's policies do not count
