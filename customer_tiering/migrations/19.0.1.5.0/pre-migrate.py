from odoo.tools import SQL

# See UncheckedMany2one.
FOREIGN_KEYS = ("customer_tiering_refresh_partner_id_fkey", "customer_tiering_refresh_user_id_fkey")
INDEXES = ("customer_tiering_refresh__partner_id_index", "customer_tiering_refresh__company_id_index")


def migrate(cr, version):
    """Drop what is checked and kept up while a person waits for the confirmation of an order."""
    for name in FOREIGN_KEYS:
        cr.execute(
            SQL("ALTER TABLE IF EXISTS customer_tiering_refresh DROP CONSTRAINT IF EXISTS %s", SQL.identifier(name))
        )
        cr.execute("DELETE FROM ir_model_constraint WHERE name = %s", [name])
    for index in INDEXES:
        cr.execute(SQL("DROP INDEX IF EXISTS %s", SQL.identifier(index)))
