import time
from datetime import timedelta

import psycopg2

from odoo import fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import freeze_time, new_test_user, tagged
from odoo.tools import mute_logger

from ..filters import MOST_CHARACTERS
from .common import AS_OF, TieringCommon

# What people, and clients, can send for a field of each type.
STRANGE = {
    "char": (
        "\0",
        "{{ " * 20_000,
        "=cmd()|' /C calc'!A0",
        "%s %(x)s {0}",
        "<script>alert(1)</script>",
        "\ud800",
        "é" * 9000,
    ),
    "integer": (-(2**40), 2**31, 2**31 - 1, -1, "abc", 40_000),
    "float": (float("inf"), float("-inf"), float("nan"), 1e300, -1e9, "abc"),
    "json": (True, [[True] * 5] * 5, [[1.0] * 5] * 5, "x", [[[]]], {"a": "b" * 50_000}),
    "selection": ("no such choice", 7),
    "date": ("0001-01-01", "9999-12-31", "yesterday"),
    "boolean": ("x",),
}
STRANGE |= {"text": STRANGE["char"], "html": STRANGE["char"], "monetary": STRANGE["float"]}
FILTERS = (
    "[('id', '=', 'abc')]",
    "[('name', '=', 'a\\x00b')]",
    "[('name', '=', 'a\0b')]",
    "-" * 20_000,
    "-" * 9_000 + "1",
    "[" * 9_000,
    "1" + "+1" * 4_900,
    "[('credit_limit', '>', 10**400)]",
    "[('create_date', '>', 'yesterday at noon')]",
    "[('no_such_field', '=', 1)]",
    "[('id.name.x', '=', 1)]",
    "[('user_id', 'any', 7)]",
    "[('name', 'no operator', 1)]",
    "{}",
    "7",
    "__import__('os')",
    "[('name', '=', None), '|']",
)
HARMLESS = (
    "[" + "'!'," * 2_000 + "('id', '=', 1)]",
    "[('id', '=', 1e400)]",
    "[('id', '=', 99999999999999999999)]",
)
REFUSALS = (UserError, psycopg2.IntegrityError)  # the latter with the sentence of the constraint, for who calls by RPC


