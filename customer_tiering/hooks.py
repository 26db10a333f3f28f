def post_init_hook(env):
    """Give every company that is already there its default policy; nothing is computed yet."""
    env["res.company"].with_context(active_test=False).search([])._create_default_tiering_policy()
