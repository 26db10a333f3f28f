from datetime import timedelta
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import AS_OF, TieringCommon


@tagged("post_install", "-at_install")
class TestMetric(TieringCommon):
    """Metrics that people make of what is on the contact, without code."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.metrics = cls.env["customer.tiering.metric"]
        cls.small, cls.big, cls.unfilled = (cls.new_customer(name) for name in ("Small", "Big", "Unfilled"))
        for who in (cls.small, cls.big, cls.unfilled):
            cls.order(who, 10, 100)

    def _add_field(self, ttype, **values):
        """A stored field of the contact, as an administrator adds one."""
        field = self.env["ir.model.fields"].create(
            {
                "name": f"x_{ttype}",
                "field_description": f"A {ttype}",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "ttype": ttype,
                **values,
            }
        )
        self.reset_registry()
        return field

    def _add_metric(self, field, **values):
        return self.metrics.create({"name": field.field_description, "origin": "field", "field_id": field.id, **values})

    def _only(self, metric, **values):
        self.policy.criterion_ids = [Command.clear(), Command.create({"metric_id": metric.id, **values})]

    def _lines(self, who):
        self.env.invalidate_all()
        return {line["metric"]: line for line in self.card(who).explanation_data["lines"]}

    # ------------------------------------------------------------------
    # Every kind of field
    # ------------------------------------------------------------------

    def test_a_number_is_scored_and_what_was_never_filled_in_is_unknown(self):
        field = self._add_field("float")
        self.small.x_float, self.big.x_float = 3.5, 7
        metric = self._add_metric(field)
        self.assertRecordValues(metric, [{"unit": "number", "direction": "higher", "key": "field_x_float"}])
        self._only(metric, method="bands")  # limits 1, 2, 5, 10
        self.compute()
        self.assertEqual([self.card(who).score for who in (self.small, self.big, self.unfilled)], [50, 75, 0])
        self.assertEqual(self._lines(self.small)["field_x_float"]["text"], "3.5")
        self.assertEqual(self._lines(self.unfilled)["field_x_float"]["text"], "none")

    def test_a_whole_number_reads_as_somebody_says(self):
        field = self._add_field("integer")
        self.small.x_integer, self.big.x_integer = 1, 40
        metric = self._add_metric(field, text_one="1 truck", text_many="%(number)s trucks")
        self._only(metric, method="bands")  # limits 1, 3, 6, 12
        self.compute()
        self.assertEqual([self.card(who).score for who in (self.small, self.big)], [25, 100])
        self.assertEqual(self._lines(self.small)["field_x_integer"]["text"], "1 truck")
        self.assertEqual(self._lines(self.big)["field_x_integer"]["text"], "40 trucks")

    def test_yes_or_no(self):
        field = self._add_field("boolean")
        self.big.x_boolean = True
        metric = self._add_metric(field)
        self._only(metric)
        self.assertEqual(self.policy.criterion_ids.method, "bands")
        self.compute()
        self.assertEqual([self.card(who).score for who in (self.small, self.big)], [0, 100])
        self.assertEqual(self._lines(self.big)["field_x_boolean"]["text"], "yes")
        self.assertEqual(self._lines(self.small)["field_x_boolean"]["text"], "no")

    def test_a_date_is_days_since_and_passes_by_itself(self):
        field = self._add_field("date")
        today = self.company._get_tiering_today()
        self.small.x_date, self.big.x_date = today - timedelta(days=100), today - timedelta(days=20)
        metric = self._add_metric(field, deed="a visit today")
        self.assertRecordValues(metric, [{"unit": "days", "ages": True}])
        metric.direction = "lower"
        self._only(metric, method="bands")  # limits 30, 90, 180, 365
        self.compute(today)
        self.assertEqual([self.card(who).score for who in (self.small, self.big)], [50, 100])
        self.assertEqual(self._lines(self.small)["field_x_date"]["text"], "100 days")
        self.assertEqual(self.card(self.small).explanation_data["next"]["ways"], ["a visit today"])
        with patch.object(type(self.company), "_get_tiering_today", lambda company: today + timedelta(days=5)):
            self.assertEqual(self._lines(self.small)["field_x_date"]["text"], "105 days")
        self.assertEqual(self.compute(today + timedelta(days=1)).written_count, 0)  # nothing is new but the day

    def test_a_choice_has_the_points_that_somebody_gives_its_values(self):
        field = self._add_field(
            "selection",
            selection_ids=[
                Command.create({"value": value, "name": value.title(), "sequence": place})
                for place, value in enumerate(("low", "middle", "high"))
            ],
        )
        self.small.x_selection, self.big.x_selection = "low", "high"
        metric = self._add_metric(field)
        self.assertEqual(
            metric.value_ids.mapped(lambda line: (line.label, line.points)), [("Low", 0), ("Middle", 50), ("High", 100)]
        )
        metric.value_ids[0].points = 10
        self._only(metric)
        self.assertEqual(self.policy.criterion_ids.method, "points")
        self.compute()
        self.assertEqual([self.card(who).score for who in (self.small, self.big, self.unfilled)], [10, 100, 0])
        self.assertEqual(self._lines(self.small)["field_x_selection"]["text"], "Low (10 points)")
        metric.value_ids[0].points = 45
        run = self.compute()
        self.assertEqual(self.card(self.small).score, 45)
        self.assertEqual(set(run.change_ids.mapped("reason")), {"rules"})

    def test_money_is_of_the_company(self):
        """Odoo's credit limit is kept per company."""
        field = self.env["ir.model.fields"]._get("res.partner", "credit_limit")
        self.env["res.partner"].browse(self.small.id).with_company(self.company).credit_limit = 500
        other = self.env["res.company"].create({"name": "Other"})
        self.small.with_company(other).credit_limit = 9000
        self._only(
            self._add_metric(field, name="Credit limit"),
            method="bands",
            band_unit="value",
            band_1=100,
            band_2=500,
            band_3=1000,
            band_4=5000,
        )
        self.compute()
        self.assertEqual(self.card(self.small).score, 50)

    # ------------------------------------------------------------------
    # Used like any other
    # ------------------------------------------------------------------

    def test_it_is_a_condition_ranks_and_is_told_although_it_is_no_criterion(self):
        field = self._add_field("integer")
        self.small.x_integer, self.big.x_integer = 1, 40
        metric = self._add_metric(field)
        top, *_others, lowest = self.policy.tier_ids
        (self.policy.tier_ids - top - lowest).unlink()
        self.policy.write(
            {
                "method": "conditions",
                "tier_ids": [
                    Command.update(top.id, {"condition_ids": [Command.create({"metric_id": metric.id, "value": 5})]})
                ],
            }
        )
        self.compute()
        self.assertTiers({self.big: top.name, self.small: lowest.name, self.unfilled: lowest.name})
        self.assertEqual(self.card(self.small).explanation_data["next"]["ways"], ["4 more (5 in all)"])
        self.policy.write(
            {
                "method": "customer_share",
                "basis_id": metric.id,
                "tier_ids": [Command.update(top.id, {"share": 30}), Command.update(lowest.id, {"share": 70})],
            }
        )
        self.compute()
        self.assertTiers({self.big: top.name, self.small: lowest.name})

    def test_single_customers_are_scored_by_it(self):
        field = self._add_field("integer")
        self.small.x_integer = 1
        self._only(self._add_metric(field), method="bands")
        self.compute(self.company._get_tiering_today())
        self.small.x_integer = 7
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.small, self.company, "instant")
        refresh._process(self.company)
        self.assertEqual(self.card(self.small).score, 75)

    def test_who_is_left_out_is_judged_by_the_rest(self):
        field = self._add_field("float")
        self.big.x_float = 100
        self.order(self.unfilled, 5, 1000)
        metric = self._add_metric(field, unknown="left_out")
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": metric.id, "method": "bands", "weight": 3}),
            Command.create({"metric_id": self.metric("recency"), "method": "bands", "weight": 1}),
        ]
        self.compute()
        # 10 days: 100 points by recency alone
        self.assertEqual([self.card(who).score for who in (self.small, self.big)], [100, 100])
        line = self._lines(self.small)["field_x_float"]
        self.assertEqual((line["text"], line["contribution"], line["maximum"]), ("not known, left out", 0, 0))
        self.assertEqual(self._lines(self.small)["recency"]["maximum"], 100)
        self.policy.criterion_ids[0].unknown = "zero"
        self.compute()
        self.assertEqual(self.card(self.small).score, 25)

    def test_a_simulation_says_who_would_move(self):
        field = self._add_field("integer")
        self.big.x_integer = 12
        metric = self._add_metric(field)
        self.compute()
        action = self.policy.with_user(self.manager).action_simulate()
        draft = self.env["customer.tiering.policy"].browse(action["res_id"])
        draft.criterion_ids = [Command.create({"metric_id": metric.id, "method": "bands", "weight": 9})]
        draft.action_simulation_compute()
        lines = self.env["customer.tiering.simulation.line"].search([("partner_id", "=", self.big.id)])
        self.assertEqual(lines.direction, "up")
        draft.action_simulation_apply()
        self.assertIn(metric, self.policy.criterion_ids.metric_id)

    # ------------------------------------------------------------------
    # What is not possible
    # ------------------------------------------------------------------

    def test_a_field_that_is_not_kept_or_not_to_be_seen_is_refused(self):
        for fname in ("display_name", "name", "property_product_pricelist"):
            field = self.env["ir.model.fields"]._get("res.partner", fname)
            with self.subTest(fname=fname), self.assertRaisesRegex(ValidationError, "needs a field of the contact"):
                self._add_metric(field)
        # Odoo shows the credit limit to those who invoice.
        secret = self.env["ir.model.fields"]._get("res.partner", "credit_limit")
        mine = self.metrics.with_user(self.manager)
        self.assertNotIn("credit_limit", dict(mine._selection_field_name()))
        with self.assertRaisesRegex(ValidationError, "You may not see “Credit Limit” of contacts"):
            mine.create({"name": "Secret", "origin": "field", "field_id": secret.id})

    def test_what_a_person_may_not_see_on_the_contact_is_not_told_by_the_explanation(self):
        self.big.with_company(self.company).credit_limit = 12
        secret = self.env["ir.model.fields"]._get("res.partner", "credit_limit")
        self._only(self._add_metric(secret, unit="money"), method="bands")
        self.compute()
        self.env.invalidate_all()
        explained = self.card(self.big).with_user(self.salesperson).explanation_data
        self.assertEqual(explained["lines"][0]["text"], "not shown to you")
        self.assertNotIn("12", explained["lines"][0]["text"])
        of_contact = self.big.with_user(self.salesperson).tiering_explanation
        self.assertEqual(of_contact["lines"][0]["text"], "not shown to you")
        self.env.user.group_ids |= self.env.ref("account.group_account_invoice")
        self.assertIn("12.00", self._lines(self.big)["field_credit_limit"]["text"])

    def test_only_managers_add_and_change_metrics(self):
        field = self._add_field("integer")
        with self.assertRaises(AccessError):
            self.metrics.with_user(self.salesperson).create({"name": "No", "origin": "field", "field_id": field.id})
        metric = self.metrics.with_user(self.manager).create({"name": "Yes", "origin": "field", "field_id": field.id})
        self.assertTrue(metric)

    def test_delivered_metrics_are_renamed_but_not_redefined_nor_deleted(self):
        recency = self.metrics.with_user(self.manager).browse(self.metric("recency"))
        recency.write({"name": "Last purchase", "band_1": 10})
        self.compute()
        self.assertEqual(self._lines(self.small)["recency"]["label"], "Last purchase")
        for values in ({"direction": "higher"}, {"column": "amount"}, {"unit": "money"}):
            with self.assertRaisesRegex(UserError, "is computed by the app Customer Tiering"), self.env.cr.savepoint():
                recency.write(values)
        with self.assertRaisesRegex(UserError, "belongs to the app Customer Tiering"), self.env.cr.savepoint():
            recency.unlink()

    def test_a_metric_that_policies_use_is_not_deleted_by_hand(self):
        metric = self._add_metric(self._add_field("integer")).with_user(self.manager)
        self._only(metric)
        with self.assertRaisesRegex(UserError, "is used by Default policy"), self.env.cr.savepoint():
            metric.unlink()
        self.policy.criterion_ids = [Command.clear(), Command.create({"metric_id": self.metric("recency")})]
        metric.unlink()

    def test_a_field_that_is_deleted_takes_its_metric_along_and_the_policy_says_so(self):
        field = self._add_field("integer")
        metric = self._add_metric(field, name="Trucks")
        self.policy.criterion_ids = [Command.create({"metric_id": metric.id})]
        self.compute()
        field.unlink()
        self.assertFalse(metric.exists())
        self.assertIn("Trucks", self.policy.lost_metric_warning)
        run = self.compute()
        self.assertEqual((run.state, "Trucks" in run.note), ("done", True))

    def test_a_metric_stays_with_its_field(self):
        metric = self._add_metric(self._add_field("integer"))
        other = self._add_field("float")
        with self.assertRaisesRegex(UserError, "stays with what it measures"):
            metric.field_id = other
        with self.assertRaisesRegex(UserError, "never changes"):
            metric.key = "another"

    def test_texts_and_names_that_would_break_a_screen_are_refused(self):
        metric = self._add_metric(self._add_field("integer"))
        for values, message in (
            ({"text_many": "%(count)s trucks"}, "the number stands where"),
            ({"text_many": "100 %"}, "the number stands where"),
            ({"needed_columns": "amount, x; DROP TABLE"}, "cannot be the name of a column"),
            ({"band_1": 9, "band_2": 8}, "must rise"),
        ):
            with self.subTest(values=values), self.assertRaisesRegex(ValidationError, message), self.env.cr.savepoint():
                metric.write(values)
        for part, whole in ((False, "amount"), ("amount", False)):
            with self.assertRaisesRegex(ValidationError, "is a ratio"), self.env.cr.savepoint():
                self.metrics.create({"name": "Half", "origin": "ratio", "part_column": part, "whole_column": whole})

    def test_the_form_proposes_all_of_it_from_the_field(self):
        field = self._add_field("date", field_description="Last visit")
        with Form(self.metrics.with_user(self.manager).with_context(default_origin="field")) as form:
            form.field_name = field.name
            self.assertEqual((form.name, form.unit, form.direction), ("Last visit", "days", "lower"))
        self.assertEqual(form.record.key, "field_x_date")

    def test_a_ratio_of_two_columns_needs_no_code(self):
        self.order(self.big, 20, 900)
        ratio = self.metrics.create(
            {
                "name": "Amount per day with orders",
                "origin": "ratio",
                "unit": "money",
                "part_column": "amount",
                "whole_column": "purchase_days",
            }
        )
        self._only(ratio)
        self.compute()
        self.assertIn("500.00", self._lines(self.big)[ratio.key]["text"])  # 1,000 on two days
        self.assertIn("100.00", self._lines(self.small)[ratio.key]["text"])

    # ------------------------------------------------------------------
    # Order and versions
    # ------------------------------------------------------------------

    def test_the_order_in_which_people_see_criteria_is_no_rule(self):
        self.compute()
        version = self.policy.version_ids
        recency, frequency, _monetary = self.policy.criterion_ids
        recency.sequence, frequency.sequence = 9, 1
        self.env.invalidate_all()
        self.assertEqual(self.policy.criterion_ids[0], frequency)
        self.assertEqual(self.policy.version_ids, version)
        run = self.compute()
        self.assertEqual((run.version_id, run.written_count), (version, 0))
        self.assertEqual(next(iter(self._lines(self.small))), "frequency")

    def test_new_default_limits_are_for_new_criteria_only(self):
        metric = self._add_metric(self._add_field("integer"))
        self._only(metric)
        self.compute()
        version = self.policy.version_ids
        metric.write({"band_1": 2, "name": "Renamed"})
        self.assertEqual(self.policy.criterion_ids.band_1, 1)
        self.assertEqual(self.compute(AS_OF).version_id, version)

    # ------------------------------------------------------------------
    # Typed by an enemy, or by mistake
    # ------------------------------------------------------------------

    def test_people_add_fields_and_ratios_only_and_name_no_columns(self):
        mine = self.metrics.with_user(self.manager)
        field = {"name": "Trucks", "origin": "field", "field_id": self._add_field("integer").id}
        ratio = {"name": "Ratio", "origin": "ratio", "part_column": "amount", "whole_column": "order_count"}
        for values, message in (
            ({"name": "Source", "origin": "source", "unit": "number"}, "comes with the app"),
            ({"name": "Source", "unit": "number"}, "comes with the app"),
            ({**field, "column": "policy_id"}, "is set by itself"),
            ({**field, "column": "amount", "active": False}, "is set by itself"),
            ({**field, "key": "recency"}, "is set by itself"),
            ({**ratio, "needed_columns": "company_id,policy_id"}, "is set by itself"),
            *(
                ({**ratio, side: column}, f"“{column}” is none of the numbers")
                for side in ("part_column", "whole_column")
                for column in ("score", "tier_id", "first_order_date", "own_nothing", "category_share", "x; DROP")
            ),
        ):
            with self.subTest(**values), self.assertRaisesRegex(UserError, message), self.env.cr.savepoint():
                mine.create(values)
        lies = {"default_column": "policy_id", "default_key": "amount", "default_needed_columns": "company_id"}
        for values in (field, ratio):
            metric = mine.with_context(**lies).create(values)
            self.assertFalse(metric.needed_columns)
            self.assertEqual(metric.column, metric.key)
            with self.assertRaisesRegex(UserError, "is set by itself"), self.env.cr.savepoint():
                metric.column = "amount"
        copy = metric.copy({"part_column": "order_count", "whole_column": "purchase_days"})
        self.policy.criterion_ids = [
            Command.clear(),
            *(Command.create({"metric_id": one.id, "method": "bands"}) for one in metric | copy),
        ]
        self.compute()
        lines = self._lines(self.big)
        self.assertEqual((lines[metric.key]["text"], lines[copy.key]["text"]), ("100", "1"))

    def test_a_ratio_of_what_no_app_brings_any_more_is_said(self):
        ratio = self.metrics.create(
            {"name": "Odd", "origin": "ratio", "part_column": "amount", "whole_column": "order_count"}
        )
        self._only(ratio)
        self.env.flush_all()
        self.env.cr.execute("UPDATE customer_tiering_metric SET part_column = 'gone' WHERE id = %s", [ratio.id])
        self.env.invalidate_all()
        with self.assertRaisesRegex(UserError, "“Odd” is a ratio with “gone”, which no app brings any more"):
            self.compute()

    def test_what_is_hidden_is_not_reached_by_any_way(self):
        self.big.with_company(self.company).credit_limit = 1021
        secret = self._add_metric(
            self.env["ir.model.fields"]._get("res.partner", "credit_limit"), name="Credit limit", unit="money"
        )
        share = self.metrics.create(
            {"name": "Per order", "origin": "ratio", "part_column": secret.column, "whole_column": "order_count"}
        )
        self.policy.criterion_ids = [
            Command.clear(),
            *(Command.create({"metric_id": one.id, "method": "bands"}) for one in secret | share),
        ]
        self.compute()
        self.env.invalidate_all()
        card = self.card(self.big)
        for user in (self.salesperson, self.manager):
            seen = card.with_user(user)
            self.assertEqual([part[0] for part in seen.explanation.values()], [None, None])
            self.assertNotIn("1,021", str(seen.explanation_data))
            with self.assertRaises(AccessError):
                seen.read(["parts"])
        self.assertIn(1021, [part[0] for part in card.sudo().told.values()])
        # It may neither be divided, nor scored by, nor be a condition, nor be what customers are ranked by.
        mine = self.metrics.with_user(self.manager)
        self.assertNotIn(secret.column, dict(mine._selection_column()))
        with self.assertRaisesRegex(UserError, "none of the numbers that can be divided"):
            mine.create({"name": "Spy", "origin": "ratio", "part_column": secret.column, "whole_column": "order_count"})
        copy = self.other_policy().with_user(self.manager)
        for values in (
            {"criterion_ids": [Command.clear(), Command.create({"metric_id": share.id, "weight": 1})]},
            {"basis_id": secret.id},
        ):
            with (
                self.subTest(**values),
                self.assertRaisesRegex(ValidationError, "You may not see “Credit Limit”"),
                self.env.cr.savepoint(),
            ):
                copy.write(values)
        with self.assertRaisesRegex(ValidationError, "You may not see “Credit Limit”"), self.env.cr.savepoint():
            self.env["customer.tier.condition"].with_user(self.manager).create(
                {"tier_id": copy.tier_ids[0].id, "metric_id": secret.id, "value": 1}
            )
        # Where it is gone, what was computed by it stays hidden.
        self.policy.criterion_ids = [Command.clear(), Command.create({"metric_id": self.metric("recency")})]
        copy.sudo().unlink()
        (share | secret).unlink()
        self.env.invalidate_all()
        self.assertNotIn("1,021", str(card.with_user(self.salesperson).explanation_data))

    def test_what_decides_in_another_company_is_not_changed_from_here(self):
        values = [Command.create({"value": value, "name": value}) for value in ("low", "high")]
        metric = self._add_metric(self._add_field("selection", selection_ids=values))
        self._only(metric)
        other = self.env["res.company"].create({"name": "Other"})
        stranger = self.new_user("stranger", "sales_team.group_sale_manager")
        stranger.write({"company_ids": [Command.set(other.ids)], "company_id": other.id})
        foreign = metric.with_user(stranger).with_context(allowed_company_ids=other.ids)
        for change in (
            lambda: foreign.value_ids[0].write({"points": 100}),
            lambda: foreign.write({"direction": "lower"}),
            lambda: foreign.value_ids[0].unlink(),
            lambda: foreign.value_ids.create({"metric_id": metric.id, "value": "x", "points": 5}),
        ):
            with self.assertRaisesRegex(UserError, "a policy of a company that is not yours"), self.env.cr.savepoint():
                change()
        metric.with_user(self.manager).value_ids[0].points = 20
        with self.assertRaisesRegex(UserError, "is computed by the app"), self.env.cr.savepoint():
            self.env["customer.tiering.metric.value"].with_user(self.manager).create(
                {"metric_id": self.metric("recency"), "value": "a", "points": 5}
            )

    def test_only_the_addon_says_which_metrics_were_lost(self):
        with self.assertRaises(AccessError):
            self.policy.with_user(self.manager).write({"lost_metrics": {"x": {}}})
        self.policy.lost_metrics = {"x": {"en_US": "Trucks"}}
        self.env.invalidate_all()
        self.assertIn("Trucks", self.policy.with_user(self.manager).lost_metric_warning)
        self.policy.with_user(self.manager).action_forget_lost_metrics()
        self.assertFalse(self.policy.lost_metric_warning)

    # ------------------------------------------------------------------
    # What changes later
    # ------------------------------------------------------------------

    def test_a_choice_that_is_added_later_gets_points_and_one_that_is_removed_goes(self):
        values = [Command.create({"value": value, "name": value.title(), "sequence": 1}) for value in ("low", "high")]
        field = self._add_field("selection", selection_ids=values)
        metric = self._add_metric(field)
        metric.value_ids[0].points = 10
        selection = self.env["ir.model.fields.selection"]
        huge = selection.create({"field_id": field.id, "value": "huge", "name": "Huge", "sequence": 9})
        self.assertEqual(
            metric.value_ids.mapped(lambda line: (line.value, line.points)), [("low", 10), ("high", 100), ("huge", 100)]
        )
        huge.unlink()
        self.assertEqual(metric.value_ids.mapped("value"), ["low", "high"])

    def test_between_runs_a_choice_has_the_points_that_the_run_gave_it(self):
        values = [Command.create({"value": value, "name": value.title()}) for value in ("low", "high")]
        metric = self._add_metric(self._add_field("selection", selection_ids=values))
        self.small.x_selection = "low"
        self._only(metric)
        self.compute(self.company._get_tiering_today())
        metric.value_ids[0].points = 45
        refresh = self.env["customer.tiering.refresh"]
        refresh._add(self.small, self.company, "instant")
        refresh._process(self.company)
        self.assertEqual(self.card(self.small).score, 0)
        self.compute(self.company._get_tiering_today())
        self.assertEqual(self.card(self.small).score, 45)

    def test_what_is_no_number_is_not_known(self):
        field = self._add_field("float")
        self.small.x_float, self.big.x_float = 7, 1
        self.env.flush_all()
        self.env.cr.execute("UPDATE res_partner SET x_float = 'Infinity' WHERE id = %s", [self.big.id])
        self.env.cr.execute("UPDATE res_partner SET x_float = 'NaN' WHERE id = %s", [self.unfilled.id])
        self._only(self._add_metric(field), method="bands")
        run = self.compute()
        self.assertEqual(run.state, "done")
        self.assertEqual([self.card(who).score for who in (self.small, self.big, self.unfilled)], [75, 0, 0])

    # ------------------------------------------------------------------
    # What is promised
    # ------------------------------------------------------------------

    def test_what_is_not_known_is_no_zero_in_the_ways(self):
        """One order of 100: the gap is left out; limits 50, 150, 1000, 2000 of money."""
        self.policy.criterion_ids = [
            Command.clear(),
            Command.create({"metric_id": self.metric("gap_median"), "method": "bands", "unknown": "left_out"}),
            Command.create(
                {
                    "metric_id": self.metric("monetary"),
                    "method": "bands",
                    "band_unit": "value",
                    **{f"band_{place}": cut for place, cut in enumerate((50, 150, 1000, 2000), 1)},
                }
            ),
        ]
        self.policy.tier_ids[2].entry_floor = 40
        self.compute()
        following = self.card(self.small).explanation_data["next"]
        self.assertEqual(following["tier"], "Silver")
        self.assertEqual(following["ways"][0].replace("\xa0", ""), "$50.00 more ($150.00 in all)")

    def test_the_way_of_a_choice_is_a_choice(self):
        values = [Command.create({"value": value, "name": value.title()}) for value in ("low", "mid", "high")]
        metric = self._add_metric(self._add_field("selection", selection_ids=values))
        for line, points in zip(metric.value_ids, (0, 45, 90), strict=True):
            line.points = points
        self.small.x_selection = "low"
        self._only(metric)
        self.compute()
        following = self.card(self.small).explanation_data["next"]
        self.assertEqual(following["ways"][0], "A selection: Mid (45 points)")

    def test_points_are_of_what_has_points(self):
        with self.assertRaisesRegex(ValidationError, "has no points of its own"):
            self._only(self.metrics.browse(self.metric("recency")), method="points")
