import { registry } from "@web/core/registry";

function filter(name) {
    return [
        {
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            trigger: `.o_filter_menu .o-dropdown-item:contains(${name})`,
            run: "click",
        },
        {
            content: "Close the menu",
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            trigger: `.o_searchview_facet:contains(${name})`,
        },
    ];
}

/** A salesperson finds whom to call today and makes a quotation with one click. */
registry.category("web_tour.tours").add("customer_tiering_my_customers", {
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
            trigger: "[data-menu-xmlid='customer_tiering.res_partner_my_customers_menu']",
            run: "click",
        },
        {
            content: "The highest tier comes first",
            trigger: ".o_kanban_group:eq(0):contains(Platinum) .o_kanban_record:contains(Best)",
        },
        {
            content: "Silver is empty and still there",
            trigger: ".o_kanban_group:eq(2):contains(Silver):not(:has(.o_kanban_record:not(.o_kanban_ghost)))",
        },
        {
            content: "Who is nobody's or somebody else's is not there",
            trigger: ".o_kanban_renderer:not(:contains(Asked))",
        },
        {
            content: "What is up, and what to do",
            trigger: ".o_kanban_record:contains(Second):contains(Downgrade):contains(Silver):contains(Say hello)",
        },
        {
            content: "Call with one click",
            trigger: ".o_kanban_record:contains(Second) a[href='tel:+15551234']",
        },
        ...filter("Follow-ups Due"),
        {
            trigger: ".o_kanban_renderer:not(:contains(Best))",
        },
        ...filter("Downgrade Announced"),
        {
            content: "A click on the envelope opens the composer",
            trigger: ".o_kanban_record:contains(Second) button[aria-label='Write']",
            run: "click",
        },
        {
            trigger: ".modal .o_mail_composer_form_view, .modal .o_form_view:contains(Second)",
        },
        {
            trigger: ".modal .btn-close",
            run: "click",
        },
        {
            content: "The list has the same",
            trigger: ".o_switch_view.o_list",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Second):contains(Say hello) .badge:contains(Gold)",
        },
        {
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            content: "A quotation with one click",
            trigger: ".o_kanban_record:contains(Second) button[aria-label='New Quotation']",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=partner_id] input:value(Second)",
        },
    ],
});

/** Who has no customers is told what to do. */
registry.category("web_tour.tours").add("customer_tiering_no_customers", {
    steps: () => [
        {
            trigger: ".o_view_nocontent:contains(No customers here):contains(assign customers to you)",
        },
    ],
});

/** A manager sees who does what was planned, and goes from a number to the customer. */
registry.category("web_tour.tours").add("customer_tiering_compliance", {
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
            trigger: "[data-menu-xmlid='sale.menu_sale_report']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='customer_tiering.customer_tiering_followup_report_menu']",
            run: "click",
        },
        {
            content: "Three were planned: one done 2 days before, one 4 days late, one overdue; the median is 1 day",
            trigger: ".o_pivot tbody tr:contains(Welcome to a higher tier):contains(33.3):contains(1.0)",
        },
        {
            content: "Open the rows behind the number of those created",
            trigger: ".o_pivot tbody tr:contains(Welcome to a higher tier) .o_pivot_cell_value:eq(0)",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Best) .badge:contains(Done in time)",
        },
        {
            trigger: ".o_data_row:contains(Poor) .badge:contains(Done late)",
        },
        {
            content: "A click leads to the customer",
            trigger: ".o_data_row:contains(Second) .badge:contains(Overdue)",
            run: "click",
        },
        {
            trigger: ".o_form_view .oe_stat_button:contains(Gold)",
        },
    ],
});
