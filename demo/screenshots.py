"""Take the pictures of the documentation from a running demo; see ``bin/screenshots``.

Each function below takes one picture: it drives the page to what is to be seen. Its name is the
name of the file, its first parameter the page of a person who is logged in.
"""

import argparse
import os
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

IMAGES = Path(__file__).parents[1] / "docs" / "images"
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
    page.locator(".o_group_by_menu").get_by_role("menuitemcheckbox", name="Tier", exact=True).click()
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


@picture(login="kim")
def policy_form(page):
    open_record(page, "customer-tiering-policies", "customer.tiering.policy", [])


@picture(login="kim")
def policy_criteria(page):
    policy_form(page)
    page.locator(".o_notebook .nav-link", has_text="Criteria").click()


@picture(login="kim")
def policy_segment_map(page):
    policy_form(page)
    page.locator(".o_notebook .nav-link", has_text="Segment Map").click()


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
    open_record(page, "customer-tiering-runs", "customer.tiering.run", [])


@picture(login="kim")
def changes(page):
    open_action(page, "customer-tier-changes")


@picture(login="admin")
def settings(page):
    open_action(page, "settings")
    page.locator(".settings_tab [data-key=sale_management]").click()
    scroll_to(page.get_by_role("heading", name="Customer Tiering"))


# ------------------------------------------------------------------
# Steps
# ------------------------------------------------------------------


def log_in(page, address, login):
    page.goto(f"{address}/web/login")
    page.locator("#login").fill(login)
    page.locator("#password").fill(login)
    page.locator(".oe_login_buttons button[type=submit]").click()
    page.locator(".o_action_manager").wait_for()


def get_origin(page):
    return page.url.partition("/odoo")[0]


def open_action(page, path):
    page.goto(f"{get_origin(page)}/odoo/{path}")
    page.locator(".o_action_manager .o_view_controller").wait_for()
    settle(page)


def open_record(page, path, model, domain):
    """Open the form of the first record of the domain, in the action with this path."""
    call = {"model": model, "method": "search", "args": [domain], "kwargs": {"limit": 1}}
    answer = page.request.post(f"{get_origin(page)}/web/dataset/call_kw", data={"params": call})
    (record_id,) = answer.json()["result"]
    open_action(page, f"{path}/{record_id}")


def open_customer(page):
    open_record(page, "customers", "res.partner", [("ref", "=", CUSTOMER)])
    page.locator(".o_notebook .nav-link[name=tiering]").click()


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
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("address")
    parser.add_argument("names", nargs="*", help="names of the pictures to take; all when left out")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ["CHROMIUM"], args=["--no-sandbox", "--disable-gpu"]
        )
        pages = {}
        for function, login, viewport in PICTURES:
            name = function.__name__.replace("_", "-")
            if options.names and name not in options.names:
                continue
            person = (login, viewport["width"])
            if person not in pages:
                pages[person] = browser.new_page(viewport=viewport, locale="en-US", timezone_id="Europe/Brussels")
                pages[person].set_default_timeout(90_000)  # the first page builds the assets
                log_in(pages[person], options.address, login)
            function(pages[person])
            save(pages[person], IMAGES / f"{name}.png")
            print(name, flush=True)


if __name__ == "__main__":
    main()
