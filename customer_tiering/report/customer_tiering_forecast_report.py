from odoo import api, fields, models
from odoo.tools import format_date

from .. import jobs
from ..models.customer_tiering_replay import DIRECT_LIMIT
from ..sentences import format_number, say_cannot_tell, say_forecast_note


class CustomerTieringForecastReport(models.AbstractModel):
    """What would have been foretold of a policy's customers on earlier days, and what came: a picture, a table, words.

    It counts all customers of the policy, so it is for managers from whom none of them is hidden.
    """

    _name = "customer.tiering.forecast.report"
    _description = "Test of the Forecast"

    @api.readonly
    @api.model
    def get_data(self, policy_id=False):
        """Return what the report shows, a dict of plain values.

        :param policy_id: id of a policy of the current company; False: the one with the most customers
        :return: ``policies``, ``policy_id``, ``may_test``; ``state``: of the test, False before the first one;
            ``notes``: sentences about all of it; ``grade``: "A", "B", "C" or False; ``days``: of each tested day, the
            latest first, ``key``, ``name``, ``grade``, ``sentences`` and ``bands``, see :meth:`_tell_band`
        """
        self.env["customer.tiering.forecast"].check_access("read")
        policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        forecast = policy.forecast_ids
        data = {
            "policies": policies,
            "policy_id": policy.id,
            "may_test": bool(policy) and policy.has_access("write"),
            "state": forecast.state,
            "grade": forecast.grade,
            "notes": [],
            "days": [],
        }
        if forecast.state == "failed":
            data["notes"].append(self.env._("The last test failed: %(reason)s", reason=forecast.error))
        if not (result := forecast._show_result(data["notes"])):
            return data
        data["notes"] += self._get_notes(forecast, result)
        return {**data, "days": [self._tell_day(policy, day) for day in result["days"]]}

    @api.model
    def test_now(self, policy_id):
        """Test a policy at once where that takes a moment, in the background where it takes longer."""
        _policies, policy = self.env["customer.tiering.policy"]._choose_for_report(policy_id)
        policy.check_access("write")
        if not policy:
            return
        forecast = self.env["customer.tiering.forecast"]._queue(policy, user_id=self.env.uid)
        if policy._count_purchases(DIRECT_LIMIT + 1) <= DIRECT_LIMIT or not jobs.call(self.env, jobs.FORECASTS):
            forecast._compute()

    @api.readonly
    @api.model
    def is_led_by_silence(self):
        """Return whether silence says more of the current company's customers at risk than what is foretold of them."""
        self.env["customer.tiering.scorecard"].check_access("read")
        return self.env["customer.tiering.forecast"]._is_led_by_silence(self.env.company)

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _get_notes(self, forecast, result):
        """Return what is to be said of all days together."""
        env = self.env
        notes = [env._("Tested on %(day)s.", day=format_date(env, forecast.as_of))]
        if result["cannot_tell"]:
            return [*notes, say_cannot_tell(env, result["cannot_tell"])]
        return notes + [say_forecast_note(env, note) for note in result["days"][0]["notes"]]

    def _tell_day(self, policy, day):
        return {
            "key": day["as_of"],
            "name": format_date(self.env, fields.Date.to_date(day["as_of"])),
            "grade": day["grade"],
            "sentences": self._get_sentences(policy, day),
            "bands": [self._tell_band(band) for band in day["bands"]],
        }

    def _tell_band(self, band):
        """Return a band: the numbers of the picture, 0 to 1 or None, and the words of its table."""
        env = self.env
        told = {
            "name": env._("%(low)s to %(high)s%%", low=self._percent(band["low"]), high=self._percent(band["high"])),
            "mark": f"{self._percent(band['low'])}–{self._percent(band['high'])}",
            "customers": format_number(env, band["customers"]),
            **{name: band[name] for name in ("said", "happened", "least", "most")},
        }
        if not band["customers"]:
            return {**told, "said_text": "–", "happened_text": "–", "between": "–", "text": ""}
        words = {
            "said": env._("%(share)s%%", share=self._percent(band["said"])),
            "happened": env._("%(share)s%%", share=self._percent(band["happened"])),
            "between": env._(
                "%(low)s to %(high)s%%", low=self._percent(band["least"]), high=self._percent(band["most"])
            ),
        }
        text = env._(
            "Of %(customers)s customers said %(band)s, %(happened)s stopped (likely %(between)s).",
            customers=told["customers"],
            band=told["name"],
            **{name: words[name] for name in ("happened", "between")},
        )
        return {
            **told,
            "said_text": words["said"],
            "happened_text": words["happened"],
            "between": words["between"],
            "text": text,
        }

    def _get_sentences(self, policy, day):
        """Return what was said on a day and what came, in sentences."""
        env = self.env
        sentences = [
            env._(
                "On %(day)s something was said of %(customers)s customers; %(stopped)s of them did not order in the "
                "%(days)s days that followed.",
                day=format_date(env, fields.Date.to_date(day["as_of"])),
                customers=format_number(env, day["customers"]),
                stopped=format_number(env, day["stopped"]),
                days=format_number(env, day["horizon"]),
            )
        ]
        fullest = max(day["bands"][1:], key=lambda band: band["customers"])
        if fullest["customers"]:
            sentences.append(
                env._(
                    "Of %(customers)s customers said %(low)s to %(high)s%%, %(happened)s%% stopped.",
                    customers=format_number(env, fullest["customers"]),
                    low=self._percent(fullest["low"]),
                    high=self._percent(fullest["high"]),
                    happened=self._percent(fullest["happened"]),
                )
            )
        if day["endangered"]:
            sentences.append(
                env._(
                    "Of the %(number)s most endangered %(hits)s stopped; by longest silence %(plain)s.",
                    number=format_number(env, day["endangered"]),
                    hits=format_number(env, day["hits"]),
                    plain=format_number(env, day["naive_hits"]),
                )
            )
        if day["gain"] is None:
            sentences.append(env._("Too few of them stopped, or did not, to compare the chances with silence."))
        elif day["plain_is_as_good"]:
            sentences.append(env._("Here the plain rule is as good: call those first who were silent for the longest."))
        sentences.append(self._tell_orders(day))
        if day["amount_came"] is not None:
            sentences.append(self._tell_amount(policy, day))
        return sentences

    def _tell_orders(self, day):
        env, share = self.env, self._tell_deviation(day["orders"], day["orders_came"])
        said = {"said": format_number(env, day["orders"]), "came": format_number(env, day["orders_came"])}
        if not share:
            return env._("Orders predicted %(said)s, came %(came)s.", **said)
        return env._("Orders predicted %(said)s, came %(came)s (%(share)s%%).", share=share, **said)

    def _tell_amount(self, policy, day):
        env, share = self.env, self._tell_deviation(day["amount"], day["amount_came"])
        said = {name: self._money(policy, day[key]) for name, key in (("said", "amount"), ("came", "amount_came"))}
        if not share:
            return env._("Amount predicted %(said)s, came %(came)s.", **said)
        return env._("Amount predicted %(said)s, came %(came)s (%(share)s%%).", share=share, **said)

    def _tell_deviation(self, said, came):
        """Return by how many percent the prediction was above (+) or below (−) what came; "" where nothing came."""
        if not came:
            return ""
        percent = round(100 * (said - came) / came)
        sign = {-1: "−", 0: "", 1: "+"}[(percent > 0) - (percent < 0)]
        return f"{sign}{format_number(self.env, abs(percent))}"

    def _percent(self, share):
        return format_number(self.env, 100 * share)

    def _money(self, policy, amount):
        return policy.company_id.currency_id.with_env(self.env).format(round(amount))
