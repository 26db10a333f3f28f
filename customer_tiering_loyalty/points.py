"""Which points of loyalty programs count, in SQL: ``held`` is a card and ``program`` its program."""

from odoo.tools import SQL

# The last day on which points can be used; NULL where there is none.
LAST_DAY = SQL("LEAST(held.expiration_date, program.date_to)")
# The condition that they can be used, as long as no day ends it.
IS_HELD = SQL("held.active AND program.active")
