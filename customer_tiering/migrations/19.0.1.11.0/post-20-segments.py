def migrate(cr, version):
    """Which segments customers left is known from today on: earlier days are reckoned by the rules of today."""
    cr.execute(
        """
        UPDATE res_company SET tiering_segments_since = CURRENT_DATE
         WHERE id IN (SELECT company_id FROM customer_tiering_scorecard)
        """
    )
