from odoo.tools import SQL


def migrate(cr, version):
    """Give the policies that were there the usual axes: when their columns were made, one of the metrics was not.

    By SQL: nobody changed their rules, so no version of them is written.
    """
    for column, key in (("axis_value_id", "monetary"), ("axis_profit_id", "net_profit")):
        cr.execute(
            SQL(
                """
                UPDATE customer_tiering_policy
                   SET %(column)s = (SELECT id FROM customer_tiering_metric WHERE key = %(key)s)
                 WHERE %(column)s IS NULL
                """,
                column=SQL.identifier(column),
                key=key,
            )
        )
