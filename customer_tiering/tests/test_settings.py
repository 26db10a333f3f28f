from datetime import datetime, timedelta

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, freeze_time, tagged
from odoo.tools import SQL

from .common import TieringCommon


@tagged("post_install", "-at_install")
class TestSettings(TieringCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.new_user("tiering_admin", "base.group_system,sales_team.group_sale_manager", tz="UTC")

    def _settings(self, **values):
        return self.env["res.config.settings"].with_user(self.admin).create(values)

    def test_the_settings_show_and_change_the_companys_policy(self):
        links = [Command.link(tier.id) for tier in self.policy.tier_ids]
        gold = self.policy.tier_ids[1]
        settings = self._settings(
            tiering_window_days=180,
            tiering_nightly=False,
            tiering_hour=4.5,
            tiering_tier_ids=[
                *links,
                Command.update(gold.id, {"entry_floor": 65}),
                Command.create({"name": "Diamond", "entry_floor": 95}),
            ],
            tiering_criterion_ids=[
                *(Command.link(criterion.id) for criterion in self.policy.criterion_ids),
                Command.update(self.policy.criterion_ids[2].id, {"weight": 2}),
            ],
        )
        settings.execute()
        self.assertEqual(self.policy.window_days, 180)
        self.assertFalse(self.company.tiering_nightly)
        self.assertEqual(
            self.policy.tier_ids.sorted().mapped(lambda tier: (tier.name, tier.entry_floor)),
            [("Diamond", 95), ("Platinum", 80), ("Gold", 65), ("Silver", 40), ("Bronze", 0)],
        )
        self.assertEqual(self.policy.criterion_ids.mapped("weight"), [1, 1, 2])
        nextcall = self.env.ref("customer_tiering.ir_cron_nightly").nextcall
        self.assertEqual((nextcall.hour, nextcall.minute), (4, 30))
        self.assertEqual(self._settings().tiering_hour, 4.5)

    def test_saving_other_settings_leaves_the_policy_alone(self):
        tiers, criteria = self.policy.tier_ids, self.policy.criterion_ids
        # Odoo's settings write what is related (the window) each time; its value stays.
        written = {"write_uid", "write_date"}
        columns = [name for name, field in self.policy._fields.items() if field.store and name not in written]

        def state():
            self.env.flush_all()
            self.env.invalidate_all()
            return self.policy.read(columns), self.policy.tier_ids.read(), self.policy.criterion_ids.read()

        self.env.flush_all()
        for table in ("customer_tier", "customer_tiering_criterion"):
            # a write in the transaction of this test would set the moment that the rows have already
            self.env.cr.execute(SQL("UPDATE %s SET write_date = '2020-01-01'", SQL.identifier(table)))
        before = state()
        # a browser sends the lines that nobody touched too
        self._settings(group_discount_per_so_line=True, **self._untouched()).execute()
        self.assertEqual(state(), before)
        with self._form() as form:
            form.group_discount_per_so_line = False
        form.record.execute()
        self.assertEqual(state(), before)
        self.assertEqual({record.write_date.year for records in (tiers, criteria) for record in records}, {2020})

    def _untouched(self):
        return {
            "tiering_policy_id": self.policy.id,
            "tiering_window_days": self.policy.window_days,
            "tiering_nightly": self.company.tiering_nightly,
            "tiering_hour": self._settings().tiering_hour,
            "tiering_tier_ids": [Command.link(tier.id) for tier in self.policy.tier_ids],
            "tiering_criterion_ids": [Command.link(criterion.id) for criterion in self.policy.criterion_ids],
        }

    def assertFloors(self, expected):  # noqa: N802 - like unittest's own
        """``expected``: ``{tier name: floor}``, the highest first."""
        self.env.invalidate_all()
        floors = {tier.name: tier.entry_floor for tier in self.policy.tier_ids.sorted()}
        self.assertEqual(list(floors.items()), list(expected.items()))

    def _form(self):
        return Form(self.env["res.config.settings"].with_user(self.admin))

    def _removing(self, lines, removed):
        """The commands a browser sends of a table of which a line was removed.

        ``Form`` just leaves the line out, because settings are a new record each time.
        """
        return [*(Command.link(line.id) for line in lines - removed), *(Command.delete(line.id) for line in removed)]

    def _set_floors(self, form, floors):
        """Type ``{tier name: floor}`` in the table of tiers."""
        names = [line["name"] for line in form.tiering_tier_ids._records]
        for name, floor in floors.items():
            with form.tiering_tier_ids.edit(names.index(name)) as line:
                line.entry_floor = floor

    def test_all_floors_can_be_lowered_at_once(self):
        with self._form() as form:
            self._set_floors(form, {"Platinum": 60, "Gold": 40, "Silver": 20})
        form.record.execute()
        # Platinum passes through Gold's old floor and Gold through Silver's
        self.assertFloors({"Platinum": 60, "Gold": 40, "Silver": 20, "Bronze": 0})

    def test_two_floors_can_be_exchanged(self):
        with self._form() as form:
            self._set_floors(form, {"Gold": 40, "Silver": 60})
        form.record.execute()
        self.assertFloors({"Platinum": 80, "Silver": 60, "Gold": 40, "Bronze": 0})

    def test_the_lowest_tier_can_be_replaced_by_the_next(self):
        tiers = self.policy.tier_ids
        _platinum, _gold, silver, bronze = tiers
        self._settings(
            tiering_tier_ids=[
                *self._removing(tiers, bronze),
                Command.update(silver.id, {"entry_floor": 0}),
            ]
        ).execute()
        self.assertFloors({"Platinum": 80, "Gold": 60, "Silver": 0})
        self.assertFalse(bronze.exists())

    def test_a_tier_can_take_the_floor_of_a_removed_one(self):
        tiers = self.policy.tier_ids
        gold = tiers[1]
        self._settings(
            tiering_tier_ids=[
                *self._removing(tiers, gold),
                Command.create({"name": "Emerald", "entry_floor": 60}),
            ]
        ).execute()
        self.assertFloors({"Platinum": 80, "Emerald": 60, "Silver": 40, "Bronze": 0})
        self.assertFalse(gold.exists())

    def test_lines_are_removed_however_the_client_says_it(self):
        platinum, gold = self.policy.tier_ids[:2]
        recency, frequency, monetary = self.policy.criterion_ids
        settings = self._settings(
            tiering_tier_ids=self._removing(self.policy.tier_ids, platinum),
            tiering_criterion_ids=self._removing(self.policy.criterion_ids, monetary),
        )
        self.assertFloors({"Gold": 60, "Silver": 40, "Bronze": 0})
        self.assertEqual(self.policy.criterion_ids, recency | frequency)
        settings.write(
            {
                "tiering_tier_ids": [Command.unlink(gold.id)],
                "tiering_criterion_ids": [Command.unlink(frequency.id)],
            }
        )
        settings.execute()
        self.assertFloors({"Silver": 40, "Bronze": 0})
        self.assertEqual(self.policy.criterion_ids, recency)
        for record in (platinum, gold, frequency, monetary):
            self.assertFalse(record.exists())

    def test_what_somebody_adds_while_the_form_is_open_stays(self):
        form = self._form()
        commands = self._untouched()["tiering_tier_ids"]
        self.policy.tier_ids = [Command.create({"name": "Emerald", "entry_floor": 70})]
        self.policy.criterion_ids = [Command.create({"metric_id": self.metric("contacts"), "weight": 2})]
        self._set_floors(form, {"Gold": 65})
        form.save().execute()
        self.assertFloors({"Platinum": 80, "Emerald": 70, "Gold": 65, "Silver": 40, "Bronze": 0})
        # the same as a browser sends it
        gold = self.policy.tier_ids.filtered(lambda tier: tier.name == "Gold")
        self._settings(
            tiering_tier_ids=[*commands, Command.update(gold.id, {"entry_floor": 60})],
        ).execute()
        self.assertFloors({"Platinum": 80, "Emerald": 70, "Gold": 60, "Silver": 40, "Bronze": 0})
        self.assertEqual(self.policy.criterion_ids[-1].metric_id.key, "contacts")

    def test_impossible_tables_are_refused(self):
        with (
            self.assertRaisesRegex(ValidationError, "Platinum and Gold all start at score 60"),
            self.env.cr.savepoint(),
            self._form() as form,
        ):
            self._set_floors(form, {"Platinum": 60})
        tiers, criteria = self.policy.tier_ids, self.policy.criterion_ids
        with self.assertRaisesRegex(ValidationError, "No tier starts at score 0"), self.env.cr.savepoint():
            self._settings(tiering_tier_ids=self._removing(tiers, tiers[-1]))
        with self.assertRaisesRegex(ValidationError, "Give at least one criterion"), self.env.cr.savepoint():
            self._settings(tiering_criterion_ids=self._removing(criteria, criteria))
        self.assertEqual(self.policy.criterion_ids, criteria)
        self.assertFloors({"Platinum": 80, "Gold": 60, "Silver": 40, "Bronze": 0})

    def test_who_has_no_sales_rights_can_save_other_settings(self):
        technician = self.new_user("tiering_technician", "base.group_system")
        before = self.policy.tier_ids.read()
        with Form(self.env["res.config.settings"].with_user(technician)) as form:
            self.assertNotIn("tiering_tier_ids", form._view["fields"])
        form.record.execute()
        self.assertEqual(self.policy.tier_ids.read(), before)
        with self.assertRaises(AccessError):
            form.record.read(["tiering_tier_ids"])

    def test_an_impossible_hour_is_refused(self):
        for hour in (-1, 24, 25.5):
            with self.assertRaisesRegex(UserError, "time of day"):
                self._settings(tiering_hour=hour)

    def test_compute_now(self):
        self.order(self.new_customer("Ann"), when=self.env.cr.now())
        action = self._settings().action_tiering_compute_now()
        self.assertIn("scored customers 1", action["params"]["message"])

    def test_without_a_policy_the_settings_say_what_to_do(self):
        self.policy.active = False
        with self._form() as form:
            self.assertFalse(form.tiering_policy_id)
            form.tiering_nightly = False
        settings = form.record
        settings.execute()
        self.assertFalse(self.company.tiering_nightly)
        with self.assertRaisesRegex(UserError, "has no tiering policy. Add one before you compute"):
            settings.action_tiering_compute_now()

    def test_the_settings_do_without_the_nightly_job(self):
        self.env.ref("customer_tiering.ir_cron_nightly").unlink()
        with self._form() as form:
            self.assertEqual(form.tiering_hour, 0)
            form.tiering_hour = 5
            form.tiering_window_days = 90
        form.record.execute()
        self.assertEqual(self.policy.window_days, 90)

    def test_another_hour_never_lies_in_the_past(self):
        cron = self.env.ref("customer_tiering.ir_cron_nightly")
        self.admin.tz = "Europe/Brussels"  # in June UTC+2
        for now, hour, expected in (
            (datetime(2026, 6, 30, 10), 15, datetime(2026, 6, 30, 13)),  # 12:00 there: later today
            (datetime(2026, 6, 30, 10), 11.5, datetime(2026, 7, 1, 9, 30)),  # over: tomorrow
            (datetime(2026, 6, 30, 10), 12, datetime(2026, 7, 1, 10)),  # this very minute: tomorrow
            (datetime(2026, 6, 30, 22, 30), 0, datetime(2026, 7, 1, 22)),  # 00:30 there
            (datetime(2026, 6, 30, 22, 30), 1, datetime(2026, 6, 30, 23)),
            (datetime(2026, 10, 24, 22), 4, datetime(2026, 10, 25, 3)),  # the clock goes back at night: UTC+1
        ):
            # a job that is late was due in the past
            for nextcall in (now + timedelta(hours=3, minutes=17), now - timedelta(days=3, minutes=17)):
                with self.subTest(now=now, hour=hour, nextcall=nextcall), freeze_time(now):
                    cron.nextcall = nextcall
                    self._settings(tiering_hour=hour).execute()
                    self.assertEqual(cron.nextcall, expected)

    def test_the_hour_that_is_set_already_moves_nothing(self):
        cron = self.env.ref("customer_tiering.ir_cron_nightly")
        with freeze_time("2026-06-30 10:00:00"):
            cron.nextcall = due = datetime(2026, 6, 29, 4, 30)  # late: the server was off
            self._settings(tiering_hour=4.5).execute()
            self.assertEqual(cron.nextcall, due)
