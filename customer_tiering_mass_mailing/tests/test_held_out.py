import hashlib
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from odoo.addons.customer_tiering import engine, jobs
from odoo.addons.customer_tiering.tests.common import AS_OF

from ..hooks import uninstall_hook
from .common import MAILING, MailingCommon


@tagged("post_install", "-at_install")
class TestHeldOut(MailingCommon):
    """Twenty customers with two contacts each bought once, 40 days ago, for 100; mailings go to them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        partners = cls.env["res.partner"]
        cls.people = partners.union(
            *(
                cls.new_customer(
                    f"Member {number:02}",
                    is_company=True,
                    email=f"member{number:02}@example.com",
                    child_ids=[Command.create({"name": f"Contact {number:02}", "email": f"c{number:02}@example.com"})],
                )
                for number in range(20)
            )
        )
        for who in cls.people:
            cls.order(who, 40)
        cls.compute()
        cls.draws = cls.env["customer.tiering.mailing.draw"]

    @classmethod
    def to_members(cls, **values):
        domain = [("tiering_scorecard_id.policy_id", "=", cls.policy.id), ("email", "like", "%@example.com")]
        domain.append(("commercial_partner_id.name", "like", "Member"))
        values = {"held_out_percent": 40, "effect_days": 30, **values}
        return cls.to_filter(domain, **values)

    def drawn(self, mailing, people=None, percent=40):
        """Who is held out, by hand: the first 32 bits of an MD5."""
        salt = mailing.sudo().salt
        digests = {
            who: hashlib.md5(f"{salt}:{mailing.id}:{who.id}".encode()).hexdigest() for who in people or self.people
        }
        return (people or self.people).filtered(lambda who: int(digests[who][:8], 16) % 10_000 < 100 * percent)

    def kept(self, mailing):
        return self.draws.search([("mailing_id", "=", mailing.id)])

    def go_out(self, mailing, number=0):
        """A mailing is drawn on a day, and reaches all who are not held out."""
        with freeze_time(self.noon(AS_OF + timedelta(days=number))):
            ids = mailing.sudo()._get_remaining_recipients()
        self.env["mailing.trace"].create(
            [
                {
                    "model": "res.partner",
                    "res_id": id_,
                    "mass_mailing_id": mailing.id,
                    "trace_status": "sent",
                    "sent_datetime": self.noon(AS_OF + timedelta(days=number)),
                }
                for id_ in ids
            ]
        )
        mailing.sudo().state = "done"
        return self.env["res.partner"].browse(ids)

    def measure(self, mailing, number):
        with freeze_time(self.noon(AS_OF + timedelta(days=number))):
            return self.env["customer.tiering.effect"]._measure(mailing)

    # ------------------------------------------------------------------
    # Who gets it
    # ------------------------------------------------------------------

    def test_who_is_held_out_gets_nothing_with_all_contacts(self):
        mailing = self.to_members(tiering_recipients="all")
        held = self.drawn(mailing)
        self.assertTrue(2 < len(held) < 18)
        self.send(mailing)
        self.assertEqual(mailing.state, "done")
        others = self.people - held
        self.assertEqual(self.reached(mailing), others | others.child_ids)
        rows = self.kept(mailing)
        self.assertEqual(rows.partner_id, self.people)
        self.assertEqual(rows.filtered("is_held_out").partner_id, held)
        self.assertEqual(set(rows.mapped("drawn_percent")), {40})
        self.assertEqual(set(rows.mapped("day")), {self.company._get_tiering_today()})
        self.assertEqual(rows.company_id, self.company)
        self.assertEqual(mailing.with_user(self.manager).sudo().tiering_held_count, len(held))

    def test_days_are_proposed_of_customers_of_own_companies_only(self):
        """Whatever company a client names: they say how often customers buy there."""
        self.env["customer.tiering.scorecard"].flush_model()
        self.env.cr.execute("UPDATE customer_tiering_scorecard SET gap_median_days = 41")
        groups = f"{MAILING},sales_team.group_sale_salesman_all_leads"
        for number, (company, days) in enumerate(((self.company, 82), (self.other, 30))):
            user = self.new_user(f"held_out_{number}", groups, company)
            mailings = self.env["mailing.mailing"].with_user(user).with_context(allowed_company_ids=company.ids)
            mailing = mailings.create(
                {
                    "subject": "Members",
                    "mailing_model_id": self.env["ir.model"]._get_id("res.partner"),
                    "mailing_domain": "[]",
                    "tiering_company_id": self.company.id,
                    "held_out_percent": 20,
                }
            )
            self.assertEqual(mailing.effect_days, days, company.name)

    def test_one_per_customer_and_by_another_lot_nobody_moves(self):
        mailing = self.to_members()
        self.send(mailing)
        held = self.drawn(mailing)
        self.assertEqual(self.reached(mailing), self.people - held)
        late = self.new_customer("Member late", is_company=True, email="late@example.com")
        self.order(late, 40)
        self.compute()
        mailing.action_retry_failed()
        self.run_job()
        everybody = self.people | late
        self.assertEqual(self.reached(mailing), everybody - self.drawn(mailing, everybody))
        self.assertEqual(self.kept(mailing).partner_id, everybody)
        mailing.sudo().action_send_mail(held.ids)  # somebody names them
        self.assertEqual(self.reached(mailing), everybody - self.drawn(mailing, everybody))

    def test_a_test_goes_to_whoever_it_is_sent_to(self):
        mailing = self.to_members(held_out_percent=50)
        held = self.drawn(mailing, percent=50)[0]
        test = self.env["mailing.mailing.test"].create({"email_to": held.email, "mass_mailing_id": mailing.id})
        sent = []
        with patch.object(
            type(self.env["mail.mail"]), "send", lambda mails, **_: sent.extend(mails.mapped("email_to"))
        ):
            test.send_mail_test()
        self.assertEqual(sent, [held.email])
        self.assertFalse(self.kept(mailing))

    def test_without_a_share_nobody_is_drawn(self):
        mailing = self.to_members(held_out_percent=0)
        self.assertEqual(self.go_out(mailing), self.people)
        self.assertFalse(self.kept(mailing))
        with self.assertRaisesRegex(UserError, "has held nobody out"):
            mailing.sudo().action_open_effect()

    def test_not_drawn_are_those_of_another_company_and_whom_nothing_reaches(self):
        foreign, refused, reached = self.people[:3]
        foreign.company_id = self.other
        self.env["mail.blacklist"].create({"email": refused.email})
        mailing = self.to_filter([("name", "like", "Member")], self.env.user, held_out_percent=50)
        self.env["mailing.trace"].create(
            {"model": "res.partner", "res_id": reached.child_ids.id, "mass_mailing_id": mailing.id}
        )
        rest = self.people[3:]
        ids = mailing.sudo()._get_remaining_recipients()
        self.assertEqual(self.kept(mailing).partner_id, rest)
        self.assertEqual(set(ids), set((self.people - self.drawn(mailing, rest, 50)).ids))

    def test_after_the_last_day_nobody_is_held_out(self):
        mailing = self.to_members(effect_until=AS_OF - timedelta(days=1))
        self.assertIn("is over", mailing.effect_hint)
        self.assertEqual(self.go_out(mailing), self.people)
        self.assertFalse(self.kept(mailing))

    # ------------------------------------------------------------------
    # What may be
    # ------------------------------------------------------------------

    def test_what_a_share_would_show_is_said_before(self):
        with Form(self.to_members(held_out_percent=0, effect_days=0).with_user(self.marketer)) as form:
            form.held_out_percent = 40
            self.assertEqual(form.effect_days, 30)  # one purchase each: no usual time between two
            # 7.849 · (0.3 · 0.7 / 0.4 + 0.84 · 0.16 / 0.6) / 0.54² is 20.2, and at 0.55 it is 19.1.
            self.assertEqual(
                form.effect_hint,
                "With 20 customers a rise from 30% to 84% would show. "
                "The verdict comes 30 days after the mailing is sent.",
            )

    def test_a_share_stays_once_somebody_was_drawn_and_a_copy_draws_anew(self):
        mailing = self.to_members(effect_until=AS_OF + timedelta(days=9))
        self.go_out(mailing)
        with self.assertRaisesRegex(UserError, "so its share stays"):
            mailing.held_out_percent = 10
        mailing.held_out_percent = 40
        copy = mailing.copy()
        self.assertEqual((copy.held_out_percent, copy.effect_until), (40, False))
        self.assertNotEqual(copy.sudo().salt, mailing.sudo().salt)
        self.assertFalse(self.kept(copy))
        copy.held_out_percent = 10

    def test_bad_input_is_said_in_a_sentence(self):
        mailing = self.to_members()
        with self.assertRaisesRegex(ValidationError, "does not go to contacts"), self.env.cr.savepoint():
            mailing.mailing_model_id = self.env["ir.model"]._get("mailing.contact")
        with self.assertRaisesRegex(ValidationError, "A/B test"), self.env.cr.savepoint():
            mailing.ab_testing_enabled = True
        for percent in (-1, 51):
            with self.assertRaisesRegex(ValidationError, "a number from 0 to 50"):
                mailing.held_out_percent = percent

    def test_nobody_sees_who_is_held_out(self):
        mailing = self.to_members()
        self.go_out(mailing)
        both = self.new_user("tiering_both", f"{MAILING},sales_team.group_sale_manager", email="both@example.com")
        for user in (self.marketer, self.mailer, self.salesperson, self.manager, both):
            with self.assertRaises(AccessError):
                self.draws.with_user(user).search([])
        for user in (self.marketer, self.mailer):
            with self.assertRaises(AccessError):
                mailing.with_user(user).read(["tiering_held_count"])
            with self.assertRaises(AccessError):
                mailing.with_user(user).action_open_effect()
            with self.assertRaises(AccessError):
                mailing.with_user(user).read(["salt"])
        self.assertEqual(mailing.with_user(both).tiering_held_count, len(self.drawn(mailing)))
        arch = self.env["mailing.mailing"].with_user(self.mailer).get_view(view_type="form")["arch"]
        self.assertIn("held_out_percent", arch)
        self.assertNotIn("tiering_held_count", arch)

    # ------------------------------------------------------------------
    # What came of it
    # ------------------------------------------------------------------

    def test_the_effect_is_that_of_the_orders_counted_by_hand(self):
        """Purchases of the day of the mailing and of the 29 days after it."""
        mailing = self.to_members()
        held = self.drawn(mailing)
        others = self.people - held
        self.assertEqual(self.go_out(mailing), others)
        for who, days, amount in (
            (others[0], 0, 10),
            (others[1], 29, 20),
            (others[2], 30, 40),  # too late
            (others[3].child_ids, 5, 80),
            (held[0], 5, 5),
            (held[1], -1, 7),  # the day before
        ):
            self.order(who, -days, amount)
        with patch.object(engine.effect, "LEAST_GROUP", 2), patch.object(engine.effect, "LEAST_BUYERS", 1):
            effect = self.measure(mailing, 29)
            self.assertEqual(effect.sudo().result["running"], 20)
            self.assertIn("are not over. The verdict comes on 07/30/2026.", effect.sentence)
            self.assertIn(mailing, self.env["customer.tiering.effect"]._get_trials())
            effect = self.measure(mailing, 30)
        result = effect.sudo().result
        self.assertEqual((result["followed"], result["held"], result["running"]), (len(others), len(held), 0))
        self.assertEqual(result["counts"], [3, 1])
        self.assertAlmostEqual(result["whole"]["with_"], 110 / len(others))
        self.assertAlmostEqual(result["whole"]["without"], 5 / len(held))
        self.assertEqual((result["missed"], result["touched"], result["refused"]), (0, 0, [0, 0]))
        self.assertEqual(effect.verdict, "cannot_tell")
        self.assertNotIn("Judged After", effect.sentence)
        self.assertEqual(effect.display_name, mailing.display_name)
        self.assertNotIn(mailing, self.env["customer.tiering.effect"]._get_trials())
        seen = effect.with_user(self.manager)
        self.assertEqual((seen.display_name, seen.held_count), (mailing.display_name, len(held)))
        self.assertIn(effect, seen.search([("display_name", "ilike", "News")]))
        self.assertNotIn(effect, seen.search([("display_name", "not ilike", "News")]))
        with self.assertRaises(AccessError):
            effect.with_user(self.salesperson).read(["sentence"])

    def test_a_margin_of_which_something_is_credited_back(self):
        """Two for 100 that cost 60: 40. One of them credited leaves 20; both, nothing; so does one of those before."""
        self.accounting()
        self.product.write({"invoice_policy": "order", "taxes_id": False})
        self.product.with_company(self.company).standard_price = 30
        for order in self.people.sale_order_ids:  # one for 100
            order.order_line.with_company(self.company)._compute_purchase_price()
        mailing = self.to_members()
        self.go_out(mailing)

        def bought(who, back, ago=-5):
            line = {"product_id": self.product.id, "product_uom_qty": 2, "price_unit": 50}
            invoice = self.order(who, ago, order_line=[Command.create(line)])._create_invoices()
            invoice.invoice_date = AS_OF + timedelta(days=5)
            invoice.action_post()
            if back:
                day = AS_OF + timedelta(days=35)
                note = invoice._reverse_moves([{"invoice_date": day, "date": day}])
                note.invoice_line_ids.quantity = back
                note.action_post()

        whole, half, none, past = self.people[:4]
        bought(whole, 0), bought(half, 1), bought(none, 2), bought(past, 1, 10)
        effects = self.env["customer.tiering.effect"]
        chosen = effects._read_events(mailing)
        found = effects._read_purchases(mailing, chosen, AS_OF + timedelta(days=40), 30)
        margins = dict(zip(chosen["partner"], zip(*found[3:], strict=True), strict=True))
        self.assertEqual(
            [tuple(map(float, margins[who.id])) for who in (whole, half, none, past)],
            [(40, 70), (20, 70), (0, 70), (0, 90)],
        )

    def test_who_got_nothing_and_who_got_it_nevertheless_is_told(self):
        mailing = self.to_members()
        held, others = self.drawn(mailing), self.people - self.drawn(mailing)
        self.go_out(mailing)
        traces = self.env["mailing.trace"].search([("mass_mailing_id", "=", mailing.id)])
        traces.filtered(lambda trace: trace.res_id in others[:2].ids).trace_status = "error"
        traces.filtered(lambda trace: trace.res_id == others[2].id).res_id = held[0].child_ids.id
        refused = self.env["mail.blacklist"].create(
            [{"email": email} for email in (others[0].email, others[0].child_ids.email, held[0].email, held[1].email)]
        )
        refused.flush_recordset()
        self.env.cr.execute(
            "UPDATE mail_blacklist SET write_date = %s WHERE id = ANY(%s)", [self.noon(AS_OF, -5), refused[:3].ids]
        )
        effect = self.measure(mailing, 40)
        result = effect.sudo().result
        self.assertEqual((result["missed"], result["touched"], result["refused"]), (3, 1, [1, 1]))
        self.assertIn(
            f"Within 30 days, 1 of {len(others)} followed up and 1 of {len(held)} held out have unsubscribed",
            effect.notes,
        )
        self.assertEqual(result["followed"] + result["held"], 20)

    def test_merged_customers_count_in_neither_group(self):
        mailing = self.to_members()
        held, others = self.drawn(mailing), self.people - self.drawn(mailing)
        self.go_out(mailing)
        merge = self.env["base.partner.merge.automatic.wizard"]._merge
        merge([held[0].id, others[0].id], others[0])
        merge([others[1].id, held[1].id], held[1])
        merge([others[2].id, others[3].id], others[3])
        result = self.measure(mailing, 40).sudo().result
        self.assertEqual(result["mixed"], 2)
        self.assertEqual((result["followed"], result["held"]), (len(others) - 3, len(held) - 2))
        self.assertEqual(len(self.kept(mailing)), 17)
        # Nobody gets it twice, nor who is one with somebody who got it.
        mailing.sudo().state = "draft"
        self.assertFalse(mailing.sudo()._get_remaining_recipients())

    def test_what_is_over_measures_itself_once(self):
        """29 days after, one day is left; on the next day it is over. From then on nothing is measured, until a later
        lot, or somebody who wants to know it of other days."""
        mailing = self.to_members()
        self.go_out(mailing)

        def told(number):
            with self.enter_registry_test_mode(), freeze_time(self.noon(AS_OF + timedelta(days=number))):
                self.env.ref(jobs.EFFECTS).method_direct_trigger()
            self.env.invalidate_all()
            effect = (
                self.env["customer.tiering.effect"].with_user(self.manager).search([("mailing_id", "=", mailing.id)])
            )
            return (effect.as_of - AS_OF).days, effect.followed_count + effect.held_count, effect.running_count

        self.assertEqual(told(29), (29, 0, 20))
        self.assertEqual(told(30), (30, 20, 0))
        self.assertEqual(told(31), (30, 20, 0))
        mailing.sudo().effect_days = 32
        self.assertEqual(told(31), (31, 0, 20))
        self.assertEqual(told(32), (32, 20, 0))
        mailing.sudo().effect_measure = "money"
        self.assertEqual(told(33), (33, 20, 0))
        self.assertEqual(told(34), (33, 20, 0))
        late = self.new_customer("Member late", is_company=True, email="late@example.com")
        self.order(late, 40)
        self.compute()
        mailing.sudo().state = "in_queue"  # somebody sends what failed again
        self.go_out(mailing, 34)
        self.assertEqual(told(35), (35, 20, 1))

    def test_the_job_measures_mailings_beside_playbooks_and_goes_with_the_addon(self):
        mailing, second = self.to_members(), self.to_members(held_out_percent=50)
        for each in (mailing, second):
            self.go_out(each)
        with freeze_time(self.noon(AS_OF + timedelta(days=40))):
            self.env["customer.tiering.effect"]._cron_measure()
        effects = self.env["customer.tiering.effect"].search([("mailing_id", "in", (mailing | second).ids)])
        self.assertEqual(len(effects), 2)
        bought = {"value": 0.1, "low": 0.0, "high": 0.2, "with_": 0.4, "without": 0.3}
        for effect in effects.sudo():
            effect.result = {**effect.result, "code": "more", "main": "bought", "bought": bought, "money": bought}
            effect.result |= {"orders": bought, "whole": bought}
        self.assertIn("All 2 mailings together: 10 points (3 to 17)", effects[0].notes)
        uninstall_hook(self.env)
        self.assertFalse(effects.exists())
