import { registry } from "@web/core/registry";

function openTiering(name) {
    return [
        {
            trigger: `.o_data_row:contains(${name}) td[name=complete_name]`,
            run: "click",
        },
        {
            trigger: ".o_form_view .o_notebook .nav-link[name=tiering]",
            run: "click",
        },
    ];
}

function fillLock(tier, reason) {
    return [
        {
            trigger: ".modal .o_field_widget[name=tier_id] input",
            run: `edit ${tier}`,
        },
        {
            trigger: `.o-autocomplete--dropdown-item:contains(${tier})`,
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=reason] input",
            run: `edit ${reason}`,
        },
        {
            trigger: ".modal footer button[name=action_apply]:contains(Lock)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
    ];
}

function chooseInBulk() {
    return [
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
            trigger: ".o-dropdown-item:contains(Lock Tier)",
            run: "click",
        },
    ];
}

/** A salesperson reads why a customer is where it is, and cannot lock. */
registry.category("web_tour.tours").add("customer_tiering_explained", {
    steps: () => [
        ...openTiering("Second"),
        {
            trigger: ".o_tiering_explanation_rule:contains(Gold starts at 60 points.)",
        },
        {
            content: "What leads to the next tier",
            trigger: ".o_tiering_explanation_next:contains(Platinum):contains(an order today)",
        },
        {
            trigger: ".o_tiering_explanation tfoot:contains(75.00)",
        },
        {
            content: "There is nothing to lock with",
            trigger: ".o_form_view:not(:has(button[name=action_tiering_lock]))",
        },
        {
            trigger: ".o_cp_action_menus .dropdown-toggle",
            run: "click",
        },
        {
            trigger: ".o-dropdown--menu:has(.o-dropdown-item):not(:contains(Lock Tier))",
        },
    ],
});

function seePage(breadcrumb, trigger) {
    return [
        {
            content: "The form is still the contact's",
            trigger: `.o_form_view .o_breadcrumb .o_last_breadcrumb_item:contains(${breadcrumb})`,
        },
        {
            trigger: `.o_notebook .tab-pane.active ${trigger}`,
        },
    ];
}

function goToNext() {
    return { trigger: ".o_pager_next", run: "click" };
}

/** A salesperson goes through the customers with the page open. */
registry.category("web_tour.tours").add("customer_tiering_explained_one_after_the_other", {
    steps: () => [
        ...openTiering("Best"),
        ...seePage("Best", ".o_tiering_explanation:has(tfoot:contains(100.00)):contains(12 orders)"),
        {
            content: "Neither a second control panel nor a second title",
            trigger: ".o_notebook .o_form_view:not(:has(.o_control_panel)):not(:has(.oe_title))",
        },
        goToNext(),
        {
            content: "A contact shows its company's",
            trigger: ".o_form_view .o_last_breadcrumb_item:contains(Buyer)",
        },
        ...seePage("Buyer", ".o_tiering_explanation tfoot:contains(100.00)"),
        goToNext(),
        ...seePage("Poor", ".o_tiering_explanation:has(tfoot:contains(16.67)):contains(1 order)"),
        goToNext(),
        ...seePage("Second", ".o_tiering_explanation:has(tfoot:contains(75.00)):contains(6 orders)"),
        {
            trigger: ".o_notebook .tab-pane.active .o_field_widget[name=segment_description]",
        },
        goToNext(),
        ...seePage("Zero", "p:contains(This customer has not been scored yet.)"),
        {
            trigger: ".o_notebook:not(:has(.o_form_view)):not(:has(.o_tiering_explanation))",
        },
    ],
});

/** A manager locks one customer and two at once, and puts them back. */
registry.category("web_tour.tours").add("customer_tiering_lock", {
    steps: () => [
        ...openTiering("Second"),
        {
            trigger: "button[name=action_tiering_lock]",
            run: "click",
        },
        ...fillLock("Platinum", "Strategic account"),
        {
            trigger: ".oe_stat_button:contains(Platinum)",
        },
        {
            content: "Which tier, why, and who said so",
            trigger:
                ".o_tiering_explanation_lock:contains(Platinum):contains(Strategic account):contains(tiering_manager)",
        },
        {
            content: "What it would be otherwise",
            trigger: ".o_tiering_explanation_lock:contains(The rules alone come to Gold)",
        },
        {
            trigger: "button[name=action_tiering_unlock]",
            run: "click",
        },
        {
            trigger: ".oe_stat_button:contains(Gold)",
        },
        {
            trigger: ".o_form_view:not(:has(.o_tiering_explanation_lock))",
        },
        {
            trigger: ".o_back_button, .breadcrumb-item.o_back_button a",
            run: "click",
        },
        ...chooseInBulk(),
        {
            trigger: ".modal .o_field_widget[name=partner_ids] .o_tag:contains(Poor)",
        },
        ...fillLock("Gold", "Both belong together"),
        {
            trigger: ".o_data_row:contains(Poor):has(.badge:contains(Gold))",
        },
        {
            trigger: ".o_list_view:not(:has(.o_data_row_selected))",
        },
        ...chooseInBulk(),
        {
            trigger: ".modal .o_field_widget[name=action] .o_radio_item:contains(Back to automatic) input",
            run: "click",
        },
        {
            trigger: ".modal footer button[name=action_apply]:contains(Back to Automatic)",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Poor):has(.badge:contains(Bronze))",
        },
    ],
});
