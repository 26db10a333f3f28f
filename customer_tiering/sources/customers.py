"""Who is a customer of a company: a partner who has dealings with it, as the purchase source says, or who is kept."""

from odoo.tools import SQL

#: The condition that a row of ``customer_tiering_former`` says whose the purchases until then are, ``customer`` being
#: the partner of that time: not of a lone person who is under a company now, whose purchases have gone along.
IS_ERA = SQL(
    "customer.commercial_partner_id IS NOT NULL"
    " AND (former.customer_id != former.partner_id OR customer.commercial_partner_id = customer.id)"
)


def get_customer(person, moment):
    """Return the customer to whom a contact belonged at a moment, as SQL.

    :param person: the alias of ``res_partner``, as SQL
    :param moment: naive UTC, as SQL
    """
    return SQL(
        """CASE WHEN %(person)s.id IN (SELECT partner_id FROM customer_tiering_former) THEN COALESCE(
                (SELECT customer.commercial_partner_id
                   FROM customer_tiering_former former
                   JOIN res_partner customer ON customer.id = former.customer_id
                  WHERE former.partner_id = %(person)s.id AND former.moved_at >= %(moment)s AND %(is_era)s
               ORDER BY former.moved_at, former.id LIMIT 1),
                %(person)s.commercial_partner_id)
           ELSE %(person)s.commercial_partner_id END""",
        person=person,
        moment=moment,
        is_era=IS_ERA,
    )


def get_contacts(customer):
    """Return the condition that ``buyer``, an alias of ``res_partner``, is or was a contact of a customer, as SQL.

    :param customer: the id of the customer, as SQL
    """
    return SQL(
        """buyer.id IN (SELECT contact.id FROM res_partner contact WHERE contact.commercial_partner_id = %(customer)s
                     UNION
                       SELECT former.partner_id FROM customer_tiering_former former
                        WHERE former.customer_id = %(customer)s)""",
        customer=customer,
    )


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
        WITH moved AS (SELECT partner_id FROM customer_tiering_former)
        SELECT COUNT(*) FROM (%(candidates)s) customer
         WHERE id IN (SELECT commercial_partner_id FROM res_partner
                       WHERE id IN (SELECT partner_id FROM (%(dealing)s) dealing)
                         AND id NOT IN (SELECT partner_id FROM moved))
            OR id IN (SELECT %(former)s
                        FROM (%(dealing)s) dealing JOIN res_partner person ON person.id = dealing.partner_id
                       WHERE dealing.partner_id IN (SELECT partner_id FROM moved))
            OR id IN (%(kept)s)
        """,
        candidates=candidates,
        dealing=purchase_source.get_dealing_query(company_id),
        former=get_customer(SQL("person"), SQL("COALESCE(dealing.moment, 'infinity')")),
        kept=get_kept_query(company_id, SQL("TRUE")),
    )
