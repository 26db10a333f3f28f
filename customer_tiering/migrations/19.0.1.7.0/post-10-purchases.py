def migrate(cr, version):
    """The rules kept with versions and simulations say what a purchase is, as those of today do.

    So the next run does not take the rules for other ones. What it finds may differ all the same: returns belong to
    their orders now.
    """
    added = '{"revenue_from": "order", "min_order_amount": 0.0, "subtract_rebates": true}'
    cr.execute(
        """
        UPDATE customer_tiering_policy_version SET rules = %s::jsonb || rules::jsonb WHERE rules IS NOT NULL
        """,
        [added],
    )
    for column in ("base_rules", "draft_rules"):
        cr.execute(
            f"UPDATE customer_tiering_simulation SET {column} = %s::jsonb || {column}::jsonb "
            f"WHERE {column} IS NOT NULL",
            [added],
        )
