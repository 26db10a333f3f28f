from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestArchivedCompany(TieringCommon):
    """An archived company is left alone, and all is as it was when it is restored."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls.buyer("Ann", 10, 20, 30)
        with freeze_time(AS_OF):
            cls.compute()
        cls.env["customer.tiering.refresh"].search([]).unlink()

    def _archive(self, active=False):
        # Odoo does not archive the company of active users.
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_company SET active = %s WHERE id = %s", [active, self.company.id])
        self.env.invalidate_all()

    def _waiting(self):
        return self.env["customer.tiering.refresh"].search_count([("company_id", "=", self.company.id)])

    def _queued(self):
        return self.policy.run_ids.filtered(lambda run: run.state == "queued")

    def _trigger(self, name):
        with self.enter_registry_test_mode():
            self.env.ref(f"customer_tiering.ir_cron_{name}").method_direct_trigger()
        self.env.invalidate_all()

    def test_no_night_no_queue_and_no_refresh(self):
        self._archive()
        self._trigger("nightly")
        self.assertFalse(self._queued())
        self.order(self.ann, 1, state="draft").action_confirm()
        self.env["customer.tiering.refresh"]._add(self.ann, self.company, "merged")
        self.assertEqual(self._waiting(), 0)

    def test_what_waits_waits_until_it_is_restored(self):
        self.env["customer.tiering.refresh"]._add(self.ann, self.company, "instant")
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="nightly")
        self._archive()
        for job in ("process_queue", "refresh", "followup"):
            self._trigger(job)
        self.assertEqual((run.state, run.attempts, self._waiting()), ("queued", 0, 1))
        self.assertEqual(self.env["customer.tiering.refresh"]._process(self.company), 0)
        self._archive(active=True)
        for job in ("process_queue", "refresh"):
            self._trigger(job)
        self.assertEqual((run.state, self._waiting()), ("done", 0))

    def test_nobody_computes_or_simulates_it(self):
        self._archive()
        run = self.compute()
        self.assertEqual(run.state, "skipped")
        self.assertIn("The company “Tiering Company” is archived", run.note)
        for action in (self.policy.action_simulate, self.policy.action_advise, lambda: self.policy.compute(AS_OF)):
            with self.assertRaisesRegex(UserError, "“Tiering Company” is archived"):
                action()

    def test_its_simulations_and_follow_ups_are_kept(self):
        self.policy.action_simulate()
        simulation = self.env["customer.tiering.simulation"].search([("base_id", "=", self.policy.id)])
        self.env.flush_all()
        for table in ("customer_tiering_simulation", "customer_tiering_policy"):
            self.env.cr.execute(f"UPDATE {table} SET write_date = now() - interval '40 days'")
        self._archive()
        self.env["customer.tiering.simulation"]._gc_simulations()
        self.assertTrue(simulation.exists())
        self._archive(active=True)
        self.env["customer.tiering.simulation"]._gc_simulations()
        self.assertFalse(simulation.exists())
