"""Numbers, dates and choices that are kept on the contact, for the metrics that people add without code."""

from odoo.tools import SQL, Query

from .base import NUMBER, MetricSource


class ContactFields(MetricSource):
    """The fields of the customer itself, its contacts' do not count.

    :param metrics: the ``customer.tiering.metric`` records that come from a field
    """

    def __init__(self, metrics):
        self.metrics = metrics
        self.columns = set(metrics.mapped("column"))

    def read_columns(self, reading, columns):
        metrics = self.metrics.filtered(lambda metric: metric.column in columns)
        return reading.fetch_by_customer(
            self._get_query(metrics, reading.scope), dict.fromkeys(metrics.mapped("column"), NUMBER)
        )

    def _get_query(self, metrics, scope):
        # A field may be kept per company.
        company = metrics.env["res.company"].browse(scope.company_id)
        partners = metrics.env["res.partner"].with_company(company)
        query = Query(partners.env, "partner", SQL.identifier("res_partner"))
        query.add_where(SQL("partner.commercial_partner_id = partner.id AND %s", scope.of_partners(SQL("partner.id"))))
        values = [
            SQL("%s AS %s", self._get_value(metric, partners, query, scope), SQL.identifier(metric.column))
            for metric in metrics
        ]
        return query.select(SQL("partner.id AS customer"), *values)

    def _get_value(self, metric, partners, query, scope):
        """Return the value of a metric as SQL, a float8; NULL where the field was never filled in."""
        field = partners._fields[metric.field_id.name]
        column = partners._field_to_sql("partner", field.name, query)
        if field.type == "boolean":
            return SQL("CASE WHEN %s THEN 1 ELSE 0 END::float8", column)
        if field.type == "date":
            return SQL("(%s::date - %s)::float8", scope.as_of, column)
        if field.type == "datetime":
            day = SQL("(%s AT TIME ZONE 'UTC' AT TIME ZONE %s)::date", column, scope.timezone)
            return SQL("(%s::date - %s)::float8", scope.as_of, day)
        if field.type == "selection":
            values = {line.value: line.points for line in metric.value_ids}
            if scope.choices is not None:
                values = scope.choices.get(metric.column, values)
            points = [SQL("WHEN %s THEN %s", value, points) for value, points in values.items()]
            return SQL("CASE %s %s END::float8", column, SQL(" ").join(points)) if points else SQL("NULL::float8")
        if field.type == "monetary":
            factor = self._get_factor(field, partners, query, scope)
            return SQL("ROUND((%s * %s)::numeric, %s)::float8", column, factor, scope.decimals)
        if field.type == "float":
            # What is no number, which only other programs can write, is not known.
            return SQL("CASE WHEN ABS(%(value)s) < 'Infinity' THEN %(value)s END::float8", value=column)
        return SQL("%s::float8", column)

    def _get_factor(self, field, partners, query, scope):
        """Return what makes money of the company's currency of the field's, as SQL.

        By the rate of the scope's day. An amount whose currency is not kept with it is in the company's.
        """
        currency_field = partners._fields.get(field.get_currency_field(partners) or "")
        if not currency_field or not currency_field.store:
            return SQL("1")
        company = partners.env.company
        currencies = partners.env["res.currency"].with_context(active_test=False).search([])
        rates = currencies._get_rates(company, scope.as_of)
        own = rates[company.currency_id.id]
        factors = [SQL("WHEN %s THEN %s", id_, own / rate) for id_, rate in rates.items() if rate]
        currency = partners._field_to_sql("partner", currency_field.name, query)
        return SQL("CASE %s %s ELSE 1 END", currency, SQL(" ").join(factors))
