import { registry } from "@web/core/registry";

/** A salesperson finds the orders of Gold customers, groups them, opens one, goes to the customer and looks back. */
registry.category("web_tour.tours").add("customer_tiering_everywhere", {
    steps: () => [
        {
            content: "The list has the tier of the customer",
            trigger: ".o_data_row:contains(Best) .badge:contains(Platinum)",
        },
        {
            trigger: ".o_searchview_input",
            run: "edit gold",
        },
        {
            trigger: ".o_searchview_autocomplete .o-dropdown-item:contains(/Customer.s Tier/)",
            run: "click",
        },
        {
            content: "Only orders of Gold customers are left",
            trigger: ".o_list_renderer:not(:has(.o_data_row:contains(Best))) .o_data_row:contains(Second)",
        },
        {
            trigger: ".o_searchview_facet:contains(gold) .o_facet_remove",
            run: "click",
        },
        {
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            trigger: ".o_group_by_menu .o_menu_item:contains(/^Customer.s Tier$/)",
            run: "click",
        },
        {
            content: "The highest tier is the first group",
            trigger: ".o_group_header:eq(0):contains(Platinum):contains(12)",
        },
        {
            trigger: ".o_group_header:eq(1):contains(Gold):contains(6)",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Second) [name=partner_id]",
            run: "click",
        },
        {
            content: "The tier stands below the customer",
            trigger: ".o_form_view .o_field_widget[name=tiering_customer_tier_id] .badge:contains(Gold)",
        },
    ],
});

/** A salesperson looks back at what a customer did, and opens the orders of a week. */
registry.category("web_tour.tours").add("customer_tiering_timeline", {
    steps: () => [
        {
            trigger: ".o_notebook .nav-link[name=tiering]",
            run: "click",
        },
        {
            content: "Bars, and the tier as a band with its name",
            trigger: ".o_tiering_timeline svg:has(.o_tiering_bars .o_tiering_bought) text:contains(/./)",
        },
        {
            trigger: ".o_tiering_timeline .btn-group button:contains(All)",
            run: "click",
        },
        {
            trigger: ".o_tiering_timeline .btn-group button.btn-primary:contains(All)",
        },
        {
            trigger: ".o_tiering_timeline summary",
            run: "click",
        },
        {
            content: "The table says it in words",
            trigger: ".o_tiering_timeline details li:contains(/Platinum from/)",
        },
        {
            content: "From a week to its orders",
            trigger: ".o_tiering_timeline details tbody tr:eq(0) button",
            run: "click",
        },
        {
            trigger: ".o_breadcrumb:contains(Orders of Best)",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Best)",
        },
    ],
});
