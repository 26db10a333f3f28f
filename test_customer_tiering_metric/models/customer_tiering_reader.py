from odoo import api, models
from odoo.tools import SQL

from odoo.addons.customer_tiering.sources.base import COUNT, QuerySource


class ContactPersons(QuerySource):
    columns = {"contact_person_count": COUNT}

    def get_query(self, scope):
        return SQL(
            """
            SELECT commercial_partner_id AS customer, COUNT(*) AS contact_person_count
              FROM res_partner
             WHERE active AND id != commercial_partner_id AND type = 'contact' AND %s
          GROUP BY 1
            """,
            scope.of_partners(SQL.identifier("id")),
        )


class CustomerTieringReader(models.AbstractModel):
    _inherit = "customer.tiering.reader"

    @api.model
    def _get_metric_sources(self):
        return [*super()._get_metric_sources(), ContactPersons()]
