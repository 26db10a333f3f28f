import { registry } from "@web/core/registry";

const row = (text) => `.o_data_row:contains(${text})`;

/** A salesperson opens the day's list, answers what is on it, and confirms the quotation that was about to expire. */
registry.category("web_tour.tours").add("customer_tiering_day", {
    steps: () => [
        {
            trigger: ".o_navbar_apps_menu button",
            run: "click",
        },
        {
            trigger: ".o_app[data-menu-xmlid='sale.sale_menu_root']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='sale.sale_order_menu']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='customer_tiering.customer_tiering_occasion_menu']",
            run: "click",
        },
        {
            content: "What fits into the day is open, with why",
            trigger: `.o_group_header:contains(Today) ~ ${row("Second")}:contains(Ask about the new catalogue)`,
        },
        {
            content: "The follow-up is done",
            trigger: `${row("Second")} button[name=action_done]`,
            run: "click",
        },
        {
            trigger: `.o_list_view:not(:has(${row("Second")}))`,
        },
        {
            content: "Another one is not useful",
            trigger: `${row("Best")} button[name=action_not_useful]`,
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=reason] input",
            run: "edit Is on holiday && press Tab",
        },
        {
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            trigger: `body:not(:has(.modal)) .o_list_view:not(:has(${row("Best")}))`,
        },
        {
            content: "The quotation expires",
            trigger: `${row("expires on")} td[name=why]`,
            run: "click",
        },
        {
            trigger: ".o_tiering_draft[data-kind=up]:contains(/reaches Silver.*more would reach Gold/)",
        },
        {
            trigger: ".o_data_row td[name=product_uom_qty]",
            run: "click",
        },
        {
            trigger: ".o_data_row td[name=product_uom_qty] input",
            run: "edit 6 && press Tab",
        },
        {
            trigger: ".o_tiering_draft[data-kind=up]:contains(/reaches Gold/)",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_confirm]",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains(Sales Order)",
        },
        {
            content: "Back on the list",
            trigger: ".o_breadcrumb .o_back_button, .breadcrumb-item.o_back_button",
            run: "click",
        },
        {
            trigger: ".o_list_view, .o_view_nocontent",
        },
    ],
});
