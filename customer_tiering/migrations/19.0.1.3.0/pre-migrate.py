from odoo.tools import SQL

# Foreign keys that are no more, see UncheckedMany2one.
FOREIGN_KEYS = {
    "customer_tiering_scorecard": (
        "partner_id",
        "company_id",
        "policy_id",
        "run_id",
        "tier_id",
        "computed_tier_id",
        "next_tier_id",
        "segment_id",
    ),
    "customer_tier_change": ("partner_id", "company_id", "policy_id", "run_id", "from_tier_id", "to_tier_id"),
}
INDEXES = (
    "customer_tiering_scorecard__company_id_index",
    "customer_tiering_scorecard__policy_id_index",
    "customer_tier_change__company_id_index",
    "customer_tier_change__from_tier_id_index",
    "customer_tier_change__to_tier_id_index",
    "customer_tier_change__run_id_index",
)


def migrate(cr, version):
    """Drop what would be checked or kept up for every row that a run writes."""
    for table, columns in FOREIGN_KEYS.items():
        for column in columns:
            name = f"{table}_{column}_fkey"
            cr.execute(
                SQL(
                    "ALTER TABLE IF EXISTS %s DROP CONSTRAINT IF EXISTS %s", SQL.identifier(table), SQL.identifier(name)
                )
            )
            cr.execute("DELETE FROM ir_model_constraint WHERE name = %s", [name])
    for index in INDEXES:
        cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(index)))
