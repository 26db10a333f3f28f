from odoo.addons.customer_tiering.uninstall import forget_saved


def uninstall_hook(env):
    """Forget what people saved with this addon's fields."""
    forget_saved(env, "customer_tiering_delivery")
