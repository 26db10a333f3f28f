import logging
from functools import partial

import psycopg2

from odoo import SUPERUSER_ID, api, models

from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

_logger = logging.getLogger(__name__)


class CustomerTieringReferred(models.AbstractModel):
    """What scorecards and history refer to without a foreign key, see :class:`UncheckedMany2one`."""

    _name = "customer.tiering.referred"
    _description = "Referred to by Customer Tiering"

    def unlink(self):
        """Remove or empty what refers to these records, as a foreign key would."""
        result = super().unlink()
        if self:
            self.env["customer.tiering.writer"].sudo()._forget_deleted(self._name, self.ids)
            # What goes with a module may have lost its tables by then; the nightly vacuum does what is left.
            if not self.env.context.get(MODULE_UNINSTALL_FLAG):
                self.env.cr.postcommit.add(partial(self._forget_once_more, self.env.registry, self._name, self.ids))
        return result

    @staticmethod
    def _forget_once_more(registry, model, ids):
        """Do the same after the commit: a run that was under way has held the records until its own, and what it
        wrote could not be seen before.
        """
        try:
            with registry.cursor() as cr:
                api.Environment(cr, SUPERUSER_ID, {})["customer.tiering.writer"]._forget_deleted(model, ids)
        except psycopg2.Error as error:  # somebody changes what refers to them: the nightly vacuum does it
            _logger.info("Deleted %s are forgotten tonight: %s", model, error)
