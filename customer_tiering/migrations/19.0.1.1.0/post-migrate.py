def migrate(cr, version):
    """Put the tiers in order, and take the tiers until now for what the rules came to."""
    cr.execute(
        """
        UPDATE customer_tier
           SET sequence = place.sequence
          FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY policy_id ORDER BY active DESC, entry_floor DESC, id)
                           AS sequence
                  FROM customer_tier) place
         WHERE place.id = customer_tier.id
        """
    )
    cr.execute("UPDATE customer_tiering_scorecard SET computed_tier_id = tier_id, computed_since = tier_since")
    cr.execute(
        """
        UPDATE customer_tier_change change SET user_id = run.user_id
          FROM customer_tiering_run run
         WHERE run.id = change.run_id AND run.user_id IS NOT NULL
        """
    )
