from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestReassignment(TieringCommon):
    """Customers get another salesperson, and back."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sam, cls.mia, cls.leo = (
            cls.new_user(f"tiering_{name.lower()}", "sales_team.group_sale_salesman", name=name)
            for name in ("Sam", "Mia", "Leo")
        )
        cls.team = cls.env["crm.team"].create(
            {
                "name": "Shop",
                "company_id": cls.company.id,
                "member_ids": [Command.set((cls.sam | cls.mia | cls.leo).ids)],
            }
        )
        cls.customers = cls.env["res.partner"]
        today = cls.company._get_tiering_today()
        # Ten companies of Sam's, the first with ten orders today, the last with one: the scores fall.
        for number in range(10):
            customer = cls.new_customer(f"Customer {number}", is_company=True, user_id=cls.sam.id)
            cls.customers |= customer
            for _order in range(10 - number):
                cls.order(customer, amount=100, when=cls.noon(today, number))
        cls.compute(today)
        cls.tiers = {
            tier: cls.customers.filtered(lambda customer, tier=tier: cls.card(customer).tier_id == tier)
            for tier in cls.policy.tier_ids
        }
        cls.env["customer.tiering.reassignment"].with_user(cls.manager).check_access("create")

    def _reassign(self, user=None, **values):
        return (
            self.env["customer.tiering.reassignment"]
            .with_user(self.manager)
            .create({"name": "Handover", "user_id": (user or self.mia).id, **values})
        )

    def _applied(self, user=None, **values):
        reassignment = self._reassign(user, **values)
        reassignment.action_preview()
        reassignment.action_apply()
        return reassignment

    def test_preview_lists_who_goes_from_whom_to_whom(self):
        reassignment = self._reassign()
        self.assertFalse(reassignment.line_ids)
        reassignment.action_preview()
        self.assertEqual(
            [(line.partner_id, line.tier_id, line.from_user_id, line.to_user_id) for line in reassignment.line_ids],
            # the highest tier first, in it the best score
            [(customer, self.card(customer).tier_id, self.sam, self.mia) for customer in self.customers],
        )
        self.assertEqual(self.customers.user_id, self.sam)  # nothing has changed

    def test_preview_says_who_would_have_too_many(self):
        tier, given = next((tier, customers) for tier, customers in self.tiers.items() if len(customers) > 1)
        other = self.new_customer("Mia's", user_id=self.mia.id)
        self.env.cr.execute(
            "INSERT INTO customer_tiering_scorecard (partner_id, company_id, policy_id, tier_id) "
            "VALUES (%s, %s, %s, %s)",
            (other.id, self.company.id, self.policy.id, tier.id),
        )
        reassignment = self._reassign(tier_ids=[Command.set(tier.ids)], from_user_ids=[Command.set(self.sam.ids)])
        reassignment.action_preview()
        self.assertFalse(reassignment.summary)
        tier.capacity = len(given)
        reassignment.invalidate_recordset(["summary"])
        self.assertEqual(
            reassignment.summary,
            f"Mia would have {len(given) + 1} customers of {tier.name}; one person can look after {len(given)}.",
        )
        tier.capacity += 1
        reassignment.invalidate_recordset(["summary"])
        self.assertFalse(reassignment.summary)

    def test_each_condition_narrows_the_customers(self):
        self.customers[1].user_id = self.leo
        self.customers[2].user_id = False
        self.customers[3].active = False
        tier = self.card(self.customers[0]).tier_id
        last = self.customers[9]
        active = self.customers - self.customers[3]
        for values, expected in (
            ({}, active),
            ({"from_user_ids": [Command.set(self.leo.ids)]}, self.customers[1]),
            ({"without_salesperson": True}, self.customers[2]),
            (
                {"from_user_ids": [Command.set(self.leo.ids)], "without_salesperson": True},
                self.customers[1] | self.customers[2],
            ),
            ({"tier_ids": [Command.set(tier.ids)]}, self.tiers[tier] & active),
            ({"partner_domain": "[('name', '=', 'Customer 9')]"}, last),
            ({"partner_domain": "[('name', '=', 'Customer 9')]", "from_user_ids": [Command.set(self.leo.ids)]}, None),
        ):
            with self.subTest(values=values):
                reassignment = self._reassign(**values)
                if expected is None:
                    with self.assertRaisesRegex(UserError, "No customer of Tiering Company meets these conditions"):
                        reassignment.action_preview()
                else:
                    reassignment.action_preview()
                    self.assertEqual(reassignment.line_ids.partner_id, expected)

    def test_beyond_capacity_only_as_many_as_the_others_have_room_for(self):
        tier, customers = max(self.tiers.items(), key=lambda item: len(item[1]))
        self.assertGreaterEqual(len(customers), 3)
        tier.capacity = 1
        reassignment = self._reassign(beyond_capacity=True)
        reassignment.action_preview()
        self.assertEqual(reassignment.line_ids.partner_id, customers[1:])  # the one with the best score stays
        reassignment.write({"method": "team", "team_id": self.team.id})
        reassignment.action_preview()
        # Mia and Leo have room for one each, the next best; for the others there is none
        self.assertEqual(reassignment.line_ids.partner_id, customers[1:3])
        self.assertEqual(reassignment.line_ids.to_user_id, self.mia | self.leo)
        left = len(customers) - 3
        self.assertGreater(left, 0)
        self.assertIn(f"has room for more of their tier: {left}.", reassignment.summary)
        reassignment.action_apply()
        report = self.env["customer.tiering.resource.report"]
        beyond = report.search([("tier_id", "=", tier.id), ("beyond_capacity", ">", 0)])
        self.assertEqual((beyond.partner_id, beyond.user_id), (customers[3:], self.sam))
        with self.assertRaisesRegex(UserError, "Nobody in the sales team Shop has room for more"):
            self._reassign(beyond_capacity=True, method="team", team_id=self.team.id).action_preview()

    def test_sharing_out_in_a_team_is_even_in_each_tier(self):
        self._applied(method="team", team_id=self.team.id)
        for tier, customers in self.tiers.items():
            users = customers.mapped(lambda customer: customer.user_id.id)
            counts = [users.count(user.id) for user in (self.sam, self.mia, self.leo)]
            self.assertLessEqual(max(counts) - min(counts), 1, (tier.name, counts))
        with self.assertRaisesRegex(UserError, "shared out evenly already"):
            self._reassign(method="team", team_id=self.team.id).action_preview()

    def test_sharing_out_starts_from_what_everybody_has(self):
        tier, customers = max(self.tiers.items(), key=lambda item: len(item[1]))
        customers[:2].user_id = self.mia
        # of this tier Mia has 2 and Leo none: Sam's next two go to Leo
        chosen = customers[2:4]
        self._applied(
            method="team",
            team_id=self.team.id,
            from_user_ids=[Command.set(self.sam.ids)],
            partner_domain=f"[('id', 'in', {chosen.ids})]",
        )
        self.assertEqual(chosen.mapped("user_id"), self.leo, tier.name)

    def test_apply_writes_the_salesperson_and_the_chatter_and_leaves_contacts(self):
        contact = self.new_customer("Ann", parent_id=self.customers[0].id)
        self.assertEqual(contact.user_id, self.sam)  # as Odoo fills it in for a new contact
        reassignment = self._applied()
        self.assertEqual(self.customers.user_id, self.mia)
        self.assertEqual(contact.user_id, self.sam)
        self.assertEqual(reassignment.state, "applied")
        self.assertEqual(reassignment.applied_by_id, self.manager)
        self.assertEqual(set(reassignment.line_ids.mapped("state")), {"given"})
        self.assertEqual(reassignment.summary, "10 customers were given to their new salesperson.")
        for customer in self.customers:
            note = customer.message_ids.filtered(lambda message: "Salesperson" in message.body)
            self.assertEqual(note.mapped("body"), ["<span>Salesperson: Sam → Mia (Handover)</span>"])
            self.assertEqual(note.author_id, self.manager.partner_id)
        told = self.env["mail.message"].search([("subject", "=", "10 customers are yours now")])
        self.assertEqual(told.notified_partner_ids, self.mia.partner_id)

    def test_one_customer_is_told_of_as_one(self):
        reassignment = self._applied(partner_domain=f"[('id', '=', {self.customers[0].id})]")
        self.assertEqual(reassignment.summary, "1 customer was given to the new salesperson.")
        told = self.env["mail.message"].search([("subject", "=", "1 customer is yours now")])
        self.assertEqual(told.notified_partner_ids, self.mia.partner_id)
        reassignment.action_undo()
        self.assertEqual(reassignment.summary, "1 customer is back with the former salesperson.")

    def test_a_line_taken_out_or_changed_is_respected(self):
        reassignment = self._reassign()
        reassignment.action_preview()
        reassignment.line_ids[0].unlink()
        reassignment.line_ids[0].to_user_id = self.leo
        reassignment.action_apply()
        self.assertEqual([customer.user_id for customer in self.customers[:3]], [self.sam, self.leo, self.mia])

    def test_another_choice_needs_another_preview(self):
        reassignment = self._reassign()
        reassignment.action_preview()
        reassignment.name = "Other name"
        self.assertEqual(len(reassignment.line_ids), 10)
        reassignment.user_id = self.leo
        self.assertFalse(reassignment.line_ids)
        with self.assertRaisesRegex(UserError, "Preview first"):
            reassignment.action_apply()

    def test_who_changed_since_the_preview_is_left_out(self):
        reassignment = self._reassign()
        reassignment.action_preview()
        self.customers[0].user_id = self.leo
        self.customers[1].active = False
        reassignment.action_apply()
        self.assertEqual([customer.user_id for customer in self.customers[:3]], [self.leo, self.sam, self.mia])
        self.assertEqual(
            reassignment.summary,
            "8 customers were given to their new salesperson. "
            "Left out, because they changed between preview and applying: 2.",
        )
        self.customers[:2].write({"user_id": self.leo.id, "active": True})
        again = self._reassign(partner_domain=f"[('id', '=', {self.customers[0].id})]")
        again.action_preview()
        self.customers[0].user_id = self.mia
        with self.assertRaisesRegex(UserError, "another salesperson since the preview"):
            again.action_apply()

    def test_undo_restores_exactly_those_who_are_still_with_the_new_person(self):
        self.customers[0].user_id = False
        reassignment = self._applied()
        self.customers[1].user_id = self.leo
        self.customers[2].user_id = False
        reassignment.action_undo()
        self.assertEqual(
            [customer.user_id for customer in self.customers],
            [self.env["res.users"], self.leo, self.env["res.users"], *[self.sam] * 7],
        )
        self.assertEqual(reassignment.state, "undone")
        self.assertEqual(
            reassignment.summary,
            "8 customers are back with their former salesperson. "
            "Left alone, because somebody has changed the salesperson since: 2.",
        )
        self.assertEqual(reassignment.line_ids.mapped("state"), ["restored", "kept", "kept", *["restored"] * 7])
        note = self.customers[3].message_ids.filtered(lambda message: "Salesperson" in message.body)[0]
        self.assertEqual(note.body, "<span>Salesperson: Mia → Sam (Handover, undone)</span>")
        with self.assertRaisesRegex(UserError, "Only a reassignment that was applied"):
            reassignment.action_undo()

    def test_undo_when_everybody_has_changed(self):
        reassignment = self._applied()
        self.customers.user_id = self.leo
        reassignment.action_undo()
        self.assertEqual(self.customers.user_id, self.leo)
        self.assertTrue(reassignment.summary.startswith("No customer went back."))

    def _activities(self):
        customer = self.customers[0]
        contact = self.new_customer("Ann", parent_id=customer.id)
        order = self.order(contact, state="draft")
        todo = "mail.mail_activity_data_todo"
        return {
            "customer": customer.activity_schedule(todo, user_id=self.sam.id),
            "contact": contact.activity_schedule(todo, user_id=self.sam.id),
            "order": order.activity_schedule(todo, user_id=self.sam.id),
            "of Leo": customer.activity_schedule(todo, user_id=self.leo.id),
            "of nobody": customer.activity_schedule(todo, user_id=False),
        }

    def test_open_activities_of_the_old_person_move_and_come_back(self):
        activities = self._activities()
        done = self.customers[0].activity_schedule("mail.mail_activity_data_todo", user_id=self.sam.id)
        done.action_done()
        reassignment = self._applied()
        self.assertEqual(
            {key: activity.user_id.name for key, activity in activities.items()},
            {"customer": "Mia", "contact": "Mia", "order": "Mia", "of Leo": "Leo", "of nobody": False},
        )
        self.assertEqual(done.user_id, self.sam)
        self.assertEqual(reassignment.activity_count, 3)
        self.assertIn("Open activities that went along: 3.", reassignment.summary)
        activities["contact"].action_done()  # by Mia
        activities["order"].user_id = self.leo
        reassignment.action_undo()
        self.assertEqual(
            {key: activity.user_id.name for key, activity in activities.items()},
            {"customer": "Sam", "contact": "Mia", "order": "Leo", "of Leo": "Leo", "of nobody": False},
        )

    def test_activities_stay_where_they_are_when_asked(self):
        activities = self._activities()
        reassignment = self._applied(move_activities=False)
        self.assertEqual(activities["customer"].user_id, self.sam)
        activities["customer"].user_id = self.mia  # by hand: undoing is no reason to take it away
        reassignment.action_undo()
        self.assertEqual(activities["customer"].user_id, self.mia)

    def test_activities_of_another_companys_orders_stay(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        order = (
            self.env["sale.order"]
            .with_company(other)
            .create({"partner_id": self.customers[0].id, "company_id": other.id, "team_id": False})
        )
        activity = order.activity_schedule("mail.mail_activity_data_todo", user_id=self.sam.id)
        self._applied()
        self.assertEqual(self.customers[0].user_id, self.mia)
        self.assertEqual(activity.user_id, self.sam)

    def test_customers_selected_in_a_list(self):
        contact = self.new_customer("Ann", parent_id=self.customers[0].id)
        prospect = self.new_customer("Prospect")
        cards = self.card(self.customers[1])
        for records, expected in (
            (contact | prospect, self.customers[0] | prospect),
            (cards, self.customers[1]),
            (self.env["customer.tiering.resource.report"].browse(cards.ids), self.customers[1]),
        ):
            with self.subTest(model=records._name):
                reassignment = (
                    self.env["customer.tiering.reassignment"]
                    .with_user(self.manager)
                    .with_context(active_model=records._name, active_ids=records.ids)
                    .create({"user_id": self.mia.id})
                )
                reassignment.action_preview()
                self.assertEqual(reassignment.line_ids.partner_id, expected)
                self.assertTrue(reassignment.name.startswith("Reassignment of "))

    def test_people_who_cannot_get_customers(self):
        with self.assertRaisesRegex(UserError, "Choose the salesperson"):
            self._reassign(user_id=False).action_preview()
        with self.assertRaisesRegex(UserError, "Choose the sales team"):
            self._reassign(method="team").action_preview()
        self.team.member_ids = self.sam
        with self.assertRaisesRegex(UserError, "Nobody in the sales team Shop can get these customers"):
            self._reassign(
                method="team", team_id=self.team.id, from_user_ids=[Command.set(self.sam.ids)]
            ).action_preview()
        with self.assertRaisesRegex(UserError, "with that salesperson already"):
            self._reassign(self.sam).action_preview()
        # somebody leaves between preview and applying
        reassignment = self._reassign()
        reassignment.action_preview()
        self.mia.action_archive()
        with self.assertRaisesRegex(UserError, "Mia is archived"):
            reassignment.action_apply()
        self.assertEqual(self.customers.user_id, self.sam)

    def test_conditions_that_cannot_be_read(self):
        for domain in ("[('no_such_field', '=', 1)]", "[(", "[('signup_type', '!=', False)]"):
            error = r"cannot be read \((.|\n)*\)\. Choose them again"
            with self.subTest(domain=domain), self.assertRaisesRegex(UserError, error):
                self._reassign(partner_domain=domain).action_preview()

    def test_only_managers_reassign(self):
        reassignment = self._reassign()
        reassignment.action_preview()
        for user in (self.sam, self.salesperson):
            for action in ("action_preview", "action_apply", "action_undo"):
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    getattr(reassignment.with_user(user), action)()
            with self.assertRaises(AccessError), mute_logger("odoo.models"):
                reassignment.with_user(user).read(["name"])
            for model in ("customer.tiering.reassignment", "customer.tiering.reassignment.line"):
                with self.assertRaises(AccessError):
                    self.env[model].with_user(user).search([])
        self.assertEqual(self.customers.user_id, self.sam)

    def test_managers_of_another_company_see_nothing(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        stranger = self.new_user("tiering_stranger", "sales_team.group_sale_manager")
        stranger.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        reassignment = self._reassign()
        reassignment.action_preview()
        theirs = self.env(user=stranger, context={"allowed_company_ids": other.ids})
        self.assertFalse(theirs["customer.tiering.reassignment"].search([]))
        self.assertFalse(theirs["customer.tiering.reassignment.line"].search([]))
        with self.assertRaises(AccessError):
            reassignment.with_env(theirs).action_apply()
        with self.assertRaises(AccessError):
            theirs["customer.tiering.reassignment"].create({"company_id": self.company.id})

    def test_history_is_not_written_by_hand(self):
        reassignment = self._applied()
        line = reassignment.line_ids[0]
        for attempt in (
            lambda: reassignment.write({"state": "draft"}),
            lambda: reassignment.write({"user_id": self.leo.id}),
            lambda: line.write({"to_user_id": self.leo.id}),
            lambda: line.write({"state": "draft"}),
            lambda: line.unlink(),
            lambda: reassignment.unlink(),
            lambda: reassignment.action_preview(),
            lambda: reassignment.action_apply(),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                attempt()
        self.assertEqual(self._reassign(state="applied").state, "draft")
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            line.create({"reassignment_id": reassignment.id, "partner_id": line.partner_id.id})
        copy = reassignment.copy()
        self.assertEqual((copy.state, copy.line_ids.ids, copy.applied_by_id.ids), ("draft", [], []))
        copy.unlink()

    def test_the_number_of_queries_does_not_follow_the_number_of_customers(self):
        counts = []
        for customers in (self.customers[:2], self.customers[2:]):
            reassignment = self._reassign(partner_domain=f"[('id', 'in', {customers.ids})]")
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            reassignment.action_preview()
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 4, counts)
