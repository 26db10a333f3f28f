from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import ormcache

from .. import engine, jobs
from .customer_tiering_policy import GRADE_HELP, GRADES
from .customer_tiering_run import INTERRUPTIONS


class CustomerTieringForecast(models.Model):
    """The test of a policy's forecast: what would have been foretold on earlier days, and what came.

    It is made anew once a week, after a run, and when somebody asks for it; without any lock that a run or a person
    could wait for.
    """

    _name = "customer.tiering.forecast"
    _inherit = ["customer.tiering.queued"]
    _description = "Test of a Policy's Forecast"
    _tiering_job = jobs.FORECASTS

    as_of = fields.Date(help="The day on which was tested; the days that were looked at lie before it.")
    grade = fields.Selection(GRADES, readonly=True, help=GRADE_HELP)
    # Counts all customers: read it by the report.
    result = fields.Json(
        readonly=True,
        prefetch=False,
        groups=fields.NO_ACCESS,
        help="What was foretold on earlier days, and what came, as the engine's ``outlook.try_out`` tells it.",
    )

    _policy_uniq = models.Constraint("UNIQUE(policy_id)", "A policy has one test of its forecast.")

    # ------------------------------------------------------------------
    # The grade, wherever the numbers are
    # ------------------------------------------------------------------

    @api.model
    @ormcache()
    def _get_grades(self):
        """Return ``{id of a policy: "A", "B" or "C"}``, of the policies that have a grade."""
        # sudo: a letter about the method, which says nothing of any customer
        graded = self.sudo().search_fetch([("grade", "!=", False)], ["policy_id", "grade"])
        return {forecast.policy_id.id: forecast.grade for forecast in graded}

    @api.model
    def _is_led_by_silence(self, company):
        """Whether silence says more of a company's customers at risk than what is foretold of them."""
        grades = self._get_grades()
        if not grades:
            return False
        # sudo: which policies there are
        policies = self.env["customer.tiering.policy"].sudo().search([("company_id", "=", company.id)])
        return {grades[policy.id] for policy in policies if policy.id in grades} == {engine.forecasts.C}

    @api.model
    def _forget(self):
        """Have the grades read anew."""
        self.env.registry.clear_cache()

    # ------------------------------------------------------------------
    # Queue and job
    # ------------------------------------------------------------------

    @api.model
    def _follow(self, policy, rules, as_of):
        """Have a policy tested after a run, where something is foretold and the last test is a week old.

        :param rules: the engine's ``PolicyRules`` of the run
        """
        # sudo: as the run
        forecast = self.sudo().search([("policy_id", "=", policy.id)])
        if not rules.foretells:
            if forecast:
                forecast.unlink()
                self._forget()
            return
        is_fresh = forecast.as_of and 0 <= (as_of - forecast.as_of).days < engine.outlook.LEARNED_DAYS
        if forecast.state != "queued" and not is_fresh:
            self._queue(policy)
            jobs.call(self.env, jobs.FORECASTS)

    def _tell_interrupted(self):
        return self.env._(
            "The server was stopped %(count)s times during this test. Test again at a quiet time.", count=INTERRUPTIONS
        )

    # ------------------------------------------------------------------
    # Read, try out, write
    # ------------------------------------------------------------------

    def _compute(self, as_of=None):
        """Foretell on earlier days what came later, and keep how right it was.

        :param as_of: a date, the day of the test; today in the company's time zone when left out
        :raises UserError: when the policy cannot be used
        """
        self.ensure_one()
        # sudo: tests are written by the system; the person's right is checked by the caller
        forecast = self.sudo()
        policy = forecast.policy_id
        if problem := policy._get_obstacle():
            raise UserError(problem)
        policy._check_usable()
        as_of = as_of or policy.company_id._get_tiering_today()
        rules, scope = policy._get_rules(), policy._get_scope(as_of)
        past = engine.outlook.PAST_DAYS
        history = self.env["customer.tiering.replica"].sudo()._read_history(scope, (), past)
        try:
            found = engine.outlook.try_out(
                rules,
                history.frame,
                history.purchases,
                as_of,
                scope.decimals,
                least=scope.least,
                since=fields.Date.add(scope.window_start, days=1 - past),
            )
        except ValueError as error:
            raise UserError(str(error)) from error
        if not forecast.exists():  # the policy was deleted meanwhile
            return
        forecast.write({"state": "done", "error": False, "as_of": as_of, "grade": found["grade"], "result": found})
        forecast._forget()


class CustomerTieringScorecard(models.Model):
    _inherit = "customer.tiering.scorecard"

    forecast_grade = fields.Selection(
        GRADES,
        string="Grade of the Forecast",
        compute="_compute_forecast_grade",
        exportable=False,
        help=GRADE_HELP,
    )

    @api.depends("policy_id")
    def _compute_forecast_grade(self):
        grades = self.env["customer.tiering.forecast"]._get_grades()
        for card in self:
            card.forecast_grade = grades.get(card.policy_id.id, False)
