"""A loop over the customers, as most such modules do it: search the orders, sum in Python, write."""

import datetime

from common import transaction

from . import cards
from .b0 import WINDOW_DAYS


def compute(registry, clock, as_of, result):
    since = datetime.datetime.combine(as_of - datetime.timedelta(days=WINDOW_DAYS), datetime.time())
    with cards.made(registry, result), transaction(registry) as env, clock.measure(lambda: env.cr.sql_log_count):
        Order, Score = env["sale.order"], env[cards.MODEL]
        for company in env["res.company"].search([]):
            found = []
            for customer in env["res.partner"].search([("customer_rank", ">", 0), ("parent_id", "=", False)]):
                orders = Order.search(
                    [
                        ("partner_id", "child_of", customer.id),
                        ("company_id", "=", company.id),
                        ("state", "=", "sale"),
                        ("date_order", ">=", since),
                    ]
                )
                if orders:
                    found.append(
                        {
                            "x_partner_id": customer.id,
                            "x_company_id": company.id,
                            "x_recency": (as_of - max(orders.mapped("date_order")).date()).days,
                            "x_order_count": len(orders),
                            "x_amount": sum(order.amount_untaxed / (order.currency_rate or 1) for order in orders),
                        }
                    )
            for value, score, reverse in (
                ("x_recency", "x_recency_score", True),
                ("x_order_count", "x_frequency_score", False),
                ("x_amount", "x_monetary_score", False),
            ):
                found.sort(key=lambda values, value=value: values[value], reverse=reverse)
                for place, values in enumerate(found):
                    values[score] = 1 + 5 * place // len(found)
            for values in found:
                card = Score.search(
                    [("x_partner_id", "=", values["x_partner_id"]), ("x_company_id", "=", company.id)], limit=1
                )
                if card:
                    card.write(values)
                else:
                    Score.create(values)
        env.cr.commit()
