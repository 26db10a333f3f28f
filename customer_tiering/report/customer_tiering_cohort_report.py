import dataclasses

from babel.dates import format_skeleton

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools.misc import babel_locale_parse, get_lang

from .. import engine
from ..models.customer_tiering_policy import FIRST_DAY
from ..models.customer_tiering_typed import take

# What of a day a period is called by; each language has its own order.
SKELETONS = {"month": "yMMM", "quarter": "yQQQ", "year": "y"}
# So many cohorts and periods are shown first, and so many at most.
LIMIT, MOST = 24, 120


class CustomerTieringCohortReport(models.AbstractModel):
    """Customers by the month, quarter or year of their first order: how many came back, and for how much.

    Purchases are those of a policy: of its source, of its customers, less what was returned. Of the customers of the
    current company whom the person may see.
    """

    _name = "customer.tiering.cohort.report"
    _description = "Cohorts of Customers"

    @api.readonly
    @api.model
    def get_data(self, policy_id=False, unit="month", everything=False):
        """Return what the report shows, a dict of plain values.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :param unit: "month", "quarter" or "year"
        :param everything: whether all cohorts are wanted, not only the newest ones
        :return: ``policies``, ``policy_id``, ``currency_id``; ``total``: how many cohorts there are; ``columns``:
            how many periods are shown; ``rows``: of each cohort, the newest first, ``key``, ``name``, ``size`` and
            ``cells``: of each period ``customers`` who bought in it, ``later``: in it or after it, ``amount``
            and ``cumulated`` amount; None where the period is not over
        """
        policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        data = {
            "policies": policies,
            "policy_id": policy.id,
            "currency_id": self.env.company.currency_id.id,
        }
        if not policy:
            return {**data, "total": 0, "columns": 0, "rows": []}
        cohorts = self._read(policy, unit)
        most = MOST if everything else LIMIT
        rows = [self._get_row(cohorts, place, most) for place in range(min(len(cohorts.periods), most))]
        return {
            **data,
            "total": len(cohorts.periods),
            "columns": max((len(row["cells"]) for row in rows), default=0),
            "rows": rows,
        }

    @api.readonly
    @api.model
    def get_customers(self, policy_id, unit, cohort, period=None, later=False):
        """Return the ids of customers of a cohort.

        :param cohort: its ``key``
        :param period: counted from the cohort's own: who bought in it; None: all of them
        :param later: or after it
        """
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        cohort, period = take(self.env, cohort, int), take(self.env, period, int, None)
        return self._read(policy, unit).choose(cohort, period, later=bool(later)).tolist()

    @api.model
    def _read(self, policy, unit):
        """Return the engine's ``Cohorts`` of the customers whom the person may see."""
        self.env["customer.tiering.scorecard"].check_access("read")
        if unit not in tuple(engine.cohorts.MONTHS):  # of a client: it may be nothing that a dict looks up
            raise UserError(self.env._("Choose months, quarters or years."))
        policy._check_usable()
        today = self.env.company._get_tiering_today()
        # sudo: who sees scorecards may know what their customers bought
        scope = dataclasses.replace(policy.sudo()._get_scope(today), window_days=(today - FIRST_DAY).days + 1)
        customers, purchases, bought = self.env["customer.tiering.reader"].sudo()._read_purchases(scope)
        seen = self.env["ir.rule"]._find_tiering_seen(customers)[purchases.buyer]
        found = (purchases.buyer, purchases.day, purchases.money, bought)
        return engine.cohorts.build(customers, *(array[seen] for array in found), today, unit)

    @api.model
    def _get_row(self, cohorts, place, most):
        key, decimals = int(cohorts.periods[place]), self.env.company.currency_id.decimal_places
        # What is not over comes last.
        width = min(int(cohorts.is_over[place].sum()), most)
        first_day = engine.cohorts.get_first_day(key, cohorts.unit)
        columns = (
            cohorts.bought[place, :width],
            cohorts.later[place, :width],
            engine.grouped.rounded(cohorts.money[place, :width], decimals),
            engine.grouped.rounded(cohorts.money[place, :width].cumsum(), decimals),
        )
        names = ("customers", "later", "amount", "cumulated")
        return {
            "key": key,
            "name": format_skeleton(
                SKELETONS[cohorts.unit], first_day, locale=babel_locale_parse(get_lang(self.env).code)
            ),
            "size": int(cohorts.sizes[place]),
            "cells": [dict(zip(names, cell, strict=True)) for cell in zip(*(c.tolist() for c in columns), strict=True)],
        }
