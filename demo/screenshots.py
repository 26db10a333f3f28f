"""Take the pictures of the documentation from a running demo; see ``bin/screenshots``.

Each function below takes one picture: it drives the page to what is to be seen. Its name is the
name of the file, its first parameter the page of a person who is logged in.
"""

import argparse
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
APP_PAGE = ROOT / "customer_tiering" / "static" / "description"  # its pictures must lie inside the addon
APP_PAGE_WIDTH = 1100
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
CUSTOMER = "CDNOW-1818"  # a company with contacts that moved between tiers
PICTURES = []


def picture(login="sam", viewport=DESKTOP):
    def register(function):
        PICTURES.append((function, login, viewport))
        return function

    return register


@picture()
def customers_kanban(page):
    open_action(page, "customers")
    switch_view(page, "kanban")


@picture()
def customers_list(page):
    open_action(page, "customers")
    page.locator("th[data-name=tiering_score]").click()
    settle(page)
    page.locator("th[data-name=tiering_score]").click()


@picture()
def customers_by_tier(page):
    open_action(page, "customers")
    switch_view(page, "kanban")
    open_search_menu(page)
    person = call(page, "res.users", "context_get")
    fields = call(page, "res.partner", "fields_get", ["tiering_tier_id"], ["string"], context=person)
    name = fields["tiering_tier_id"]["string"]
    page.locator(".o_group_by_menu").get_by_role("menuitemcheckbox", name=name, exact=True).click()
    page.locator(".o_kanban_group").first.wait_for()
    page.keyboard.press("Escape")


@picture()
def customers_filters(page):
    open_action(page, "customers")
    switch_view(page, "kanban")
    open_search_menu(page)


@picture()
def customer_form(page):
    open_customer(page)


@picture()
def customer_explanation(page):
    open_customer(page)
    scroll_to(page.locator(".o_notebook"))


@picture(viewport=PHONE)
def customer_form_phone(page):
    open_customer(page)
    scroll_to(page.locator(".o_notebook"))


@picture(viewport=PHONE)
def customers_kanban_phone(page):
    open_action(page, "customers")


@picture()
def scorecard_form(page):
    open_record(page, "customer-tiering", "customer.tiering.scorecard", [("partner_id.ref", "=", CUSTOMER)])


@picture()
def tiering_list(page):
    open_action(page, "customer-tiering")


@picture()
def tiering_kanban(page):
    open_action(page, "customer-tiering")
    switch_view(page, "kanban")


@picture()
def tiering_pivot(page):
    open_action(page, "customer-tiering")
    switch_view(page, "pivot")


@picture()
def tiering_graph(page):
    open_action(page, "customer-tiering")
    switch_view(page, "graph")


@picture()
def customer_downgrade(page):
    open_customer(page, [("tiering_pending_tier_id", "!=", False), ("is_company", "=", True)])
    scroll_to(page.locator(".o_notebook"))


@picture(login="kim")
def customer_locked(page):
    open_customer(page, [("tiering_lock_id", "!=", False)])
    scroll_to(page.locator(".o_notebook"))


@picture(login="kim")
def lock_dialog(page):
    open_action(page, "customers")
    switch_view(page, "list")
    for row in page.locator(".o_data_row", has_text="Silver").all()[:3]:
        row.locator(".o_list_record_selector input").click()
    page.locator(".o_cp_action_menus .dropdown-toggle", has_text="Actions").click()
    page.get_by_role("menuitem", name="Lock Tier").click()
    page.locator(".modal .o_form_view").wait_for()
    page.locator(".modal [name=reason] input").fill("Strategic account, agreed with the director")


@picture(login="kim")
def locks(page):
    open_action(page, "customer-tier-locks")


@picture(login="kim")
def policy_form(page):
    open_policy(page)


@picture(login="kim")
def policy_criteria(page):
    open_policy(page, "Criteria")


@picture(login="kim")
def policy_staying(page):
    open_policy(page, "Staying in a Tier")


@picture(login="kim")
def policy_lifecycle(page):
    open_policy(page, "Lifecycle")


@picture(login="kim")
def policy_segment_map(page):
    open_policy(page, "Segment Map")


