"""Who is a customer of a company: a partner who has dealings with it, as the purchase source says, or who is kept."""

from odoo.tools import SQL


def get_kept_query(company_id, of_partners):
    """Return the SELECT of who is a customer also without dealings: those with a scorecard or a lock.

    :param of_partners: a condition on ``partner_id``, as SQL
    """
    return SQL(
        """
        SELECT partner_id FROM customer_tiering_scorecard WHERE company_id = %(company)s AND %(of_partners)s
     UNION ALL
        SELECT partner_id FROM customer_tiering_lock
         WHERE company_id = %(company)s AND active IS TRUE AND %(of_partners)s
        """,
        company=company_id,
        of_partners=of_partners,
    )


def get_count_query(company_id, candidates, purchase_source):
    """Return the SELECT of the number of customers.

    :param candidates: the SELECT of the ids of the partners among whom they are
    :param purchase_source: a :class:`.base.PurchaseSource`
    """
    return SQL(
        """
        SELECT COUNT(*) FROM (%(candidates)s) customer
         WHERE id IN (SELECT commercial_partner_id FROM res_partner WHERE id IN (%(dealing)s))
            OR id IN (%(kept)s)
        """,
        candidates=candidates,
        dealing=purchase_source.get_dealing_query(company_id),
        kept=get_kept_query(company_id, SQL("TRUE")),
    )
