import { registry } from "@web/core/registry";

/** A salesperson confirms a quotation. */
registry.category("web_tour.tours").add("customer_tiering_confirm", {
    steps: () => [
        {
            trigger: ".o_statusbar_buttons button[name=action_confirm]",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains(Sales Order)",
        },
    ],
});

/** A moment later the customer is where the order has brought it. */
registry.category("web_tour.tours").add("customer_tiering_upgraded", {
    steps: () => [
        {
            trigger: ".o_data_row:contains(Poor)",
        },
        {
            trigger: ".o_searchview_input",
            run: "edit gold",
        },
        {
            trigger: ".o_searchview_autocomplete .o-dropdown-item:contains(Tier)",
            run: "click",
        },
        {
            trigger: ".o_list_view:not(:has(.o_data_row:contains(Best)))",
        },
        {
            trigger: ".o_data_row:contains(Poor):has(.badge:contains(Gold)) td[name=complete_name]",
            run: "click",
        },
        {
            trigger: ".o_form_view .oe_stat_button:contains(Gold):contains(Score)",
        },
        {
            trigger: ".o_notebook .nav-link[name=tiering]",
            run: "click",
        },
        {
            trigger: ".tab-pane.active .o_field_widget[name=change_ids] .o_data_row:has(.badge:contains(Gold)):contains(Bronze)",
        },
    ],
});
