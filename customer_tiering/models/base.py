from odoo import models


class Base(models.AbstractModel):
    _inherit = "base"

    def export_data(self, fields_to_export):
        """Refuse rows about customers who are hidden from the person, whichever way their ids became known.

        Odoo looks at the rights when it reads a value that is not in the cache. What is computed as superuser for a row
        that the person may see is computed for the others along with it, and then all of them are there.
        """
        if hasattr(self, "_tiering_customer"):
            self.check_access("read")
        return super().export_data(fields_to_export)
