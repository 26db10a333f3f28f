import json
from importlib.resources import files

from odoo.tests import HttpCase, tagged
from odoo.tools.safe_eval import safe_eval

from .common import TieringCommon

# Opens one screen after the other, each with its tabs and its stat buttons, and complains about what a person would:
# an error, a page that is wider than the window, and nothing to see without a word why. Who wants to see more of each
# screen gives an inspection.
CODE = """
(async (inspection) => {
    const { rpcBus } = odoo.loader.modules.get("@web/core/network/rpc");
    const { action } = odoo.__WOWL_DEBUG__.root.env.services;
    const open = new Set();
    let screen, isTheirs;
    rpcBus.addEventListener("RPC:REQUEST", ({ detail }) => open.add(detail.data.id));
    rpcBus.addEventListener("RPC:RESPONSE", ({ detail }) => open.delete(detail.data.id));
    const frame = () => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), 20));
    const settle = async () => {
        for (let quiet = 0, tried = 0; quiet < 3; tried++) {
            if (tried > 500) {
                throw new Error("does not come to rest");
            }
            await frame();
            quiet = open.size || document.querySelector(".o_blockUI, .o_loading_indicator") ? 0 : quiet + 1;
        }
    };
    const look = async (name, isMain) => {
        screen = name;
        await settle();
        let complaint;
        for (let tried = 0; (complaint = complain(isMain)) && tried < 100; tried++) {
            await frame(); // what Odoo loads when it is needed is no request of its own
        }
        if (complaint) {
            throw new Error(complaint);
        }
        await inspection?.look(name, isTheirs);
    };
    const complain = (isMain) =>
        document.querySelector(".o_error_dialog, .modal .alert-danger")?.innerText ||
        (!document.querySelector(".o_action_manager .o_view_controller, .o_action_manager .o_tiering_report") &&
            "nothing has opened") ||
        (document.documentElement.scrollWidth > window.innerWidth && "is wider than the window") ||
        all(".o_form_sheet, .o_action_manager .o_kanban_record")
            .filter((part) => part.scrollWidth > part.clientWidth + 1)
            .map((part) => `${part.className} is ${part.scrollWidth - part.clientWidth} pixels too wide`)[0] ||
        (isMain && all("*").some((part) => part.scrollTop > 0) && "does not open at its top") ||
        (isMain && !document.querySelector(
            ".o_form_view, .o_data_row, .o_kanban_record:not(.o_kanban_ghost), .o_pivot_cell_value, canvas, " +
            ".o_activity_view, .o_view_nocontent p:not(:empty), .o_tiering_report p:not(:empty)"
        ) && "says nothing about why it is empty");
    const all = (selector) => [...document.querySelectorAll(`.o_action_manager ${selector}`)];
    try {
        for (const { id, name, view, resId, context, theirs } of %(screens)s) {
            [screen, isTheirs] = [name, theirs];
            const go = () => action.doAction(id, {
                clearBreadcrumbs: true, viewType: view || undefined, props: resId ? { resId } : {},
                additionalContext: { active_id: %(customer)s, ...context }, // active_id: opened from a customer
            });
            await go();
            await look(name, !theirs);
            if (view === "dialog") {
                document.querySelector(".modal .btn-close").click();
            }
            if (view !== "form") {
                continue;
            }
            for (const tab of all(".o_notebook_headers .nav-link").map((tab) => tab.name)) {
                all(`.o_notebook_headers .nav-link[name="${tab}"]`)[0].click();
                await look(`${name}, tab ${tab}`);
            }
            if (inspection) {
                continue; // what buttons lead to are screens, too
            }
            const buttons = all(".oe_stat_button[name]").map((button) => button.getAttribute("name"));
            for (const button of buttons) {
                await go();
                await settle();
                all(`.oe_stat_button[name="${button}"]`)[0].click();
                await look(`${name}, button ${button}`);
            }
        }
        screen = "all";
        inspection?.conclude();
        console.log(`test successful`);
    } catch (error) {
        console.error(`${screen}: ${error.message}`);
    }
})(%(inspection)s);
"""
# What axe-core finds on our screens that it does not find on Odoo's. Of a contrast the two colours matter; of anything
# else which part of Odoo's it is, and in a part of our own nothing is excused.
INSPECTION = """
((theirs, ours) => ({
    async look(screen, isTheirs) {
        // What fades in has other colours meanwhile.
        await Promise.allSettled(
            document.getAnimations().filter((animation) => animation.effect.getComputedTiming().endTime < Infinity)
                .map((animation) => animation.finished)
        );
        const { violations } = await axe.run(document, { resultTypes: ["violations"], elementRef: true });
        for (const { id, nodes } of violations) {
            for (const { element, any, html } of nodes) {
                const part = element.closest('[class*="o_tiering_"], [name^="tiering_"]');
                const isOurs = part && !part.matches(".o_view_controller, .o_field_widget, .o_form_renderer");
                const kind = id === "color-contrast"
                    ? [id, any[0].data.fgColor, any[0].data.bgColor]
                    : [id, element.tagName, element.getAttribute("role") || "", ...[...element.classList]
                        .filter((name) => /^o[e_-]/.test(name)).map((name) => name.replace(/[0-9]/g, "")).sort()];
                if (isOurs && id !== "color-contrast") {
                    kind.push("ours");
                }
                const key = kind.join(" ");
                if (!isTheirs) {
                    ours.set(key, ours.get(key) || `${key} in ${screen}: ${html.slice(0, 200)}`);
                } else if (!isOurs) {
                    theirs.add(key);
                }
            }
        }
    },
    conclude() {
        if (!theirs.size) {
            throw new Error("axe-core finds nothing on Odoo's screens: it does not look");
        }
        const more = [...ours.keys()].filter((key) => !theirs.has(key));
        if (more.length) {
            throw new Error(more.map((key) => ours.get(key)).join(String.fromCharCode(10)));
        }
    },
}))(new Set(), new Map())
"""
# Odoo's screens that ours are compared with: action, kinds of view, context.
THEIRS = (
    ("base.action_partner_form", ("kanban", "list", "form", "activity"), {}),
    ("sale.action_orders", ("list", "kanban", "form", "pivot", "graph", "activity"), {}),
    ("sale.action_orders", ("list", "kanban"), {"search_default_customer": 1}),
    ("sale.product_template_action", ("kanban", "list", "form"), {}),
    ("product.attribute_action", ("list", "form"), {}),
    ("sales_team.sales_team_crm_tag_action", ("list", "form"), {}),
    ("base.res_lang_act_window", ("list",), {}),
    ("account.action_tax_group", ("list",), {}),
    ("base.open_module_tree", ("kanban", "list"), {}),
    ("sale.action_sale_config_settings", ("form",), {}),
    ("base.action_view_base_language_install", ("dialog",), {}),
)
PHONE = "390x844"


