from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """What comes back speaks for the service: the metric was there before anything spoke for a motive."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    metric = env.ref("customer_tiering_stock.customer_tiering_metric_returned_share", raise_if_not_found=False)
    service = env.ref("customer_tiering.customer_tiering_motive_service", raise_if_not_found=False)
    if metric and service:
        metric.motive_id = service
