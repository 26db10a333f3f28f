from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.sql_db import Cursor, db_connect
from odoo.tests import tagged
from odoo.tests.common import get_db_name
from odoo.tools import SQL

from ..models import customer_tiering_followup
from .common import AS_OF
from .test_playbook import PlaybookCommon

TRIGGERS = 200
BATCH = 50


class Killed(BaseException):
    """The server dies."""


@tagged("post_install", "-at_install")
class TestPlaybookOnce(PlaybookCommon):
    """200 customers reach a tier; the server may die at any statement, as often as it likes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(TRIGGERS)])
        for partner in cls.customers:
            cls.order(partner, 60)
        cls.compute()
        cls.playbook = cls._playbook("enter", on=0)
        cls.env.flush_all()
        cls.env.cr.execute(
            "UPDATE sale_order SET date_order = %s WHERE company_id = %s", (cls.noon(AS_OF, -1), cls.company.id)
        )
        cls.env.invalidate_all()

    def _kill_at(self, number, work):
        """Do ``work`` and die at statement ``number``; return whether it came to that."""
        original, statements = Cursor.execute, []

        def execute(cursor, query, *args, **kwargs):
            statements.append(query)
            if len(statements) == number:
                raise Killed
            return original(cursor, query, *args, **kwargs)

        try:
            # The savepoint itself is no part of the work.
            with self.env.cr.savepoint(), patch.object(Cursor, "execute", execute):
                work()
                self.env.flush_all()
        except Killed:
            self.env.invalidate_all(flush=False)
            return True
        return False

    def _do_with_deaths(self, work, check):
        """Do ``work`` until it succeeds, killed once at each of its statements; return how often."""
        number = 1
        while self._kill_at(number, work):
            check()
            number += 1
        return number - 1

    def _process(self):
        day = AS_OF + timedelta(days=1)
        with freeze_time(self.noon(day, 0)):
            return self.followups._process(self.playbook, day)

    def assertPlanned(self, count):  # noqa: N802
        """So many activities and open follow-ups, of as many customers, and not one more."""
        activities = self._activities()
        rows = self._rows(self.playbook, state="open")
        self.assertEqual(
            (len(activities), len(set(activities.mapped("res_id"))), len(rows), len(rows.activity_id)), (count,) * 4
        )

    def test_killed_at_every_statement_nothing_is_lost_and_nothing_comes_twice(self):
        run = self.env["customer.tiering.run"]._queue(self.policy, trigger="manual")
        deaths = self._do_with_deaths(
            lambda: run._compute(as_of=AS_OF + timedelta(days=1)),
            lambda: self.assertFalse(self._rows(self.playbook)),
        )
        self.assertGreater(deaths, 20)
        self.assertEqual(len(self._rows(self.playbook, state="waiting").partner_id), TRIGGERS)
        with patch.object(customer_tiering_followup, "BATCH", BATCH):
            for done in range(0, TRIGGERS, BATCH):
                deaths = self._do_with_deaths(self._process, lambda done=done: self.assertPlanned(done))
                self.assertGreater(deaths, 20)
                self.assertPlanned(done + BATCH)
            self.assertEqual(self._process(), 0)
        self.assertPlanned(TRIGGERS)

    def test_running_twice_and_after_a_week_off_adds_nothing(self):
        for number in (1, 1, 8, 8):
            self.compute_after(number)
            self._plan_on(number, self.playbook)
            self._plan_on(number, self.playbook)
        self.assertPlanned(TRIGGERS)

    def test_what_happened_before_a_week_off_is_not_lost(self):
        self.compute_after(1)
        self.compute_after(8)
        self._plan_on(8, self.playbook)
        self.assertPlanned(TRIGGERS)

    def test_of_two_workers_one_steps_back(self):
        self.compute_after(1)
        with db_connect(get_db_name()).cursor() as other:
            other.execute(
                SQL("SELECT pg_advisory_xact_lock(%s, %s)", customer_tiering_followup.LOCK_CLASS, self.company.id)
            )
            self.assertEqual(self._process(), 0)
        self.assertEqual(self._process(), TRIGGERS)

    def test_the_job_does_it_all(self):
        self.compute_after(1)
        self.env["customer.tiering.playbook"].search([("id", "!=", self.playbook.id)]).active = False
        with (
            freeze_time(self.noon(AS_OF, -1)),
            patch.object(customer_tiering_followup, "BATCH", BATCH),
            self.enter_registry_test_mode(),
        ):
            self.env.ref("customer_tiering.ir_cron_followup").method_direct_trigger()
        self.env.invalidate_all()
        self.assertPlanned(TRIGGERS)