@tagged("post_install", "-at_install")
class TestScreens(TieringCommon, HttpCase):
    """Every screen of ours opens, however much or little there is to see: all that the registry knows, so that one more
    is looked at by itself.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.person = cls.new_user("tiering_screens", "base.group_system,sales_team.group_sale_manager")

    def _fill(self):
        """Customers in tiers, one about to fall, one at risk, one locked, and what else there is to show."""
        today = self.company._get_tiering_today()
        best, late, poor = (
            self.new_customer(name, is_company=True, user_id=self.person.id) for name in ("Best", "Late", "Poor")
        )
        for partner, days in ((best, range(1, 13)), (late, range(90, 150, 10)), (poor, (300,))):
            for ago in days:
                self.order(partner, when=self.noon(today, ago))
        self.policy.grace_days = 30
        self.compute(today)
        lock = {"partner_id": poor.id, "tier_id": self.policy.tier_ids[1].id, "reason": "Agreed"}
        self.env["customer.tiering.lock"].create([lock])
        playbook = self.policy.playbook_ids.filtered(lambda playbook: playbook.trigger == "risk")
        playbook.step_ids.day_kind = "calendar"
        playbook.with_user(self.person).action_enable()
        self.policy.action_simulate()
        self.compute(today)

    def _get_screens(self):
        """Return what there is to open: ``[{"id", "name", "view", "resId"}]``."""
        ours = self.env["ir.model.data"].search_fetch(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.actions.act_window")], ["res_id", "name"]
        )
        env = self.env(user=self.person)
        screens = []
        for data in ours:
            action = self.env["ir.actions.act_window"].browse(data.res_id)
            if action.target == "new" or action.binding_model_id:
                continue
            context = {"uid": self.person.id, "allowed_company_ids": self.company.ids, "active_id": 0}
            domain = safe_eval(action.domain or "[]", context)
            record = env[action.res_model].search(domain, limit=1)
            screens += [
                {"id": action.id, "name": f"{data.name} {view}", "view": view, "resId": record.id}
                for _id, view in action.views
                if view != "form" or record
            ]
        clients = self.env["ir.model.data"].search(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.actions.client")]
        )
        screens += [{"id": data.res_id, "name": data.name, "view": False, "resId": False} for data in clients]
        servers = self.env["ir.actions.server"].search([("path", "!=", False)])
        screens += [
            {"id": server.id, "name": xmlid, "view": False, "resId": False}
            for server in servers
            if (xmlid := server.get_external_id()[server.id]).startswith("customer_tiering")
        ]
        return screens

    def _get_screens_of_others(self):
        """Return Odoo's own screens, like ``_get_screens``."""
        env = self.env(user=self.person)
        return [
            {
                "id": env.ref(xmlid).id,
                "name": f"{xmlid} {view}",
                "view": view,
                "resId": view == "form" and env[env.ref(xmlid).sudo().res_model].search([], limit=1).id,
                "context": context,
                "theirs": True,
            }
            for xmlid, views, context in THEIRS
            for view in views
        ]

    def _get_dialogs(self):
        """Return our dialogs, like ``_get_screens``."""
        policy = self.policy.with_user(self.person)
        partner = {
            "active_model": "res.partner",
            "active_ids": self.env["res.partner"].search([("name", "=", "Late")]).ids,
        }
        lock = self.env.ref("customer_tiering.customer_tiering_lock_wizard_action")
        return [
            {"id": policy.action_advise(), "name": "advice", "view": "dialog"},
            {"id": policy.action_try_live(), "name": "try live", "view": "dialog"},
            {"id": policy.action_test_warning(), "name": "test of the warning", "view": "dialog"},
            {"id": lock.id, "name": "lock", "view": "dialog", "context": partner},
        ]

    def _open_all(self, more=(), before="", inspection="undefined"):
        screens = self._get_screens()
        self.assertGreater(len(screens), 30)
        code = before + CODE % {
            "screens": json.dumps([*more, *screens]),
            "customer": self.company.partner_id.id,
            "inspection": inspection,
        }
        with self.assertNoLogs("odoo.http", "WARNING"), self.assertNoLogs("odoo.sql_db", "ERROR"):
            self.browser_js(
                "/odoo/customer-tiering",
                code,
                ready="odoo.isReady === true && !!document.querySelector('.o_action_manager .o_view_controller')",
                login=self.person.login,
                timeout=240,
            )

    def test_every_menu_of_ours_leads_to_a_screen(self):
        menus = self.env["ir.model.data"].search(
            [("module", "=like", "customer_tiering%"), ("model", "=", "ir.ui.menu")]
        )
        actions = self.env["ir.ui.menu"].browse(menus.mapped("res_id")).mapped("action")
        opened = {screen["id"] for screen in self._get_screens()}
        self.assertEqual({action.id for action in actions if action} - opened, set())

    def test_empty_on_a_desktop(self):
        self._open_all()

    def test_empty_on_a_phone(self):
        self.browser_size, self.touch_enabled = PHONE, True
        self._open_all()

    def test_full_on_a_desktop(self):
        self._fill()
        self._open_all()

    def test_full_on_a_phone(self):
        self._fill()
        self.browser_size, self.touch_enabled = PHONE, True
        self._open_all()

    def test_axe_core_finds_nothing_that_odoo_does_not_have(self):
        self._fill()
        self.person.group_ids |= self.env.ref("account.group_account_manager")  # for one of Odoo's screens
        self.env["res.partner.category"].create({"name": "Tagged"}).partner_ids = self.env["res.partner"].search([])
        axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self._open_all([*self._get_screens_of_others(), *self._get_dialogs()], axe + ";", INSPECTION)
