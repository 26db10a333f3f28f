import { registry } from "@web/core/registry";

function choose(field, name) {
    return [
        {
            trigger: `.o_field_widget[name=${field}] input`,
            run: `edit ${name}`,
        },
        {
            trigger: `.o_field_widget[name=${field}] .o-autocomplete--dropdown-item:contains(${name})`,
            run: "click",
        },
    ];
}

function confirmUndo() {
    return [
        {
            trigger: "button[name=action_undo]",
            run: "click",
        },
        {
            trigger: ".modal footer button:contains(Undo)",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains(Undone)",
        },
    ];
}

/** A manager looks whose customers are where, and hands over one person's customers, and takes that back. */
registry.category("web_tour.tours").add("customer_tiering_reassign", {
    steps: () => [
        {
            content: "Portfolios: salespeople by tiers",
            trigger: ".o_pivot tbody tr:contains(tiering_salesperson)",
        },
        {
            trigger: ".o_pivot thead:contains(Platinum):contains(Beyond Capacity)",
        },
        {
            trigger: ".o_menu_sections button:contains(Configuration)",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item:contains(Reassign Customers)",
            run: "click",
        },
        {
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=name] input, .o_field_widget[name=name] textarea",
            run: "edit Handover",
        },
        ...choose("from_user_ids", "tiering_salesperson"),
        {
            trigger: ".o_field_widget[name=from_user_ids] .o_tag:contains(tiering_salesperson)",
        },
        ...choose("user_id", "tiering_manager"),
        {
            trigger: "button[name=action_preview]:contains(Preview)",
            run: "click",
        },
        {
            content: "Who goes from whom to whom",
            trigger: ".o_field_widget[name=line_ids] .o_data_row:contains(Best):contains(Platinum)",
        },
        {
            content: "Poor stays",
            trigger: ".o_data_row:contains(Poor) .o_list_record_remove button",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=line_ids]:not(:has(.o_data_row:contains(Poor)))",
        },
        {
            trigger: "button[name=action_apply]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=summary]:contains(2 customers were given to their new salesperson.)",
        },
        {
            trigger: ".o_data_row:contains(Best) .badge:contains(Given)",
        },
        ...confirmUndo(),
        {
            trigger: ".o_field_widget[name=summary]:contains(2 customers are back with their former salesperson.)",
        },
        {
            trigger: ".o_data_row:contains(Best) .badge:contains(Given back)",
        },
    ],
});

/** A manager selects customers in the list and gives them to somebody. */
registry.category("web_tour.tours").add("customer_tiering_reassign_selected", {
    steps: () => [
        {
            trigger: ".o_data_row:contains(Second) .o_list_record_selector input:not(:checked)",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Poor) .o_list_record_selector input:not(:checked)",
            run: "click",
        },
        {
            trigger: ".o_data_row_selected:contains(Poor)",
        },
        {
            trigger: ".o_control_panel_actions .o_cp_action_menus .dropdown-toggle:contains(Actions)",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item:contains(Reassign)",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=partner_ids] .o_tag:contains(Poor)",
        },
        ...choose("user_id", "tiering_manager"),
        {
            trigger: "button[name=action_preview]:contains(Preview)",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=line_ids] .o_data_row:contains(Second)",
        },
        {
            trigger: "button[name=action_apply]",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains(Applied)",
        },
    ],
});
