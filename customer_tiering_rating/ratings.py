"""Which ratings are those of customers, in SQL: ``rating`` is one of them and ``rater`` who gave it."""

from odoo.tools import SQL

from odoo.addons.customer_tiering.sources import customers

# What people rate after they were served. Not products and courses: these are reviews for everybody.
RATED_MODELS = ("project.task", "discuss.channel")
# Fewer stars are a bad rating.
GOOD = 3


def get_ratings(env, company_id):
    """Return the answered ratings of what the company has done, or of what belongs to no company, as the FROM and the
    WHERE of a SELECT."""
    # Tasks are there with Project only.
    documents = [env[model] for model in RATED_MODELS if model in env]
    return SQL(
        """rating_rating rating
           JOIN res_partner rater ON rater.id = rating.partner_id
          WHERE rating.consumed IS TRUE AND rating.rating >= 1 AND (%s)""",
        SQL(" OR ").join(_is_of_company(document, company_id) for document in documents),
    )


def _is_of_company(document, company_id):
    """Return the condition that ``rating`` is of a document of the company, or of none; a chat has no company."""
    own = SQL("TRUE")
    if "company_id" in document._fields:
        own = SQL("(rated.company_id = %s OR rated.company_id IS NULL)", company_id)
    return SQL(
        "rating.res_model = %s AND EXISTS (SELECT FROM %s rated WHERE rated.id = rating.res_id AND %s)",
        document._name,
        SQL.identifier(document._table),
        own,
    )


def get_day(timezone):
    """Return the day of the company on which it was given."""
    return SQL("(rating.rated_on AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", timezone)


def get_customer():
    """Return the customer for whom it was given: that of the time, when the contact has moved since."""
    return customers.get_customer(SQL("rater"), SQL("rating.rated_on"))
