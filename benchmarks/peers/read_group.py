"""One group by customer, the place in a sorted list as percentile, one write per customer: the best
published open module's way."""

import datetime

from common import transaction

from . import cards
from .b0 import WINDOW_DAYS


def compute(registry, clock, as_of, result):
    since = datetime.datetime.combine(as_of - datetime.timedelta(days=WINDOW_DAYS), datetime.time())
    with cards.made(registry, result), transaction(registry) as env, clock.measure(lambda: env.cr.sql_log_count):
        Score = env[cards.MODEL]
        for company in env["res.company"].search([]):
            groups = env["sale.order"]._read_group(
                [("company_id", "=", company.id), ("state", "=", "sale"), ("date_order", ">=", since)],
                ["partner_id"],
                ["date_order:max", "__count", "amount_untaxed:sum"],
            )
            found = {}
            for partner, last, count, amount in groups:
                values = found.setdefault(
                    partner.commercial_partner_id, {"x_last": last, "x_order_count": 0, "x_amount": 0}
                )
                values["x_last"] = max(values["x_last"], last)
                values["x_order_count"] += count
                values["x_amount"] += amount
            for values in found.values():
                values["x_recency"] = (as_of - values.pop("x_last").date()).days
            for value, score, reverse in (
                ("x_recency", "x_recency_score", True),
                ("x_order_count", "x_frequency_score", False),
                ("x_amount", "x_monetary_score", False),
            ):
                ordered = sorted((values[value] for values in found.values()), reverse=reverse)
                for values in found.values():
                    values[score] = 1 + 5 * ordered.index(values[value]) // len(ordered)
            known = {card.x_partner_id: card for card in Score.search([("x_company_id", "=", company.id)])}
            for customer, values in found.items():
                if customer in known:
                    known[customer].write(values)
                else:
                    Score.create({**values, "x_partner_id": customer.id, "x_company_id": company.id})
        env.cr.commit()