@tagged("post_install", "-at_install")
class TestTyped(TieringCommon):
    """Whatever is typed is saved, or refused with a sentence, in a moment; and the next run goes on."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.who = cls.buyer("Ann", 5)
        cls.compute()

    def _try(self, records, vals):
        """Write as a manager; what was saved is taken back. Return whether it was."""
        started = time.thread_time()
        try:
            with self.env.cr.savepoint():
                records.with_user(self.manager).write(vals)
                self.env.flush_all()
                raise _SavedError
        except _SavedError:
            return True
        except REFUSALS:
            return False
        finally:
            self.env.invalidate_all(flush=False)
            self.assertLess(time.thread_time() - started, 1, str(vals)[:200])

    @mute_logger("odoo.sql_db", "odoo.models")
    def test_every_field_takes_or_refuses_every_value(self):
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.who.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Why"}
        )
        own = (
            self.env["customer.tiering.metric"]
            .with_user(self.manager)
            .create({"name": "Own", "origin": "ratio", "part_column": "amount", "whole_column": "order_count"})
        )
        tier = self.policy.tier_ids[0]
        condition = self.env["customer.tier.condition"].create({"tier_id": tier.id, "value": 1})
        playbook = self.policy.playbook_ids[0]
        reassignment = self.env["customer.tiering.reassignment"].create({"company_id": self.company.id})
        segment = self.env["customer.segment"].create({"name": "Own", "code": "own"})
        tried = 0
        for record in (
            *(self.policy, tier, self.policy.criterion_ids[0], condition, playbook, playbook.step_ids[0]),
            *(lock, own, reassignment, segment),
        ):
            for fname, field in record._fields.items():
                if fname in models.MAGIC_COLUMNS or field.related or not (field.store or field.inverse):
                    continue
                for value in STRANGE.get(field.type, ()):
                    with self.subTest(model=record._name, field=fname, value=str(value)[:30]):
                        self._try(record, {fname: value})
                        tried += 1
        self.assertGreater(tried, 400)

    @mute_logger("odoo.sql_db")
    def test_a_filter_that_cannot_run_is_refused_in_a_sentence(self):
        for text in FILTERS:
            with self.subTest(filter=text[:40]):
                self.assertFalse(self._try(self.policy, {"partner_domain": text}))
                with self.assertRaises(ValidationError), self.env.cr.savepoint():
                    self.policy.with_user(self.manager).copy({"partner_domain": text})
                draft = self.policy.with_user(self.manager).new({"partner_domain": text}, origin=self.policy)
                self.assertEqual(draft.population_count, 1)  # the form shows that it stays as it is
        for text in HARMLESS:
            with self.subTest(filter=text[:40]):
                policy = self.policy.with_user(self.manager).copy({"partner_domain": text, "sequence": 1})
                self.assertEqual(self.compute(policy=policy.sudo()).customer_count, 0)
        reassignment = self.env["customer.tiering.reassignment"].with_user(self.manager)
        for text in FILTERS:
            with self.subTest(reassignment=text[:40]), self.assertRaises(UserError), self.env.cr.savepoint():
                reassignment.create({"partner_domain": text, "user_id": self.salesperson.id}).action_preview()

    @mute_logger("odoo.sql_db", "odoo.addons.customer_tiering.models.customer_tiering_run")
    def test_a_filter_that_was_saved_before_stops_only_its_policy(self):
        firms = self.other_policy()
        firm = self.buyer("Firm", 5, is_company=True)
        self.compute(policy=firms)
        for text in ("[('id', '=', 'abc')]", "[('name', '=', 'a\\x00b')]", "-" * 9_000):
            self.env.flush_all()
            self.env.cr.execute(
                "UPDATE customer_tiering_policy SET partner_domain = %s WHERE id = %s", [text, firms.id]
            )
            self.env.invalidate_all(flush=False)
            self.assertEqual(self.compute().state, "done")
            self.assertEqual(self.card(firm).policy_id, firms)  # stays as it is
            refused = self.assertRaisesRegex(UserError, "The customer filter of policy “Firms” cannot be read any more")
            with refused, self.env.cr.savepoint():
                self.compute(policy=firms)
            self.assertEqual(firms.with_user(self.manager).population_count, 1)  # the form opens

    def test_a_long_filter_names_its_length(self):
        text = "[('name', 'in', [%s])]" % ", ".join(f"'{number}'" for number in range(MOST_CHARACTERS // 5))
        self.assertRefused(r"cannot be read \(\d+ > 10000\)|too long", {"partner_domain": text})

    def test_translations_are_judged_as_well(self):
        step = self.policy.playbook_ids[0].step_ids[0].with_user(self.manager)
        with self.assertRaises(ValidationError):
            step.update_field_translations("summary", {"en_US": "{{ " * 20_000})

    def test_the_time_of_the_run_is_a_time(self):
        settings = self.env["res.config.settings"].create({})
        for hour in (float("inf"), float("nan"), -1, 24):
            with self.assertRaises(UserError):
                settings.tiering_hour = hour


class _SavedError(Exception):
    """What a test takes back."""


@tagged("post_install", "-at_install")
class TestDoors(TieringCommon):
    """Who may do what is judged before anything is done, and no client can say otherwise."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.who = cls.buyer("Ann", 5, 40)
        cls.compute()
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.stranger = new_test_user(
            cls.env,
            "tiering_doors_stranger",
            "sales_team.group_sale_manager",
            company_id=cls.other.id,
            company_ids=[Command.set(cls.other.ids)],
        )
        cls.colleague = cls.new_user("tiering_doors_colleague", "sales_team.group_sale_manager")

    def test_dialogs_belong_to_who_opened_them(self):
        mine = {}
        as_manager = self.env(user=self.manager)
        policy = self.policy.with_env(as_manager)
        with freeze_time(self.noon(AS_OF)):
            mine["advisor"] = as_manager["customer.tiering.advisor"].browse(policy.action_advise()["res_id"])
            mine["backtest"] = as_manager["customer.tiering.backtest"].browse(policy.action_test_warning()["res_id"])
            preview = policy.playbook_ids[0].action_preview()
        mine["preview"] = as_manager["customer.tiering.playbook.preview"].browse(preview["res_id"])
        mine["lock"] = as_manager["customer.tiering.lock.wizard"].create({"partner_ids": self.who.ids, "reason": "Why"})
        mine["line"] = mine["advisor"].line_ids[0]
        for user in (self.colleague, self.stranger):
            for name, dialog in mine.items():
                theirs = dialog.with_env(self.env(user=user, context={"allowed_company_ids": user.company_ids.ids}))
                with self.subTest(user=user.login, dialog=name):
                    self.assertFalse(theirs.search([("id", "=", dialog.id)]))
                    for call in (lambda d=theirs: d.read(["display_name"]), lambda d=theirs: d.write({})):
                        with self.assertRaises(AccessError):
                            call()
        with self.assertRaises(AccessError):
            mine["lock"].with_user(self.colleague).partner_ids = [Command.clear()]
        with self.assertRaises(AccessError):
            mine["line"].with_user(self.colleague).action_accept()
        # Proposals are not written by those who accept them either, nor put into somebody's dialog.
        with self.assertRaises(AccessError):
            mine["line"].values = {"window_days": 7}
        with self.assertRaises(AccessError):
            as_manager["customer.tiering.advisor.line"].create({"advisor_id": mine["advisor"].id, "kind": "window"})
        window = mine["advisor"].line_ids.filtered(lambda line: line.kind == "window")
        (window or mine["line"]).action_accept()

    def test_advice_for_other_tiers_is_not_accepted(self):
        advice = self.env["customer.tiering.advisor"].create({"policy_id": self.policy.id})
        line = {"advisor_id": advice.id, "kind": "floors", "title": "x", "values": {"floors": [50, 0]}}
        line = self.env["customer.tiering.advisor.line"].create(line)
        with self.assertRaisesRegex(UserError, "has other tiers now"):
            line.action_accept()

    def test_ended_locks_are_left_alone(self):
        self.policy.post_changes = True
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.who.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Why"}
        )
        lock.action_end()
        messages = self.who.message_ids
        with self.assertRaises(AccessError):
            lock.with_user(self.salesperson).action_end()
        lock.with_user(self.manager).action_end()
        self.assertEqual(self.who.message_ids, messages)

    def test_who_ended_a_lock_is_not_written_by_hand(self):
        lock = self.env["customer.tiering.lock"].with_user(self.manager)
        values = {"partner_id": self.who.id, "tier_id": self.policy.tier_ids[0].id, "reason": "Why"}
        forged = {"ended_by_id": self.salesperson.id, "ended_on": "2020-01-01 00:00:00"}
        lock = lock.with_context(default_ended_by_id=self.salesperson.id).create({**values, **forged})
        self.assertFalse(lock.ended_by_id or lock.ended_on)
        for vals in (forged, {"active": False, **forged}):
            with self.assertRaisesRegex(UserError, "not written by hand"):
                lock.write(vals)
        lock.action_end()
        self.assertEqual(lock.ended_by_id, self.manager)

    def test_simulations_are_begun_by_their_button(self):
        manager = self.env(user=self.manager)
        policies = manager["customer.tiering.policy"]
        tier = self.policy.tier_ids[0].with_env(manager)
        for forged in (
            lambda: policies.create({"name": "x", "partner_domain": "[('id', '=', 1)]", "is_simulation": True}),
            lambda: self.policy.with_env(manager).copy({"is_simulation": True}),
            lambda: setattr(self.policy.with_env(manager), "is_simulation", True),
            lambda: setattr(tier, "origin_id", self.policy.tier_ids[1]),
            lambda: tier.copy({"entry_floor": 99, "origin_id": tier.id}),
        ):
            with self.assertRaises(UserError), self.env.cr.savepoint():
                forged()
        copied = self.policy.with_env(manager).with_context(default_is_simulation=True).copy()
        self.assertFalse(copied.is_simulation)
        self.policy.with_env(manager).action_simulate()
        simulation = manager["customer.tiering.simulation"].search([("base_id", "=", self.policy.id)])
        self.assertEqual(simulation.draft_id.tier_ids.origin_id, self.policy.tier_ids)
        self.assertEqual(simulation.draft_id.create_uid, self.manager)

    def test_no_flag_of_the_context_saves_what_would_be_refused(self):
        tier = self.policy.tier_ids[-1].with_user(self.manager)
        for flag in ("tiering_policy_in_progress", "tiering_simulation", "tiering_discard", "install_mode"):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                tier.with_context(**{flag: True}).entry_floor = 5

    def test_a_policy_with_history_is_refused_before_anything_is_held(self):
        self.env.invalidate_all()
        before = self.env["customer.tiering.scorecard"].search_count([("policy_id", "=", self.policy.id)])
        statements = []
        cursor_execute = type(self.env.cr).execute

        def execute(cr, query, *args, **kwargs):
            statements.append(str(getattr(query, "code", query)))
            return cursor_execute(cr, query, *args, **kwargs)

        self.patch(type(self.env.cr), "execute", execute)
        for policy in (self.policy.with_user(self.salesperson), self.policy.with_user(self.manager)):
            with self.assertRaises(UserError):
                policy.unlink()
        self.assertFalse(
            [text for text in statements if "pg_try_advisory" in text or text.strip().startswith("DELETE")]
        )
        self.assertEqual(
            self.env["customer.tiering.scorecard"].search_count([("policy_id", "=", self.policy.id)]), before
        )

    def test_playbooks_are_switched_on_by_their_button(self):
        playbook = self.policy.playbook_ids[0].with_user(self.manager)
        for vals in ({"enabled": True, "enabled_since": "2999-01-01"}, {"enabled_since": "2020-01-01"}):
            with self.assertRaises(UserError):
                playbook.write(vals)
            with self.assertRaises(UserError):
                playbook.copy(vals)
        playbook.action_enable()
        self.assertEqual(playbook.enabled_since, self.company._get_tiering_today())

    def test_the_past_begins_somewhere(self):
        for day in ("0001-01-01", "1677-01-01", "x", 7, None, "2999-01-01"):
            with self.assertRaises(UserError):
                self.policy.with_user(self.manager).compute(day)

    def test_a_client_names_no_other_model_to_lock(self):
        wizard = self.env["customer.tiering.lock.wizard"].with_user(self.manager)
        for model in ("res.users", "ir.rule", "no.such.model"):
            self.assertNotIn("partner_ids", wizard.with_context(active_model=model, active_ids=[1]).default_get([]))


