from odoo.addons.customer_tiering.uninstall import forget_saved


def uninstall_hook(env):
    """Forget what people saved with this addon's fields, and let nothing go out to whoever Odoo alone would find.

    Without the addon a filter asks for the tiers of whatever company sends.
    """
    forget_saved(env, "customer_tiering_mass_mailing")
    mailings = env["mailing.mailing"].with_context(active_test=False).search([("state", "in", ("in_queue", "sending"))])
    mailings.filtered("tiering_asked").state = "draft"
    # What held customers out is known no more.
    env["customer.tiering.effect"].search([("mailing_id", "!=", False)]).unlink()
    env["mailing.filter"].search([]).filtered("tiering_asked").unlink()
