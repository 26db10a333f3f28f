import json

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import tagged

from ..fields import DerivedMany2one
from .common import AS_OF, TieringCommon

SECRET = 7123.45


@tagged("post_install", "-at_install")
class TestForged(TieringCommon):
    """What a client says of computed fields: typed, saved, as a default, in lines, in records within records.

    Ann is looked after by ``own``, who sees own documents only and may write contacts. Bob is a colleague's, and Ann
    buys in another company, too, in which ``own`` does not work.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own = cls.new_user("attack_own", "sales_team.group_sale_salesman,base.group_partner_manager")
        cls.ann = cls.new_customer("Ann", user_id=cls.own.id)
        cls.bob = cls.new_customer("Bob", user_id=cls.salesperson.id)
        cls.order(cls.ann, 5, 100, user_id=cls.own.id)
        cls.order(cls.bob, 5, SECRET, user_id=cls.salesperson.id)
        cls.paper = cls.order(cls.ann, state="draft", user_id=cls.own.id)
        cls.compute()
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.env.user.company_ids |= cls.other
        cls.order(cls.ann, 3, SECRET, company_id=cls.other.id, user_id=False)
        theirs = cls.other.with_context(allowed_company_ids=cls.other.ids).tiering_policy_ids
        theirs.tier_ids.name = "ZQTIER"
        cls.compute(policy=theirs)
        cls.foreign = cls.card(cls.ann, cls.other)
        cls.secrets = cls.card(cls.bob) | cls.foreign
        cls.env.flush_all()

    def ask(self, model, name, *args, **context):
        """Call a method as ``own`` does from a browser; return the answer as text. What it did is taken back."""
        context = {"allowed_company_ids": self.company.ids, **context}
        env = self.env(user=self.own, context=context)
        savepoint = self.env.cr.savepoint()
        try:
            return json.dumps(call_kw(env[model], name, list(args), {"context": context}), default=str)
        except AccessError as error:
            return str(error)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all(flush=False)

    def test_no_scorecard_is_taken_from_a_client(self):
        shown = {"tiering_amount": {}, "tiering_score": {}, "tiering_price_source": {}}
        on_paper = {
            "tiering_customer_tier_id": {"fields": {"display_name": {}}},
            "tiering_customer_notice": {},
            "tiering_customer_risk": {},
        }
        card = "tiering_customer_card_id"
        for secret in self.secrets.ids:
            for fname in ("tiering_scorecard_id", "tiering_unfiltered_card_id"):
                within = {"id": self.ann.id, fname: secret}
                line = [[0, "virtual_1", {"name": "Eve", fname: secret}]]
                for call in (
                    ("res.partner", "web_save", self.ann.ids, {fname: secret}, shown),
                    ("res.partner", "web_save", [], {"name": "Eve", fname: secret}, shown),
                    ("res.partner", "onchange", [], {fname: secret}, [], shown),
                    ("res.partner", "onchange", [], {fname: secret}, [fname], shown),
                    ("res.partner", "onchange", [], {"child_ids": line}, [], {"child_ids": {"fields": shown}}),
                    ("calendar.event", "onchange", [], {"partner_ids": line}, [], {"partner_ids": {"fields": shown}}),
                    ("sale.order", "onchange", [], {"partner_id": within}, [], {"partner_id": {"fields": shown}}),
                ):
                    with self.subTest(call=call):
                        self.assertNotIn(str(SECRET), self.ask(*call))
                with self.subTest(default=fname):
                    found = self.ask("res.partner", "onchange", [], {}, [], shown, **{f"default_{fname}": secret})
                    self.assertNotIn(str(SECRET), found)
            tier = self.secrets.browse(secret).tier_id
            known = self.card(self.ann).tier_id
            self.assertNotEqual(tier, known)
            for call in (
                ("web_save", self.paper.ids, {card: secret}, on_paper),
                ("web_save", [], {"partner_id": self.ann.id, card: secret}, on_paper),
                ("onchange", [], {card: secret}, [], on_paper),
                ("onchange", [], {"partner_id": {"id": self.ann.id, "tiering_scorecard_id": secret}}, [], on_paper),
            ):
                with self.subTest(call=call):
                    self.assertNotIn(tier.name, self.ask("sale.order", *call))
            with self.subTest(default=card):
                found = self.ask("sale.order", "onchange", [], {}, [], on_paper, **{f"default_{card}": secret})
                self.assertNotIn(tier.name, found)

    def test_no_tier_is_taken_from_a_client(self):
        """The prices' source names the tier."""
        self.env["res.config.settings"].create({"group_product_pricelist": True}).execute()
        self.card(self.ann).tier_id.pricelist_id = self.env["product.pricelist"].create({"name": "Best"})
        shown = {"tiering_price_source": {}}
        self.assertIn("From the", self.ask("res.partner", "web_read", self.ann.ids, shown))
        found = self.ask("res.partner", "web_save", self.ann.ids, {"tiering_tier_id": self.foreign.tier_id.id}, shown)
        self.assertNotIn("ZQTIER", found)

    def test_what_is_true_is_shown_after_saving(self):
        shown = {"tiering_amount": {}}
        self.assertIn("100.0", self.ask("res.partner", "web_save", self.ann.ids, {"name": "Anna"}, shown))
        shown = {"tiering_customer_card_id": {}}
        found = self.ask("sale.order", "web_save", self.paper.ids, {"client_order_ref": "Ref"}, shown)
        self.assertIn(str(self.card(self.ann).id), found)

    def test_every_record_that_is_computed_is_the_computations_own(self):
        """Where people may write, and the records that are computed may be hidden from them."""
        found, open_ones = set(), set()
        access = self.env["ir.model.access"].sudo()
        for name, model in self.env.items():
            for field in model._fields.values():
                if (
                    field.type == "many2one"
                    and field.compute
                    and not (field.store or field.inverse or model._abstract)
                    and field.comodel_name.startswith("customer.tier")
                ):
                    domain = [("model_id.model", "=", name), "|", ("perm_write", "=", True), ("perm_create", "=", True)]
                    if access.search_count(domain, limit=1):
                        found.add(str(field))
                        if not isinstance(field, DerivedMany2one):
                            open_ones.add(str(field))
        self.assertIn("customer.tiering.policy.last_run_id", found)
        self.assertFalse(open_ones)

    def test_a_form_names_no_customer_who_is_hidden(self):
        """Odoo's answer to a form that is opened names the records that the client has sent."""
        self.bob.company_id = self.other
        self.env.flush_all()
        name = "Bob"
        for model in ("customer.tiering.need", "customer.tiering.pulse", "customer.tiering.motive.word"):
            shown = {"partner_id": {"fields": {"display_name": {}}}}
            for sent in (self.bob.id, {"id": self.bob.id}):
                for changed in ([], ["partner_id"]):
                    with self.subTest(model=model, sent=sent, changed=changed):
                        found = self.ask(model, "onchange", [], {"partner_id": sent}, changed, shown)
                        self.assertNotIn(name, found)
            with self.subTest(model=model):
                found = self.ask(model, "onchange", [], {}, [], shown, default_partner_id=self.bob.id)
                self.assertNotIn(name, found)
                self.assertIn("Ann", self.ask(model, "onchange", [], {"partner_id": self.ann.id}, [], shown))

    def test_nobody_says_in_which_tier_a_customer_was(self):
        """A tier that does not exist would keep everybody from the list, and one of another company could not go."""
        orders = self.env["sale.order"].with_user(self.own)
        said = {"tiering_tier_id": 999_999_999, "tiering_tier_filled": True}
        mine = orders.browse(self.paper.id)
        mine.write({**said, "client_order_ref": "Ref"})
        ways = mine | mine.copy(said) | orders.create({"partner_id": self.ann.id, **said})
        ways |= orders.with_context(default_tiering_tier_id=999_999_999).create({"partner_id": self.ann.id})
        self.env.flush_all()
        self.assertEqual(mine.client_order_ref, "Ref")
        self.assertFalse(ways.tiering_tier_id or any(ways.mapped("tiering_tier_filled")))
        mine.action_confirm()
        self.assertEqual(mine.tiering_tier_id, self.card(self.ann).tier_id)
        biller = self.new_user("attack_biller", "account.group_account_invoice,sales_team.group_sale_salesman")
        values = {"move_type": "out_invoice", "partner_id": self.ann.id, "tiering_tier_id": 999_999_999}
        self.accounting()
        invoice = self.env["account.move"].with_user(biller).create(values)
        self.assertFalse(invoice.tiering_tier_id)


