from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from .. import sources
from ..arrays import encode
from .customer_tiering_typed import take

# The methods whose tiers follow from scores or amounts alone.
METHODS = ("score", "customer_share", "revenue_share")


class CustomerTieringLive(models.AbstractModel):
    """What other weights, floors or shares would make of the customers, while somebody drags them.

    The person's browser reckons from the points that the last run gave, without a run: who waits for an upgrade, is
    protected or locked is looked at by a simulation only.
    """

    _name = "customer.tiering.live"
    _description = "Live Numbers of Tiers"

    @api.model
    def _get_policy(self, policy_id):
        policy = self.env["customer.tiering.policy"].browse(take(self.env, policy_id, int)).exists()
        if not policy:
            raise UserError(self.env._("This policy has been deleted."))
        policy.check_access("write")
        return policy

    @api.readonly
    @api.model
    def get_data(self, policy_id):
        """Return what the numbers follow from, a dict of plain values; arrays as ``arrays.encode`` makes them.

        ``method``, ``name``, ``currency_id``, ``window_days``
            of the policy
        ``tiers``
            the highest first: ``id``, ``name``, ``color``, ``floor``, ``share``
        ``criteria``
            ``id``, ``name``, ``weight``
        ``customers``
            how many; they bought at least once
        ``points``
            an array for each criterion: points of each customer, NaN: left out; ``amount``, ``bought``: whether the
            customer bought in the window
        :raises UserError: when there is nothing to reckon from, with what to do about it
        """
        policy = self._get_policy(policy_id)
        rules, _fit = policy._get_last_computation()
        criteria = policy.criterion_ids
        if policy.method not in METHODS or policy.basis_id:
            raise UserError(
                self.env._("The tiers of this policy do not follow from scores or amounts alone: simulate it instead.")
            )
        places = {key: place for place, key in enumerate(rules.metrics)} if rules else {}
        if not places or not all(criterion.metric_id.key in places for criterion in criteria):
            raise UserError(self.env._("The last run did not measure all criteria of this policy. Compute it first."))
        frame = self._read(policy, [places[criterion.metric_id.key] for criterion in criteria])
        return {
            "name": policy.name,
            "method": policy.method,
            "currency_id": policy.currency_id.id,
            "tiers": [
                {"id": tier.id, "name": tier.name, "color": tier.color, "floor": tier.entry_floor, "share": tier.share}
                for tier in policy.tier_ids
            ],
            "criteria": [
                {"id": criterion.id, "name": criterion.metric_id.name, "weight": criterion.weight}
                for criterion in criteria
            ],
            "customers": len(frame),
            "points": [encode(frame[f"points_{number}"].to_numpy(), "Float32") for number in range(len(criteria))],
            "amount": encode(frame["amount"].to_numpy(), "Float64"),
            "bought": encode(frame["order_count"].clip(0, 1).to_numpy(), "Uint8"),
        }

    @api.model
    def _read(self, policy, places):
        """Return the points by each criterion, the amount and the number of orders of those who ever bought.

        :param places: where the criteria stand in what the last run told
        """
        base, cards = sources.base, self.env["customer.tiering.scorecard"]
        cards.flush_model()
        query = cards._search([("policy_id", "=", policy.id), ("last_order_date", "!=", False)])
        points = [
            SQL("(%s::jsonb #>> %s)::float8", SQL.identifier(cards._table, "parts"), [str(place), "1"])
            for place in places
        ]
        select = query.select(
            SQL.identifier(cards._table, "id"),
            SQL.identifier(cards._table, "amount"),
            SQL.identifier(cards._table, "order_count"),
            *(SQL("%s AS %s", value, SQL.identifier(f"points_{number}")) for number, value in enumerate(points)),
        )
        columns = {"id": base.ID, "amount": base.FLOAT, "order_count": base.INTEGER}
        columns |= {f"points_{number}": base.FLOAT for number in range(len(places))}
        return sources.rows.fetch_frame(self.env.cr, select, columns)

    @api.model
    def use(self, policy_id, values, simulate):
        """Take values over: into the policy, or into a simulation of it.

        :param values: ``{"floors": {tier id: score}, "shares": {tier id: percent}, "weights": {criterion id: weight}}``
        :return: the action to go on with; the simulation's form, or nothing
        """
        policy = self._get_policy(policy_id)
        values = take(self.env, values, dict)
        asked = {name: take(self.env, values.get(name, {}), dict) for name in ("floors", "shares", "weights")}
        action = False
        if simulate:
            action = policy.action_simulate()
            draft = self.env["customer.tiering.policy"].browse(action["res_id"])
            tiers = {tier.origin_id.id: tier for tier in draft.tier_ids}
            criteria = dict(zip(policy.criterion_ids.ids, draft.criterion_ids, strict=True))
        else:
            draft = policy
            tiers = {tier.id: tier for tier in policy.tier_ids}
            criteria = {criterion.id: criterion for criterion in policy.criterion_ids}
        lines = {"tier_ids": [], "criterion_ids": []}
        for name, fname, records, target in (
            ("floors", "entry_floor", tiers, "tier_ids"),
            ("shares", "share", tiers, "tier_ids"),
            ("weights", "weight", criteria, "criterion_ids"),
        ):
            for record_id, record in records.items():
                value = asked[name].get(str(record_id), record[fname])
                if value != record[fname]:
                    lines[target].append((1, record.id, {fname: value}))
        draft.write({name: commands for name, commands in lines.items() if commands})
        return action