@picture(login="kim")
def advice(page):
    open_policy(page)
    page.locator(".o_statusbar_buttons button[name=action_advise]").click()
    page.locator(".modal .o_list_renderer").wait_for()


@picture(login="kim")
def versions(page):
    open_record(page, "customer-tiering-policies", "customer.tiering.policy", [])
    page.locator("button[name=action_open_versions]").click()
    page.locator(".o_list_view .o_data_row [name=number]").first.click()
    page.locator(".o_form_view").wait_for()


@picture(login="kim")
def simulation(page):
    open_simulation(page)


@picture(login="kim")
def simulation_customers(page):
    open_simulation(page)
    page.locator("button[name=action_simulation_lines]").click()
    page.locator(".o_list_view .o_data_row").first.wait_for()


@picture(login="kim", viewport=PHONE)
def simulation_phone(page):
    open_simulation(page)


@picture(login="kim")
def tiers(page):
    open_action(page, "customer-tiers")


@picture(login="kim")
def segments(page):
    open_action(page, "customer-segments")


@picture(login="kim")
def runs(page):
    open_action(page, "customer-tiering-runs")


@picture(login="kim")
def run_form(page):
    open_record(page, "customer-tiering-runs", "customer.tiering.run", [("policy_id.is_simulation", "=", False)])


@picture(login="kim")
def changes(page):
    open_action(page, "customer-tier-changes")


@picture()
def my_customers(page):
    open_action(page, "my-customers")


@picture()
def customers_at_risk(page):
    open_action(page, "customers-at-risk")


@picture(login="kim")
def playbook(page):
    domain = [("trigger", "=", "pending"), ("enabled", "=", True)]
    open_record(page, "customer-tiering-playbooks", "customer.tiering.playbook", domain)


@picture(login="kim")
def compliance(page):
    open_action(page, "customer-follow-ups")
    page.locator(".o_pivot tbody th", has_text="Call customers at risk").click()
    page.get_by_role("menuitem", name="Person").click()
    page.locator(".o_pivot tbody th", has_text="Leo Okafor").wait_for()


@picture(login="admin")
def settings(page):
    open_action(page, "settings")
    page.locator(".settings_tab [data-key=sale_management]").click()
    scroll_to(page.get_by_role("heading", name="Customer Tiering"))


# ------------------------------------------------------------------
# Steps
# ------------------------------------------------------------------


def call(page, model, method, *args, **kwargs):
    """Return the answer of a method of the server."""
    params = {"model": model, "method": method, "args": args, "kwargs": kwargs}
    answer = page.request.post(f"{get_origin(page)}/web/dataset/call_kw", data={"params": params})
    return answer.json()["result"]


def log_in(page, address, login):
    page.goto(f"{address}/web/login")
    page.locator("#login").fill(login)
    page.locator("#password").fill(login)
    page.locator(".oe_login_buttons button[type=submit]").click()
    page.locator(".o_action_manager").wait_for()


@contextmanager
def speaking(browser, address, lang):
    """Let the people of the demo work in a language, and in English again afterwards."""
    page = browser.new_page()
    page.set_default_timeout(90_000)
    log_in(page, address, "admin")
    languages = call(page, "res.lang", "search", [("code", "=", lang)], context={"active_test": False})
    wizard = call(page, "base.language.install", "create", [{"lang_ids": [(6, 0, languages)], "overwrite": False}])
    call(page, "base.language.install", "lang_install", wizard)
    people = call(page, "res.users", "search", [("login", "in", ["sam", "kim"])])
    call(page, "res.users", "write", people, {"lang": lang})
    try:
        yield
    finally:
        call(page, "res.users", "write", people, {"lang": "en_US"})


def get_origin(page):
    return page.url.partition("/odoo")[0]


def open_action(page, path):
    page.goto(f"{get_origin(page)}/odoo/{path}")
    page.locator(".o_action_manager .o_view_controller").wait_for()
    settle(page)


def open_record(page, path, model, domain):
    """Open the form of the first record of the domain, in the action with this path."""
    (record_id,) = call(page, model, "search", domain, limit=1)
    open_action(page, f"{path}/{record_id}")


def open_customer(page, domain=(("ref", "=", CUSTOMER),)):
    open_record(page, "customers", "res.partner", domain)
    page.locator(".o_notebook .nav-link[name=tiering]").click()
    page.locator(".o_tiering_explanation").first.wait_for()


