from .uninstall import forget_saved


def post_init_hook(env):
    """Give every company that is already there its default policy; nothing is computed yet."""
    env["res.company"].with_context(active_test=False).search([])._create_default_tiering_policy()


def uninstall_hook(env):
    """Forget what people saved with the addon's fields, and empty the computed tables.

    These before Odoo does: it deletes the segments, which scorecards point to, first.
    """
    forget_saved(env, "customer_tiering")
    env.flush_all()
    env.cr.execute(
        "TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_segment_change, customer_tiering_lock,"
        " customer_tiering_followup, customer_tiering_gap, customer_tiering_fall, customer_tiering_check,"
        " customer_tiering_check_partner_rel, customer_tiering_concession"
    )
    # No model's, so that Odoo would leave it.
    env.cr.execute("DROP TABLE IF EXISTS customer_tiering_part_column")
    env.invalidate_all(flush=False)
