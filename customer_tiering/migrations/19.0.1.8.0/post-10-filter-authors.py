def migrate(cr, version):
    """Who wrote a filter of customers decides what it finds: whoever changed the policy last, and may use its company.

    Where nobody can, it finds what it found before.
    """
    cr.execute(
        """
        UPDATE customer_tiering_policy policy
           SET filter_author_id = COALESCE(
                   (SELECT member.user_id FROM res_company_users_rel member
                     WHERE member.user_id = policy.write_uid AND member.cid = policy.company_id),
                   (SELECT member.user_id FROM res_company_users_rel member
                     WHERE member.user_id = policy.create_uid AND member.cid = policy.company_id),
                   1)
         WHERE filter_author_id IS NULL
        """
    )