@tagged("post_install", "-at_install")
class TestFilterRights(TieringCommon):
    """A filter finds no more than its author may see: typed, saved and run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env["res.company"].create({"name": "Other Company"})
        cls.ann = cls.buyer("Ann", 5)
        cls.bob = cls.buyer("Bob", 5)
        order = cls.env["sale.order"].with_context(allowed_company_ids=[cls.other.id, cls.company.id])
        order.with_company(cls.other).create(
            {
                "partner_id": cls.bob.id,
                "company_id": cls.other.id,
                "order_line": [
                    Command.create({"product_id": cls.product.id, "product_uom_qty": 1, "price_unit": 7777})
                ],
            }
        )
        cls.rich = "[('sale_order_ids.amount_total', '>=', 5000)]"  # orders of a company that is not the manager's

    def test_what_is_typed_is_counted_as_the_person(self):
        policy = self.env["customer.tiering.policy"].with_user(self.manager)
        for text, count in ((self.rich, 0), ("[('sale_order_ids.amount_total', '>=', 50)]", 2)):
            draft = policy.new({"name": "x", "company_id": self.company.id, "partner_domain": text, "sequence": 1})
            self.assertEqual(draft.population_count, count)

    def test_nothing_is_counted_in_a_company_that_is_not_theirs(self):
        policy = self.env["customer.tiering.policy"].with_user(self.manager)
        draft = policy.new({"name": "x", "company_id": self.other.id, "partner_domain": "[]"})
        self.assertEqual((draft.population_count, draft.unmatched_count), (0, 0))

    def test_what_is_saved_finds_no_more_when_it_runs(self):
        policy = self.policy.with_user(self.manager).copy({"partner_domain": self.rich, "name": "Rich", "sequence": 1})
        self.assertEqual(policy.filter_author_id, self.manager)
        self.assertEqual(self.compute(policy=policy.sudo()).customer_count, 0)
        self.assertEqual(policy.sudo().population_count, 0)
        policy.partner_domain = "[('sale_order_ids.amount_total', '>=', 50)]"
        self.assertEqual(self.compute(policy=policy.sudo()).customer_count, 2)

    def test_nobody_makes_somebody_else_the_author(self):
        policy = self.policy.with_user(self.manager)
        copy = policy.copy({"partner_domain": self.rich, "filter_author_id": self.env.ref("base.user_root").id})
        self.assertEqual(copy.filter_author_id, self.manager)
        copy.write({"filter_author_id": self.env.ref("base.user_root").id})
        self.assertEqual(copy.filter_author_id, self.manager)

    def test_from_whom_contacts_are_hidden_cannot_ask_for_them(self):
        group = self.env["res.groups"].create({"name": "No Bob", "user_ids": self.manager.ids})
        self.env["ir.rule"].create(
            {
                "name": "No Bob",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": group.ids,
                "domain_force": f"[('id', '!=', {self.bob.id})]",
            }
        )
        self.assertRefused("Some contacts are hidden from you", {"partner_domain": "[('name', '=', 'Bob')]"})
        self.assertEqual(self.policy.with_user(self.manager).population_count, 1)
        self.policy.with_user(self.manager).window_days = 180  # the rest is theirs to change

    def test_a_plain_filter_costs_a_run_nothing(self):
        policy = self.policy.with_user(self.manager).copy(
            {"partner_domain": "[('is_company', '=', False)]", "name": "People", "sequence": 1}
        )
        claim = policy._get_claim()
        with self.assertQueryCount(0):
            again = policy._get_claim()
        self.assertEqual(list(again), list(claim))
        self.assertEqual(self.compute(policy=policy.sudo()).customer_count, 2)


@tagged("post_install", "-at_install")
class TestNames(TieringCommon):
    """Names in notes and notices are made for the reader."""

    def test_a_note_names_contacts_to_those_who_may_see_them(self):
        stray = self.new_customer("Secret")
        self.order(stray, 5)
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET commercial_partner_id = NULL WHERE id = %s", [stray.id])
        self.env.invalidate_all()
        run = self.compute()
        self.env["ir.rule"].create(
            {
                "name": "No Secret",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "groups": self.env.ref("sales_team.group_sale_salesman").ids,
                "domain_force": f"[('id', '!=', {stray.id})]",
            }
        )
        self.assertIn("Secret", run.hints)
        self.assertNotIn("Secret", run.note or "")
        hints = run.with_user(self.salesperson).hints
        self.assertIn("count for nobody: 1", hints)
        self.assertNotIn("Secret", hints)
        self.assertIn("1 more", hints)

    def test_restored_customers_have_their_day_in_the_companys_calendar(self):
        """At 23:30 UTC it is tomorrow in Auckland already."""
        self.company.partner_id.tz = "Pacific/Auckland"
        who = self.buyer("Ann", 5)
        self.compute()
        who.active = False
        self.compute()
        with freeze_time("2026-07-01 23:30:00"):
            who.active = True
        change = self.changes(who)[0]
        self.assertEqual((change.reason, change.date), ("restored", fields.Date.to_date("2026-07-02")))


@tagged("post_install", "-at_install")
class TestText(TieringCommon):
    """Text stays text, wherever a name or a reason is shown: no markup, no formula, no placeholder of another text."""

    NASTY = "=1+1 <script>alert('x')</script> {{ customer }} %s %(customer)s {0}"
    ESCAPED = "=1+1 &lt;script&gt;"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.who = cls.buyer(f"{cls.NASTY} who", 5, user_id=cls.salesperson.id)
        cls.policy.write({"name": f"{cls.NASTY} policy", "post_changes": True})
        cls.policy.tier_ids = [
            Command.update(tier.id, {"name": f"{cls.NASTY} tier {tier.sequence}", "description": cls.NASTY})
            for tier in cls.policy.tier_ids
        ]
        cls.env["customer.segment"].search([]).write({"name": cls.NASTY})
        cls.compute()

    def assertIsText(self, bodies):  # noqa: N802 - like unittest's own
        self.assertTrue(bodies)
        for body in map(str, bodies):
            self.assertIn(self.ESCAPED, body)
            self.assertNotIn("<script", body)
            self.assertIn("{{ customer }} %s %(customer)s {0}", body)

    def test_notes_in_the_chatter(self):
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.who.id, "tier_id": self.policy.tier_ids[0].id, "reason": self.NASTY, "mode": "fixed"}
        )
        self.assertIsText(self.who.message_ids[:1].mapped("body"))
        lock.action_end()
        self.compute(AS_OF + timedelta(days=150))  # falls
        notes = self.who.message_ids.filtered(lambda message: "→" in message.body)
        self.assertIsText(notes.mapped("body"))

    def test_notices_and_reassignments(self):
        self.env["customer.tiering.lock"].create(
            {"partner_id": self.who.id, "tier_id": self.policy.tier_ids[0].id, "reason": "x"}
        ).with_user(self.manager).sudo().user_id = self.manager
        reassignment = self.env["customer.tiering.reassignment"].create(
            {"name": self.NASTY, "partner_ids": self.who.ids, "user_id": self.manager.id}
        )
        reassignment.action_preview()
        reassignment.action_apply()
        notes = self.who.message_ids.filtered(lambda message: "→" in message.body)
        self.assertIsText(notes.mapped("body"))
        firms = self.other_policy(name=f"{self.NASTY} firms", partner_domain=f"[('id', '=', {self.who.id})]")
        highest, *others = firms.tier_ids
        firms.tier_ids = [
            Command.update(highest.id, {"name": "Another name", "entry_floor": 0}),
            *(Command.delete(tier.id) for tier in others),
        ]
        before = self.env["mail.message"].search([], order="id desc", limit=1).id
        self.compute(policy=firms)
        notices = self.env["mail.message"].search([("id", ">", before), ("message_type", "=", "user_notification")])
        self.assertIsText(notices.mapped("body"))

    def test_activities_of_playbooks(self):
        self.policy.playbook_ids.unlink()
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": self.NASTY,
                "policy_id": self.policy.id,
                "trigger": "segment",
                "segment_ids": self.card(self.who).segment_id.ids,
                "step_ids": [
                    Command.create(
                        {
                            "summary": "{{ customer }} {{ tier }}",
                            "note": "<p>{{ customer }} <b>{{ segment }}</b></p>",
                            "day_kind": "calendar",
                        }
                    )
                ],
            }
        )
        self.card(self.who).segment_since = AS_OF
        texts = playbook._get_texts(self.who.ids)
        step = playbook.step_ids
        self.assertEqual(
            texts.render(self.who.id, "en_US", step.summary), f"{self.who.name} {self.card(self.who).tier_id.name}"
        )
        note = texts.render_html(self.who.id, "en_US", step.note)
        self.assertIsText([note])

    def test_what_the_scorecard_says(self):
        data = self.card(self.who).with_user(self.salesperson).explanation_data
        self.assertIn(self.NASTY, str(data))  # as it is: the browser shows text
        self.assertNotIn("&lt;", str(data))