@tagged("post_install", "-at_install")
class TestBounds(TieringCommon):
    """What is asked for of the wrong kind, or too much of it, is answered, and costs no more than what is right."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 5)
        cls.compute()
        cls.paper = cls.order(cls.ann, amount=100, state="draft")
        cls.draft = cls.env["customer.tiering.draft"].with_user(cls.salesperson)

    def test_a_form_with_values_of_the_wrong_kind(self):
        right = self.draft._get_values(self.paper)
        wrong = (
            "x",
            [1, 2],
            {"a": 1},
            10**400,
            -1,
            float("nan"),
            float("inf"),
            1e308,
            True,
            [None],
            [{"price_unit": "x"}],
        )
        for fname in right:
            for value in wrong:
                with self.subTest(fname=fname, value=value):
                    found = self.draft.get_effect(self.paper.id, {**right, fname: value})
                    self.assertTrue(found is False or found["text"])
        for fname in right["lines"][0]:
            for value in wrong:
                with self.subTest(line=fname, value=value):
                    line = {**right["lines"][0], fname: value}
                    self.assertTrue(self.draft.get_effect(self.paper.id, {**right, "lines": [line]})["text"])
        for form in ("x", [1], 5, [[1]]):
            with self.subTest(form=form):
                self.assertFalse(self.draft.get_effect(self.paper.id, form))
        for order_id in ("x", [self.paper.id], {"a": 1}, 10**400, -1, 1.5, True):
            with self.subTest(order_id=order_id):
                self.assertFalse(self.draft.get_effect(order_id, right))

    def test_a_long_quotation_asks_for_no_price_of_each_line(self):
        self.env["res.config.settings"].create({"group_product_pricelist": True}).execute()
        discount = Command.create({"compute_price": "percentage", "percent_price": 10})
        self.policy.tier_ids.pricelist_id = self.env["product.pricelist"].create(
            {"name": "Less", "company_id": self.company.id, "sequence": 99, "item_ids": [discount]}
        )
        self.product.list_price = 100
        right = self.draft._get_values(self.paper) | {"pricelist_id": False}
        (line,) = right["lines"]
        tier = self.policy.tier_ids[0]

        def get_saving(lines):
            return self.draft.with_company(self.company)._get_saving(
                self.company, self.ann, tier, {**right, "lines": lines}
            )

        self.assertEqual(get_saving([line]), 10)  # 10 % of 100
        self.assertEqual(get_saving(200 * [line]), 2_000)
        self.assertEqual(get_saving(201 * [line]), 0)  # of so many, nothing is told
        get_saving([line])  # all that is read once
        before = self.env.cr.sql_log_count
        get_saving([line])
        one = self.env.cr.sql_log_count - before
        get_saving(200 * [line])
        self.assertLessEqual(self.env.cr.sql_log_count - before - one, one)

    def test_days_beyond_all_calendars(self):
        moves = self.env["customer.tiering.moves.report"].with_user(self.salesperson)
        self.assertTrue(moves.get_data("tier", "0001-01-01", str(AS_OF))["rows"])
        card = self.card(self.ann).with_user(self.salesperson)
        self.assertTrue(card.action_tiering_purchases("0001-01-01", "9999-12-31")["domain"])
        for days in (("x", "y"), (5, None)):
            with self.subTest(days=days), self.assertRaisesRegex(UserError, "Choose both days"):
                card.action_tiering_purchases(*days)
