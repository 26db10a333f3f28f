def post_init_hook(env):
    """Give every company that is already there its default policy; nothing is computed yet."""
    env["res.company"].with_context(active_test=False).search([])._create_default_tiering_policy()


def uninstall_hook(env):
    """Empty the computed tables first: Odoo deletes the segments, which scorecards point to, before them."""
    env.flush_all()
    env.cr.execute(
        "TRUNCATE customer_tiering_scorecard, customer_tier_change, customer_tiering_lock, customer_tiering_followup"
    )
    env.invalidate_all(flush=False)
