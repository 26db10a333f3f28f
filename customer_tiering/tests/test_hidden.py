from odoo import fields
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestHidden(TieringCommon):
    """What Odoo hides of contacts and orders is hidden in all that we show.

    Ann is looked after by ``own``, who sees own documents only; Bob and Bob's orders are somebody else's. ``ruled`` and
    ``ruled_manager`` see all orders and a rule hides the contact Bob from them.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls.new_user("tiering_hidden_own", "sales_team.group_sale_salesman")
        cls.ruled = cls.new_user("tiering_hidden_ruled", "sales_team.group_sale_salesman_all_leads")
        cls.ruled_manager = cls.new_user("tiering_hidden_manager", "sales_team.group_sale_manager")
        group = cls.env["res.groups"].create({"name": "No Bob", "user_ids": (cls.ruled | cls.ruled_manager).ids})
        cls.env["ir.rule"].create(
            {
                "name": "No Bob",
                "model_id": cls.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": "[('ref', '!=', 'hidden')]",
            }
        )
        users = cls.own | cls.ruled | cls.ruled_manager
        users.write({"group_ids": [Command.link(cls.env.ref("base.group_allow_export").id)]})
        cls.ann = cls.new_customer("Ann", user_id=cls.own.id)
        cls.bob = cls.new_customer("Bob", user_id=cls.salesperson.id, ref="hidden")
        cls.order(cls.ann, 5, 100, user_id=cls.own.id)
        cls.order(cls.bob, 5, 900, user_id=cls.salesperson.id)
        today = cls.company._get_tiering_today()
        cls.compute(AS_OF)
        cls.both = cls.ann | cls.bob
        cls.fill(today)

    @classmethod
    def fill(cls, today):
        """Give both customers a row in each table."""
        cls.simulation = cls._simulate()
        tier = cls.policy.tier_ids[-1]
        cls.locks = cls.env["customer.tiering.lock"].create(
            [{"partner_id": partner.id, "tier_id": tier.id, "reason": "Why"} for partner in cls.both]
        )
        segment = cls.env["customer.segment"].search([], limit=1).id
        left = {"company_id": cls.company.id, "date": today, "from_segment_id": segment, "from_since": today}
        cls.env["customer.segment.change"].create([{**left, "partner_id": partner.id} for partner in cls.both])
        motive = cls.env["customer.tiering.motive"].search([], limit=1)
        cls.env["customer.tiering.motive.word"].create(
            [{"partner_id": partner.id, "motive_id": motive.id} for partner in cls.both]
        )
        cls.env["customer.tiering.refresh"]._add(cls.both, cls.company, "instant")
        playbook = cls.policy.playbook_ids[0]
        cls.env["customer.tiering.followup"].create(
            [
                {
                    "playbook_id": playbook.id,
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "event": "test",
                    "action": "test",
                    "date": today,
                    "state": "waiting",
                }
                for partner in cls.both
            ]
        )
        cls.reassignment = cls.env["customer.tiering.reassignment"].create(
            {"user_id": cls.manager.id, "company_id": cls.company.id, "partner_ids": cls.both.ids}
        )
        cls.reassignment.action_preview()
        lived = cls.env["customer.tiering.replay"].create({"policy_id": cls.policy.id})
        tier = cls.policy.tier_ids[0].id
        moved = {"replay_id": lived.id, "company_id": cls.company.id, "from_tier_id": tier, "to_tier_id": tier}
        lived.line_ids.create([{**moved, "partner_id": partner.id} for partner in cls.both])
        fairness = cls.env["customer.tiering.fairness"]._queue(cls.policy)
        found = {"fairness_id": fairness.id, "company_id": cls.company.id, "kind": "twins"}
        found |= {"from_tier_id": tier, "to_tier_id": tier}
        fairness.line_ids.create([{**found, "partner_id": partner.id} for partner in cls.both])
        cls.preview = (
            cls.env["customer.tiering.playbook.preview"]
            .with_user(cls.ruled_manager)
            .create({"playbook_id": playbook.id})
        )
        cls.preview.sudo().line_ids = [Command.create({"partner_id": partner.id}) for partner in cls.both]
        kind = cls.env["customer.tiering.need.kind"].search([], limit=1)
        cls.env["customer.tiering.need"].create(
            [{"partner_id": partner.id, "kind_id": kind.id, "text": "Why"} for partner in cls.both]
        )
        cls.env["customer.tiering.gap"].create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "product_id": cls.product.id,
                    "kind": "stopped",
                    "reason": "Why",
                }
                for partner in cls.both
            ]
        )
        cls.env["customer.tiering.recommendation"].create(
            [
                {"partner_id": partner.id, "company_id": cls.company.id, "product_data": cls.product.ids}
                for partner in cls.both
            ]
        )
        cls.env["customer.tiering.fall"].create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "policy_id": cls.policy.id,
                    "tier_id": tier,
                    "to_tier_id": tier,
                    "date": today,
                }
                for partner in cls.both
            ]
        )
        cls.env["customer.tiering.concession"].create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "tier_id": tier,
                    "date": today,
                    "kind": "price",
                    "reason": "earned",
                    "paper": f"sale.order,{order.id}",
                    "order_id": order.id,
                }
                for partner in cls.both
                for order in partner.sale_order_ids
            ]
        )
        cls.env["customer.tiering.check"].create(
            [
                {
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "kind": "nobody",
                    "key": str(partner.id),
                    "reason": "Why",
                }
                for partner in cls.both
            ]
        )
        cls.env["customer.tiering.occasion"].create(
            [
                {
                    "user_id": user.id,
                    "partner_id": partner.id,
                    "company_id": cls.company.id,
                    "kind": "stopped",
                    "reference": 1,
                    "part": "day",
                }
                for user in (cls.salesperson, cls.manager, cls.ruled, cls.ruled_manager, cls.own)
                for partner in (cls.ann if user == cls.own else cls.both)
            ]
        )
        cls.env["customer.tiering.pulse"].create(
            [{"partner_id": partner.id, "sign": "down", "word": "Why"} for partner in cls.both]
        )
        cls._treat_worse(today)
        cls.env["customer.tiering.former"].create(
            [
                {"partner_id": partner.id, "customer_id": partner.id, "moved_at": fields.Datetime.now()}
                for partner in cls.both
            ]
        )

    @classmethod
    def _treat_worse(cls, today):
        """Both wait for quotations which a former customer in the lowest tier got at once."""
        carl = cls.new_customer("Carl", active=False)
        highest, lowest = cls.policy.tier_ids[0], cls.policy.tier_ids[-1]
        cls.env["customer.tier.change"].create(
            [
                {
                    "partner_id": who.id,
                    "company_id": cls.company.id,
                    "date": AS_OF,
                    "to_tier_id": tier.id,
                    "direction": "new",
                    "reason": "first",
                }
                for who, tier in ((cls.ann, highest), (cls.bob, highest), (carl, lowest))
            ]
        )
        made = cls.noon(today, 20)
        orders = cls.env["sale.order"].concat(
            *(cls.order(who, when=made, state="draft", user_id=who.user_id.id) for who in 2 * list(cls.both)),
            *(cls.order(carl, when=made) for _number in range(3)),
        )
        cls.env.flush_all()
        cls.env.cr.execute("UPDATE sale_order SET create_date = %s WHERE id = ANY(%s)", [made, orders.ids])

    @classmethod
    def _simulate(cls):
        cls.policy.action_simulate()
        simulation = cls.env["customer.tiering.simulation"].search([("base_id", "=", cls.policy.id)])
        highest = simulation.draft_id.tier_ids[:-1]  # which nobody reaches any more
        simulation.draft_id.tier_ids = [
            Command.update(tier.id, {"entry_floor": 100 - place}) for place, tier in enumerate(highest)
        ]
        simulation.draft_id.action_simulation_compute()
        simulation.line_ids.unlink()
        simulation.line_ids = [
            Command.create({"company_id": cls.company.id, "partner_id": partner.id, "direction": "down"})
            for partner in cls.both
        ]
        return simulation

    def _tables(self, user):
        """The models about customers that a user may read at all."""
        for name, model in self.env.items():
            if getattr(model, "_tiering_customer", None) and not model._abstract:
                model = model.with_user(user)
                if model.has_access("read"):
                    yield name, model, model._tiering_customer

    def test_every_table_about_customers_says_so(self):
        """A new model of ours with a customer is hidden with the customer, or it is named here."""
        ours = {
            name
            for name, model in self.env.items()
            if name.startswith(("customer.tier", "customer.segment"))
            and not model._abstract
            and any(
                field.type == "many2one" and field.comodel_name == "res.partner" for field in model._fields.values()
            )
        }
        self.assertEqual(ours, {name for name in ours if getattr(self.env[name], "_tiering_customer", None)})

    def test_rows_of_hidden_customers_are_left_out_of_every_table(self):
        for user in (self.own, self.ruled, self.ruled_manager):
            seen = 0
            for name, model, fname in self._tables(user):
                with self.subTest(user=user.login, model=name):
                    domain = [(fname, "in", self.both.ids)]
                    everything = self.env[name].sudo().search(domain)
                    self.assertTrue(self.bob & everything[fname], "nothing to hide")
                    rows = model.search_read(domain, ["display_name", fname])  # a list with names does not break
                    self.assertNotIn(self.bob.id, [row[fname][0] for row in rows])
                    self.assertEqual(model.search_count([(fname, "=", self.bob.id)]), 0)
                    groups = model._read_group(domain, [fname], ["__count"])
                    self.assertNotIn(self.bob.id, [partner.id for partner, _count in groups])
                    hidden = everything.filtered(lambda row, f=fname: row[f] == self.bob).with_user(user)
                    with self.assertRaises(AccessError):
                        hidden.read([fname])
                    with self.assertRaises(AccessError):
                        hidden.export_data([f"{fname}/id"])
                    seen += len(rows)
            self.assertTrue(seen)

    def test_who_is_not_restricted_sees_all(self):
        for user in (self.salesperson, self.manager):
            for name, model, fname in self._tables(user):
                if not model._transient:
                    self.assertEqual(model.search([(fname, "in", self.both.ids)])[fname], self.both, name)

    def test_own_documents_hide_the_tier_on_the_contact_in_every_way_to_it(self):
        partners = self.env["res.partner"].with_user(self.own)
        bob = self.bob.with_user(self.own)
        self.assertTrue(bob.name)  # Odoo shows the contact
        names = ["tiering_scorecard_id", "tiering_tier_id", "tiering_score", "tiering_amount", "tiering_explanation"]
        self.assertFalse(any(bob.read(names)[0][name] for name in names))
        self.assertTrue(all(self.ann.with_user(self.own).read(names)[0][name] for name in names))
        both = [("id", "in", self.both.ids)]
        for condition in (
            ("tiering_amount", ">", 1),
            ("tiering_tier_id", "!=", False),
            ("tiering_scorecard_id.score", ">=", 0),
            ("tiering_scorecard_id", "in", self.card(self.bob).ids + self.card(self.ann).ids),
        ):
            self.assertEqual(partners.search([*both, condition]), self.ann, condition)
        groups = partners._read_group(both, ["tiering_tier_id"], ["id:recordset"])
        self.assertIn(self.bob, dict(groups)[self.env["customer.tier"]])
        self.assertEqual(partners.search(both, order="tiering_amount DESC"), self.ann | self.bob)  # 900 does not count
        self.assertFalse(bob.tiering_moved_up or bob.tiering_contact_due)

    def test_a_customer_of_nobody_is_seen_as_long_as_no_order_of_it_is_hidden(self):
        free = self.buyer("Free", 5, user_id=False)
        mixed = self.buyer("Mixed", 5)
        self.env["sale.order"].search([("partner_id", "=", free.id)]).user_id = self.own
        self.order(mixed, 6, 50, user_id=self.salesperson.id)
        self.compute()
        cards = self.env["customer.tiering.scorecard"].with_user(self.own)
        self.assertEqual(cards.search([("partner_id", "in", (free | mixed).ids)]).partner_id, free)
        mixed.user_id = self.own  # who looks after a customer may know what colleagues sell there
        self.assertEqual(cards.search([("partner_id", "=", mixed.id)]).partner_id, mixed)

    def test_a_contact_of_another_company_is_hidden_with_its_history(self):
        other = self.env["res.company"].create({"name": "Other Company"})
        self.ann.company_id = other
        cards = self.env["customer.tiering.scorecard"].with_user(self.salesperson)
        self.assertEqual(cards.search([("partner_id", "in", self.both.ids)]).partner_id, self.bob)
        with self.assertRaises(AccessError):
            self.card(self.ann).with_user(self.salesperson).read(["score"])

    def test_prices_do_not_depend_on_who_looks(self):
        self.env["res.config.settings"].create({"group_product_pricelist": True}).execute()
        pricelist = self.env["product.pricelist"].create({"name": "Best"})
        self.card(self.bob).tier_id.pricelist_id = pricelist
        bob = self.bob.with_user(self.own)
        self.assertEqual(bob.property_product_pricelist, pricelist)
        self.assertFalse(bob.tiering_price_source)  # it names the tier

    def test_what_one_person_saw_is_not_shown_to_another_in_the_same_transaction(self):
        paper = self.order(self.bob, state="draft")
        for record, fname in ((paper, "tiering_customer_tier_id"), (self.bob, "tiering_contact_due")):
            self.assertTrue(record.with_user(self.salesperson)[fname], fname)
            self.assertFalse(record.with_user(self.ruled)[fname], fname)

    def test_what_a_policy_would_compute_is_told_of_those_who_are_seen(self):
        for user, customers in ((self.ruled_manager, self.ann), (self.manager, self.both)):
            policy = self.policy.with_user(user)
            self.assertEqual({row["partner_id"] for row in policy.compute(AS_OF)}, set(customers.ids))
            self.assertEqual(policy.population_count, len(customers))

    def test_a_hidden_customer_is_not_locked(self):
        with self.assertRaises(AccessError):
            self.env["customer.tiering.lock"].with_user(self.ruled_manager).create(
                {"partner_id": self.bob.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Why"}
            )

    def test_the_simulation_of_a_restricted_manager_tells_nothing_of_hidden_customers(self):
        draft = self.simulation.draft_id
        self.assertTrue(draft.with_user(self.manager).simulation_result)
        self.assertFalse(draft.with_user(self.ruled_manager).simulation_result)
        self.assertEqual(draft.with_user(self.ruled_manager).simulation_state, "done")
        # Bob is hidden, so the numbers of all customers are, too.
        self.assertIn("may not see", draft.with_user(self.ruled_manager).simulation_hint)
        with self.assertRaises(AccessError):
            self.simulation.with_user(self.ruled_manager).read(["result"])

    def test_who_is_not_restricted_pays_nothing(self):
        """No condition and no query more, neither for a list nor for a record."""
        everywhere = self.env["res.company"].search([]).ids
        for user in (self.salesperson, self.manager):
            user.company_ids = everywhere
            env = self.env(user=user, context={"allowed_company_ids": everywhere})
            for name, _model, _fname in self._tables(user):
                self.assertTrue(env["ir.rule"]._get_tiering_domain(name).is_true(), name)

    def test_a_restricted_list_takes_as_many_queries(self):
        cards = self.env["customer.tiering.scorecard"].with_user(self.ruled)
        cards.search([])
        with self.assertQueryCount(1):
            cards.search([])
