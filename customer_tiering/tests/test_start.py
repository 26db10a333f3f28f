import subprocess
import sys
from contextlib import redirect_stderr
from io import StringIO

from odoo.tests import BaseCase, TransactionCase, tagged

HEAVY = ("numpy", "pandas", "scipy", "sklearn")


@tagged("post_install", "-at_install")
class TestStart(BaseCase):
    """What a server that only starts must not wait for."""

    def _load(self, code):
        """Return which of the heavy packages a new process has loaded after ``code``."""
        ask = f"import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
        command = f"import odoo.init, odoo.modules.module as m; m.initialize_sys_path(); {code}; {ask}"
        result = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
        return result.stdout.split()

    def test_importing_the_addon_loads_neither_numpy_nor_pandas(self):
        self.assertEqual(self._load("import odoo.addons.customer_tiering"), [])

    def test_what_people_wait_for_loads_neither(self):
        """Who confirms an order, or opens a report."""
        asked = ("scope", "base", "customers", "documents", "billing", "orders", "invoices", "activities", "meetings")
        code = "; ".join(f"import odoo.addons.customer_tiering.sources.{name}" for name in asked)
        self.assertEqual(self._load(code), [])

    def test_the_door_opens_when_it_is_asked_for(self):
        code = "from odoo.addons.customer_tiering import engine; engine.pipeline"
        self.assertEqual(self._load(code)[:2], ["numpy", "pandas"])
        with self.assertRaises(AttributeError):
            from .. import engine  # noqa: PLC0415

            _nothing = engine.nothing


@tagged("post_install", "-at_install")
class TestDescription(TransactionCase):
    def test_installing_prints_no_complaint_about_a_description(self):
        """Odoo makes a page of each addon's README, and what is wrong with it goes to the terminal of who installs."""
        modules = self.env["ir.module.module"].search([("name", "like", "customer_tiering")])
        self.assertIn("customer_tiering", modules.mapped("name"))
        for module in modules:
            with self.subTest(module.name), redirect_stderr(StringIO()) as printed:
                self.assertIn("customer tiering", module.description_html.lower())
            self.assertEqual(printed.getvalue(), "")
