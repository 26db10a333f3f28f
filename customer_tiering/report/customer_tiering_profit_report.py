from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from .. import engine, sentences, sources
from ..arrays import encode
from ..models.customer_tiering_typed import take

# What is read of each customer beside the columns of the costs, for remedies and for the report.
COLUMNS = ("amount", "served_order_count", "margin", "costed_amount", "net_profit", "meeting_hours", "days_to_pay")
SHOWN = ("tier_id", "amount", "margin", "net_profit")


class CustomerTieringProfitReport(models.AbstractModel):
    """Who brings a profit and who takes it: the pyramid of the tiers, the curve of the customers, and remedies.

    Of the customers of the current company whose scorecards the person may see, and whose profit is known.
    """

    _name = "customer.tiering.profit.report"
    _description = "Customer Profit"

    # ------------------------------------------------------------------
    # What is read
    # ------------------------------------------------------------------

    @api.model
    def _get_domain(self):
        """Return the domain of the scorecards that the report is about."""
        cards = self.env["customer.tiering.scorecard"]
        cards.check_access("read")
        # And those who bought nothing but were work.
        some = Domain("order_count", ">", 0) | Domain("net_profit", "<", 0)
        return Domain("company_id", "=", self.env.company.id) & some

    @api.model
    def _get_costs(self):
        """Return the engine's ``CostRule`` by which the profits were reckoned, of all policies."""
        rules = {}
        policies = self.env["customer.tiering.policy"].search([("company_id", "=", self.env.company.id)])
        for policy in policies:
            last, _fit = policy._get_last_computation()
            rules |= {rule.key: rule for rule in last.costs} if last else {}
        fields = self.env["customer.tiering.scorecard"]._fields  # one may have gone with its app
        return tuple(rules[key] for key in sorted(rules) if rules[key].column in fields)

    @api.model
    def _get_seen(self, costs):
        """Return those of these costs that the person may see one by one."""
        may_see = self.env["customer.tiering.scorecard"]._may_see_column
        return tuple(rule for rule in costs if may_see(rule.column))

    @api.model
    def _get_base(self, frame, costs):
        """Return what remedies are reckoned from, without what the person may not see."""
        if not self.env["customer.tiering.scorecard"]._may_see_column("days_to_pay"):
            frame = frame.assign(days_to_pay=float("nan"))
        return engine.remedies.get_base(frame, self._get_seen(costs))

    @api.model
    def _read(self, costs, columns=COLUMNS, only_known=True):
        """Return what was measured of the customers, a DataFrame, index = id of the scorecard, with ``partner_id``.

        :param costs: whose columns are read too
        :param only_known: leave out of whom no profit is known
        """
        base = sources.base
        cards = self.env["customer.tiering.scorecard"]
        cards.flush_model()
        names = list(dict.fromkeys([*columns, *(rule.column for rule in costs if rule.column in cards._fields)]))
        query = cards._search(self._get_domain())
        columns = {"id": base.ID, "partner_id": base.ID, **dict.fromkeys(names, base.FLOAT)}
        if only_known:
            query.add_where(SQL("%s IS NOT NULL", SQL.identifier(cards._table, "net_profit")))
        select = query.select(*(SQL.identifier(cards._table, name) for name in columns))
        self.env.flush_query(select)  # what decides who may see whom
        return sources.rows.fetch_frame(self.env.cr, select, columns)

    # ------------------------------------------------------------------
    # The report
    # ------------------------------------------------------------------

    @api.readonly
    @api.model
    def get_data(self):
        """Return all that the report shows, a dict of plain values; arrays as ``arrays.encode`` makes them.

        ``tiers``
            of each tier, the highest first: ``id``, ``name``, ``color``, ``customers``, ``amount``, ``net_profit``
        ``customers``
            how many have a known profit; ``unknown``: how many have none
        ``arrays``
            ``{name: [type, text]}``: ``id`` of the customer, ``margin``, less what the person may not see
            one by one, and of each other cost what it is multiplied by
        ``costs``
            ``key``, ``name``, ``rate`` by which the last run reckoned, ``currency_id`` of the rate, False: no money
        """
        costs, decimals = self._get_costs(), self.env.company.currency_id.decimal_places
        everybody = self._read(costs, SHOWN, only_known=False)  # once: the table is big
        groups = everybody.groupby(everybody["tier_id"].fillna(0).astype(int))
        sums = groups[["amount", "net_profit"]].sum().round(decimals).assign(customers=groups.size())
        of_tier = {self.env["customer.tier"].browse(id_ or ()): row for id_, row in sums.to_dict("index").items()}
        tiers = self.env["customer.tier"]._search_current().union(*of_tier)
        frame = everybody[everybody["net_profit"].notna()]
        records = self.env["customer.tiering.cost"].search([])
        seen = self._get_seen(costs)
        hidden = engine.profit.get_parts(frame, [rule for rule in costs if rule not in seen]).sum(axis=1)
        rules = {rule.key: rule for rule in seen}
        reckoned = records.filtered(lambda cost: cost.key in rules)
        return {
            "currency_id": self.env.company.currency_id.id,
            "decimals": decimals,
            "company": self.env.company.name,
            "may_change": self.env["customer.tiering.cost"].has_access("write"),
            "tiers": [
                {
                    "id": tier.id,
                    "name": tier.name,
                    "color": tier.color,
                    **of_tier[tier],
                }
                for tier in (*tiers, tiers.browse())  # and those without a tier
                if tier in of_tier
            ],
            "customers": len(frame),
            "unknown": len(everybody) - len(frame),
            "costs": [
                {
                    "key": cost.key,
                    "name": cost.name,
                    "rate": rules[cost.key].rate,
                    "currency_id": cost.currency_id.id,
                }
                for cost in reckoned
            ],
            "arrays": {
                "id": encode(frame["partner_id"].to_numpy()),
                "margin": encode((frame["margin"] - hidden).to_numpy()),
                **{cost.key: encode(frame[rules[cost.key].column].fillna(0).to_numpy()) for cost in reckoned},
            },
        }

    @api.model
    def use_rates(self, rates):
        """Make these the costs of the company; the next run reckons by them.

        :param rates: ``{key: rate}``
        """
        costs = self.env["customer.tiering.cost"]
        costs.check_access("write")
        rates = take(self.env, rates, dict)
        for cost in costs.search([("key", "in", list(rates))]):
            cost.write({"rate": rates[cost.key]})

    # ------------------------------------------------------------------
    # Remedies
    # ------------------------------------------------------------------

    @api.readonly
    @api.model
    def simulate(self, kind, size):
        """Return what a remedy would bring of all customers below zero together.

        :param kind: one of the engine's ``remedies.KINDS``
        :param size: a number of 0 or more
        :return: ``customers`` who would live otherwise, what they would bring (``gain``), how many come to zero or
            above (``healed``), and ``text``
        :raises UserError: when it is no remedy
        """
        if kind not in engine.remedies.KINDS or not isinstance(size, int | float) or not 0 <= size <= sources.base.MOST:
            raise UserError(self.env._("Choose what to change, and type a number of 0 or more."))
        if not size and kind == engine.remedies.MINIMUM_ORDER:
            raise UserError(self.env._("A minimum order is more than 0."))
        costs = self._get_costs()
        base = self._get_base(self._read(costs), costs)
        result = engine.remedies.summarize(base, kind, float(size))._asdict()
        currency = self.env.company.currency_id
        return {**result, "text": sentences.tell_simulated_remedy(self.env, currency, kind, size, result)}

    @api.model
    def _get_remedies(self, cards):
        """Return ``{scorecard: (remedy in words, who lives with it in words)}`` of those below zero.

        :param cards: of the current company
        """
        costs = self._get_costs()
        frame = self._read(costs)
        base = self._get_base(frame, costs)
        chosen = engine.remedies.choose(base)
        rows = frame.index.get_indexer(cards.ids)
        known = [(card, row) for card, row in zip(cards, rows, strict=True) if row >= 0 and base.deficit[row] > 0]
        alike, living = engine.remedies.count_alike(base, [row for _card, row in known], chosen)
        return {
            card: sentences.tell_remedy(self.env, card.currency_id, base, row, chosen.iloc[row], *peers)
            for (card, row), peers in zip(known, zip(alike.tolist(), living.tolist(), strict=True), strict=True)
        }
