from odoo.tools import SQL
from odoo.tools.sql import column_exists, rename_column

# See UncheckedMany2one.
FOREIGN_KEYS = {
    "customer_tiering_scorecard": ("pending_tier_id", "lock_id", "top_category_id", "top_team_id"),
    "customer_tier_change": ("user_id",),
    "sale_order": ("tiering_tier_id",),
}


def migrate(cr, version):
    for table, columns in FOREIGN_KEYS.items():
        for column in columns:
            name = f"{table}_{column}_fkey"
            cr.execute(
                SQL(
                    "ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %s", SQL.identifier(table), SQL.identifier(name)
                )
            )
            cr.execute("DELETE FROM ir_model_constraint WHERE name = %s", [name])
    if column_exists(cr, "customer_tiering_scorecard", "explanation"):
        rename_column(cr, "customer_tiering_scorecard", "explanation", "old_explanation")
