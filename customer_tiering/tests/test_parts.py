import random
from datetime import timedelta
from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import SQL

from .common import AS_OF, TieringCommon

# What says by which run, and in which order, something was written.
OWN = ("id", "run_id", "calibration_id", "create_date", "write_date")


class PartsCommon(TieringCommon):
    """Customers of all kinds, computed in one piece and in parts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draw = random.Random(3)
        cls.customers = cls.env["res.partner"]
        for number in range(24):
            customer = cls.new_customer(f"Customer {number:02}", is_company=number % 2 == 0)
            contact = cls.new_customer(f"Contact {number:02}", parent_id=customer.id)
            for _order in range(draw.randrange(6)):
                who = draw.choice((customer, contact))
                cls.order(who, draw.randrange(400), draw.choice((20, 100, 100, 450.5, 2000)))
            cls.customers |= customer
        cls.order(cls.customers[23], 5, state="sent")
        cls.env.cr.execute("ANALYZE res_partner")

    def in_parts(self, size, day=AS_OF, policy=None):
        """Compute the default policy as of ``day``, in parts of ``size`` contacts; return its run."""
        run = self.env["customer.tiering.run"]._queue(policy or self.policy, trigger="manual")
        with patch.object(type(run), "_get_part_size", lambda self: size):
            self.assertTrue(run._divide())
        self.part_count = len(run.part_ids)
        while run.state == "queued":
            run._do_step(day)
        return run

    def told(self):
        """All that was written of customers of the company, as text."""
        self.env.flush_all()
        found = {}
        for table, order in (
            ("customer_tiering_scorecard", "partner_id"),
            ("customer_tier_change", "partner_id, date, from_tier_id, to_tier_id"),
            ("customer_segment_change", "partner_id, date"),
            ("customer_tiering_followup", "partner_id, event"),
        ):
            rows = self.env.execute_query(
                SQL(
                    "SELECT (to_jsonb(kept) - %s::text[])::text FROM %s kept WHERE company_id = %s ORDER BY %s",
                    list(OWN),
                    SQL.identifier(table),
                    self.company.id,
                    SQL(order),
                )
            )
            found[table] = [row for (row,) in rows]
        return found

    def rolled_back(self, act):
        """Return what ``act`` returns; the database forgets it."""
        with self.env.cr.savepoint() as savepoint:
            found = act()
            self.env.flush_all()
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        self.env.registry.clear_cache()
        return found


@tagged("post_install", "-at_install")
class TestParts(PartsCommon):
    def test_parts_come_to_what_one_piece_comes_to(self):
        """Nights in a row, with a lock, customers who leave, and a playbook: row by row the same."""
        self.policy.partner_domain = "[('name', 'like', 'Customer')]"
        playbook = self.env["customer.tiering.playbook"].create(
            {
                "name": "Call them",
                "policy_id": self.policy.id,
                "trigger": "down",
                "step_ids": [Command.create({"activity_type_id": self.env.ref("mail.mail_activity_data_call").id})],
            }
        )
        best = self.policy.tier_ids.sorted("sequence")[:1]
        lock = self.env["customer.tiering.lock"].create(
            {"partner_id": self.customers[3].id, "mode": "fixed", "tier_id": best.id, "reason": "Contract"}
        )
        lock.active = False
        playbook.sudo().write({"enabled": True, "enabled_since": AS_OF - timedelta(days=30)})

        def live(compute):
            runs = [compute(AS_OF)]
            self.order(self.customers[0], 0, 5000)
            self.customers[1].name = "Gone"
            self.customers[2].active = False
            lock.active = True
            self.policy.recalibrate_days = 7
            runs += [compute(AS_OF + timedelta(days=days)) for days in (20, 21, 90)]
            self.env.flush_all()
            counts = ["customer_count", "new_count", "up_count", "down_count", "left_count", "written_count", "drift"]
            return self.told(), [run.read([*counts, "pending_count", "last_purchase_date", "note"]) for run in runs]

        whole, numbers = self.rolled_back(lambda: live(self.compute))
        self.assertGreater(len(whole["customer_tiering_scorecard"]), 12)
        self.assertTrue(whole["customer_tier_change"])
        for size in (13, 5, 1):
            with self.subTest(size=size):
                parts, told = self.rolled_back(lambda size=size: live(lambda day: self.in_parts(size, day)))
                self.assertGreater(self.part_count, 1)
                for table, rows in whole.items():
                    self.assertEqual(parts[table], rows, table)
                for found, expected in zip(told, numbers, strict=True):
                    self.assertEqual(*({**row, "id": 0} for (row,) in (found, expected)))
