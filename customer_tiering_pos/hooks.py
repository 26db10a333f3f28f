from odoo.addons.customer_tiering.uninstall import forget_saved


def uninstall_hook(env):
    """Forget what people saved with this addon's fields, and what tiers gave by tickets."""
    forget_saved(env, "customer_tiering_pos")
    env["customer.tiering.concession"].search([("pos_order_id", "!=", False)]).unlink()
