from odoo.tools.sql import column_exists, rename_column

# What was chosen by the key of a metric, before metrics were records.
COLUMNS = {
    "customer_tiering_criterion": "metric",
    "customer_tier_condition": "metric",
    "customer_tiering_policy": "basis",
}


def migrate(cr, version):
    """Keep the keys until the records are there."""
    for table, column in COLUMNS.items():
        if column_exists(cr, table, column):
            rename_column(cr, table, column, f"old_{column}")
    cr.execute("DROP INDEX IF EXISTS customer_tiering_criterion_metric_uniq")
