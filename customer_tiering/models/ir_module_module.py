from odoo import models

from ..languages import translate_delivered


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def _load_module_terms(self, modules, langs, overwrite=False):
        result = super()._load_module_terms(modules, langs, overwrite=overwrite)
        if "customer_tiering" in modules:
            translate_delivered(self.env, langs)
        return result
