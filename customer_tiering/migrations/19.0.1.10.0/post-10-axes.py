from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Give the policies that were there the usual axes: when their columns were made, one of the metrics was not."""
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    policies = env["customer.tiering.policy"].search([])
    for fname, key in (("axis_value_id", "monetary"), ("axis_profit_id", "net_profit")):
        metric = env["customer.tiering.metric"].search([("key", "=", key)])
        policies.filtered(lambda policy, fname=fname: not policy[fname])[fname] = metric
