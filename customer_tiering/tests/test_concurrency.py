import logging
from contextlib import contextmanager
from unittest.mock import patch

import psycopg2

from odoo import SUPERUSER_ID, api
from odoo.fields import Command
from odoo.modules.registry import Registry
from odoo.sql_db import db_connect
from odoo.tests import tagged
from odoo.tests.common import BaseCase, get_db_name
from odoo.tools import mute_logger


@tagged("post_install", "-at_install")
class TestConcurrency(BaseCase):
    """Somebody works on customers while a run is under way, in transactions that really commit."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(get_db_name())
        with self._transaction() as env:
            company = env.ref("base.main_company")
            self.partners = env["res.partner"].create([{"name": name} for name in ("Stays", "Goes")]).ids
            product = env["product.product"].create({"name": "Disc"})
            line = {"product_id": product.id, "product_uom_qty": 1, "price_unit": 100}
            orders = env["sale.order"].create(
                [
                    {"partner_id": partner, "company_id": company.id, "order_line": [Command.create(line)]}
                    for partner in self.partners
                ]
            )
            orders.action_confirm()
            self.run_id = env["customer.tiering.run"]._queue(company.tiering_policy_ids, trigger="nightly").id
            self.addCleanup(self._remove, orders.ids, product.ids)

    @contextmanager
    def _transaction(self):
        with db_connect(get_db_name()).cursor() as cr:
            yield api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})

    def _remove_orders(self, orders):
        with self._transaction() as env:
            orders = env["sale.order"].browse(orders)
            orders._action_cancel()
            orders.unlink()

    def _remove(self, orders, products):
        self._remove_orders(orders)
        with self._transaction() as env:
            env["res.partner"].browse(self.partners).exists().unlink()
            env["product.product"].browse(products).unlink()
            env["customer.tiering.run"].browse(self.run_id).unlink()

    def _compute(self, meanwhile, times=1):
        """Compute the run, while ``meanwhile`` happens in another transaction after each reading."""
        reader = self.registry["customer.tiering.reader"]
        original, reads = reader._read_customers, []

        def read_and_wait(*args, **kwargs):
            frame = original(*args, **kwargs)
            reads.append(frame)
            if len(reads) <= times:
                with self._transaction() as env:
                    meanwhile(env)
            return frame

        with (
            patch.object(reader, "_read_customers", read_and_wait),
            mute_logger("odoo.sql_db", "odoo.addons.customer_tiering.models.customer_tiering_run"),
            self._transaction() as env,
        ):
            env["customer.tiering.run"].browse(self.run_id)._compute_and_record()
        return len(reads)

    def _scorecards(self, env):
        cards = env["customer.tiering.scorecard"].search([("partner_id", "in", self.partners)])
        return {card.partner_id.name: card.order_count for card in cards}

    def test_a_customer_merged_away_during_the_run(self):
        def merge(env):
            stays, goes = env["res.partner"].browse(self.partners)
            env["base.partner.merge.automatic.wizard"].create({})._merge((stays | goes).ids, dst_partner=stays)

        self.assertEqual(self._compute(merge), 2)
        with self._transaction() as env:
            self.assertEqual(env["customer.tiering.run"].browse(self.run_id).state, "done")
            self.assertEqual(self._scorecards(env), {"Stays": 2})

    def test_a_person_put_under_a_company_during_the_next_run(self):
        self._compute(lambda env: None)
        with self._transaction() as env:
            env["customer.tiering.run"].browse(self.run_id).state = "queued"

        def move(env):
            firm = env["res.partner"].create({"name": "Firm", "is_company": True})
            env["res.partner"].browse(self.partners[1]).parent_id = firm
            self.partners.append(firm.id)

        self.assertEqual(self._compute(move), 1, "neither has waited for the other, or failed")
        with self._transaction() as env:
            self.assertEqual(env["customer.tiering.run"].browse(self.run_id).state, "done")
            former = env["customer.tiering.former"].search([("partner_id", "=", self.partners[1])])
            self.assertEqual((former.customer_id, former.pending), (former.partner_id, True))
            tier = env["customer.tiering.scorecard"].search([("partner_id", "=", self.partners[1])]).tier_id
            env["customer.tiering.refresh"]._process(env.ref("base.main_company"))
            self.assertFalse(former.pending)
            self.assertEqual(self._scorecards(env), {"Stays": 1, "Firm": 1})
            firm = env["res.partner"].browse(self.partners[2])
            self.assertEqual((firm.tiering_tier_id, bool(tier)), (tier, True))

    def test_a_scored_customer_deleted_during_the_next_run(self):
        self._compute(lambda env: None)
        with self._transaction() as env:
            env["customer.tiering.run"].browse(self.run_id).state = "queued"
            orders = env["sale.order"].search([("partner_id", "=", self.partners[1])])
            orders.write({"partner_id": self.partners[0]})

        def delete(env):
            env["res.partner"].browse(self.partners[1]).unlink()

        self._compute(delete)
        with self._transaction() as env:
            self.assertEqual(env["customer.tiering.run"].browse(self.run_id).state, "done")
            self.assertEqual(self._scorecards(env), {"Stays": 2})

    def test_an_order_confirmed_during_the_run_does_not_disturb_it(self):
        def order_again(env):
            env["sale.order"].search([("partner_id", "=", self.partners[0])], limit=1).copy().action_confirm()

        self.assertEqual(self._compute(order_again), 1)
        with self._transaction() as env:
            self.assertEqual(self._scorecards(env), {"Stays": 1, "Goes": 1})  # the next run sees it
            again = env["sale.order"].search([("partner_id", "=", self.partners[0])])[0]
            again._action_cancel()
            again.unlink()

    def test_a_run_that_is_asked_for_during_another_comes_afterwards(self):
        """Who asks does not wait for the one under way, which does not begin anew."""
        asked = []

        def ask(env):
            policy = env["customer.tiering.run"].browse(self.run_id).policy_id
            asked.append(env["customer.tiering.run"]._queue(policy, trigger="manual").id)
            self.addCleanup(self._remove_run, asked[0])

        self.assertEqual(self._compute(ask), 1)
        self.assertNotEqual(asked, [self.run_id])
        with self._transaction() as env:
            under_way, new = env["customer.tiering.run"].browse([self.run_id, *asked])
            self.assertEqual((under_way.state, under_way.trigger), ("done", "nightly"))
            self.assertEqual((new.state, new.trigger), ("queued", "manual"))

    def test_a_lock_of_a_customer_who_gets_the_first_scorecard_meanwhile_is_kept(self):
        self._compute(lambda env: None)
        with self._transaction() as env:
            new = env["res.partner"].create([{"name": "New"}])
            self.partners.append(new.id)
            addresses = dict.fromkeys(("partner_id", "partner_invoice_id", "partner_shipping_id"), new.id)
            order = env["sale.order"].search([("partner_id", "=", self.partners[0])]).copy(addresses)
            order.action_confirm()
            self.addCleanup(self._remove_orders, order.ids)
        with self._transaction() as env:
            tier = env["customer.tiering.run"].browse(self.run_id).policy_id.tier_ids[0]  # its snapshot
            with self._transaction() as others:
                run = others["customer.tiering.run"]._queue(tier.with_env(others).policy_id, trigger="nightly")
                self.addCleanup(self._remove_run, run.id)
                run._compute()
            with mute_logger("odoo.sql_db"):
                env["customer.tiering.lock"].create([{"partner_id": new.id, "tier_id": tier.id, "reason": "Why"}])
        with self._transaction() as env:
            env["customer.tiering.refresh"]._cron_process()
            card = env["customer.tiering.scorecard"].search([("partner_id", "=", new.id)])
            self.assertEqual((card.tier_id, card.lock_id.reason), (tier.with_env(env), "Why"))

    def test_what_a_deletion_leaves_behind_in_a_conflict_is_left_to_the_vacuum(self):
        # Somebody changes the scorecard at this moment; the deletion itself is committed.
        error = psycopg2.errors.SerializationFailure("could not serialize access")
        with (
            patch.object(self.registry["customer.tiering.writer"], "_forget_deleted", side_effect=error),
            self.assertLogs("odoo.addons.customer_tiering.models.customer_tiering_referred", logging.INFO) as logged,
        ):
            self.registry["res.partner"]._forget_once_more(self.registry, "res.partner", self.partners[1:])
        self.assertIn("Deleted res.partner are forgotten tonight", logged.output[0])

    def test_a_computation_by_hand_between_the_snapshot_and_the_run(self):
        """Both put the same customers into a tier for the first time."""
        with (
            mute_logger("odoo.sql_db", "odoo.addons.customer_tiering.models.customer_tiering_run"),
            self._transaction() as env,
        ):
            run = env["customer.tiering.run"].browse(self.run_id)
            self.assertEqual(run.state, "queued")  # from now on this transaction sees nothing new
            with self._transaction() as others:
                policy = others["customer.tiering.policy"].browse(run.policy_id.id)
                by_hand = others["customer.tiering.run"].create({"policy_id": policy.id, "trigger": "manual"})
                self.addCleanup(self._remove_run, by_hand.id)
                by_hand._compute()
            self.assertFalse(self._scorecards(env))
            run._compute_and_record()
        with self._transaction() as env:
            run = env["customer.tiering.run"].browse(self.run_id)
            self.assertEqual((run.state, run.error, run.written_count), ("done", False, 0))
            self.assertEqual(self._scorecards(env), {"Stays": 1, "Goes": 1})

    def _remove_run(self, run_id):
        with self._transaction() as env:
            env["customer.tiering.run"].browse(run_id).unlink()
