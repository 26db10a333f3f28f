import { registry } from "@web/core/registry";

function openSales() {
    return [
        {
            trigger: ".o_navbar_apps_menu button",
            run: "click",
        },
        {
            trigger: ".o_app[data-menu-xmlid='sale.sale_menu_root']",
            run: "click",
        },
    ];
}

function choose(name, label) {
    return [
        {
            trigger: `.o_field_widget[name=${name}] input`,
            run: "click",
        },
        {
            trigger: `.o_select_menu_item:contains(${label})`,
            run: "click",
        },
    ];
}

function pick(name, label) {
    return [
        {
            trigger: `.o_field_widget[name=${name}] input`,
            run: `edit ${label}`,
        },
        {
            trigger: `.o-autocomplete--dropdown-item:contains(${label})`,
            run: "click",
        },
    ];
}

/** A manager creates a playbook, sees what it would do, and switches it on. */
registry.category("web_tour.tours").add("customer_tiering_playbook", {
    steps: () => [
        ...openSales(),
        {
            trigger: "[data-menu-xmlid='sale.menu_sale_config']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='customer_tiering.customer_tiering_playbook_menu']",
            run: "click",
        },
        {
            content: "Those that come with the policy are there, switched off",
            trigger: ".o_data_row:contains(Regular care) button:contains(Switch On)",
        },
        {
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: "edit Ring them up",
        },
        ...choose("trigger", "No interaction for some time"),
        {
            trigger: ".o_field_widget[name=contact_days] input",
            run: "edit 40",
        },
        ...pick("tier_ids", "Gold"),
        ...choose("assign", "One person"),
        ...pick("user_id", "tiering_salesperson"),
        {
            trigger: ".o_field_widget[name=step_ids] .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "Calls are proposed; the placeholders are explained",
            trigger: ".modal .o_field_widget[name=placeholder_help]:contains(the customer's name)",
        },
        {
            trigger: ".modal .o_field_widget[name=summary] input",
            run: "edit Ask {{ customer }} what's new",
        },
        {
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_field_widget[name=step_ids] .o_data_row:contains(what's new):contains(Call)",
        },
        {
            trigger: "button[name=action_preview]",
            run: "click",
        },
        {
            content: "Second is Gold and nobody has been in contact for 45 days; Poor is Bronze",
            trigger: ".modal .o_field_widget[name=summary]:contains(1 follow-up would be planned now)",
        },
        {
            trigger: ".modal .o_data_row:contains(Second):contains(Ask Second what's new):contains(tiering_salesperson)",
        },
        {
            trigger: ".modal button[name=action_enable]",
            run: "click",
        },
        {
            content: "It is on, and the follow-up waits for the job",
            trigger: "body:not(:has(.modal)) .ribbon:contains(On)",
        },
        {
            trigger: ".oe_stat_button:contains(Waiting):contains(1)",
        },
    ],
});

/** The manager sees what has become of the playbook's follow-ups. */
registry.category("web_tour.tours").add("customer_tiering_playbook_compliance", {
    steps: () => [
        ...openSales(),
        {
            trigger: "[data-menu-xmlid='sale.menu_sale_report']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='customer_tiering.customer_tiering_followup_report_menu']",
            run: "click",
        },
        {
            content: "One was planned, and done in time",
            trigger: ".o_pivot tbody tr:contains(Ring them up):contains(100.0)",
        },
        {
            trigger: ".o_pivot tbody tr:contains(Ring them up) .o_pivot_cell_value:eq(0)",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Ask Second what's new) .badge:contains(Done in time)",
        },
    ],
});