def open_policy(page, tab="Tiers"):
    """Open the policy, without the simulations of earlier pictures."""
    drafts = call(page, "customer.tiering.policy", "search", [("is_simulation", "=", True), ("active", "=", False)])
    for draft in drafts:
        call(page, "customer.tiering.policy", "action_simulation_discard", [draft])
    open_record(page, "customer-tiering-policies", "customer.tiering.policy", [])
    page.locator(".o_notebook .nav-link", has_text=tab).first.click()


def open_simulation(page):
    """Simulate a policy in which Platinum and Gold ask for more, Gold without days of grace, and Silver for less."""
    open_policy(page)
    (policy_id,) = call(page, "customer.tiering.policy", "search", [], limit=1)
    action = call(page, "customer.tiering.policy", "action_simulate", [policy_id])
    changes = {
        "Platinum": {"entry_floor": 85},
        "Gold": {"entry_floor": 70, "grace_days": 0},
        "Silver": {"entry_floor": 35},
    }
    for name, values in changes.items():
        tier = call(page, "customer.tier", "search", [("policy_id", "=", action["res_id"]), ("name", "=", name)])
        call(page, "customer.tier", "write", tier, values)
    call(page, "customer.tiering.policy", "action_simulation_compute", [action["res_id"]])
    open_action(page, f"action-customer_tiering.customer_tiering_simulation_action/{action['res_id']}")
    page.locator(".o_tiering_simulation").wait_for()


def switch_view(page, kind):
    page.locator(f".o_switch_view.o_{kind}").click()
    page.locator(f".o_{kind}_view").wait_for()
    settle(page)


def open_search_menu(page):
    page.locator(".o_searchview_dropdown_toggler").click()
    page.locator(".o_search_bar_menu").wait_for()
    settle(page)


def scroll_to(element):
    """Bring the element to the top of what is visible."""
    element.evaluate("element => element.scrollIntoView({block: 'start'})")


def settle(page):
    """Wait until the page has what it asked the server for and shows it."""
    page.wait_for_timeout(700)
    page.wait_for_function("!document.querySelector('.o_loading_indicator')")
    page.wait_for_function(
        "[...document.images].every(image => image.complete || image.getBoundingClientRect().top > innerHeight)"
    )


def save(page, path):
    """Save the page as a PNG with a palette, which is a third of the size and looks the same."""
    page.mouse.move(DESKTOP["width"] // 2, 1)  # no tooltip, no row highlighted
    settle(page)
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as image:
        quantize(image.convert("RGB"), path)


def quantize(image, path):
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def copy_to_app_page(path):
    """Renew the smaller copy of a picture that the addon's page in the list of apps shows, if it shows it."""
    if f'src="{path.name}"' not in (APP_PAGE / "index.html").read_text(encoding="utf-8"):
        return
    with Image.open(path) as image:
        height = round(image.height * APP_PAGE_WIDTH / image.width)
        small = image.convert("RGB").resize((APP_PAGE_WIDTH, height), Image.Resampling.LANCZOS)
    quantize(small, APP_PAGE / path.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("address")
    parser.add_argument("--lang", default="en_US", help="the language of the people; its pictures have a folder")
    parser.add_argument("names", nargs="*", help="names of the pictures to take; all when left out")
    options = parser.parse_intermixed_args()
    images = IMAGES if options.lang == "en_US" else IMAGES / options.lang
    images.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, ExitStack() as stack:
        browser = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
        )
        stack.enter_context(speaking(browser, options.address, options.lang))
        pages = {}
        for function, login, viewport in PICTURES:
            name = function.__name__.replace("_", "-")
            if options.names and name not in options.names:
                continue
            person = (login, viewport["width"])
            if person not in pages:
                locale = options.lang.replace("_", "-")
                pages[person] = browser.new_page(viewport=viewport, locale=locale, timezone_id="Europe/Brussels")
                pages[person].set_default_timeout(90_000)  # the first page builds the assets
                log_in(pages[person], options.address, login)
            function(pages[person])
            save(pages[person], images / f"{name}.png")
            if images == IMAGES:
                copy_to_app_page(images / f"{name}.png")
            print(name, flush=True)


if __name__ == "__main__":
    main()
