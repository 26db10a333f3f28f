from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Discounts speak for the price: the metric was there before anything spoke for a motive."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    metric = env.ref("customer_tiering.customer_tiering_metric_discount_share", raise_if_not_found=False)
    price = env.ref("customer_tiering.customer_tiering_motive_price", raise_if_not_found=False)
    if metric and price:
        metric.motive_id = price
