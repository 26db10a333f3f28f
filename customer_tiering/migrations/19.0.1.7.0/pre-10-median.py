from odoo.tools import SQL
from odoo.tools.sql import column_exists, table_exists

RULES = {
    "customer_tiering_policy_version": ("rules",),
    "customer_tiering_simulation": ("base_rules", "draft_rules"),
}
OLD, NEW = '"band_unit": "average_order"', '"band_unit": "median_order"'


def migrate(cr, version):
    """Call limits what they are: multiples of the median order, no more of the mean order.

    In the rules that runs used, too, so that they can be read. What those runs measured stays: the numbers by which
    they scored are in their scales.
    """
    for table in ("customer_tiering_criterion", "customer_tiering_metric"):
        if column_exists(cr, table, "band_unit"):  # metrics are records since 19.0.1.6.0
            cr.execute(
                SQL("UPDATE %s SET band_unit = 'median_order' WHERE band_unit = 'average_order'", SQL.identifier(table))
            )
    for table, columns in RULES.items():
        # Neither is in the first version, and a version of the rules has had them from the start.
        for column in columns if table_exists(cr, table) else ():
            cr.execute(
                SQL(
                    """
                    UPDATE %(table)s SET %(column)s = REPLACE(%(column)s::text, %(old)s, %(new)s)::jsonb
                     WHERE STRPOS(%(column)s::text, %(old)s) > 0
                    """,
                    table=SQL.identifier(table),
                    column=SQL.identifier(column),
                    old=OLD,
                    new=NEW,
                )
            )
