import { registry } from "@web/core/registry";

/** A salesperson types "gold", finds the Gold customers, opens one and reads why. */
registry.category("web_tour.tours").add("customer_tiering_salesperson", {
    steps: () => [
        {
            content: "The list has a column for it",
            trigger: ".o_data_row:contains(Best):contains(100) .badge:contains(Platinum)",
        },
        {
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            content: "The cards carry the tier and the score",
            trigger: ".o_kanban_record:contains(Best) .badge:contains(Platinum)",
        },
        {
            content: "Search for gold",
            trigger: ".o_searchview_input",
            run: "edit gold",
        },
        {
            content: "… as a tier",
            trigger: ".o_searchview_autocomplete .o-dropdown-item:contains(Tier)",
            run: "click",
        },
        {
            trigger: ".o_searchview_facet:contains(Tier):contains(gold)",
        },
        {
            content: "Only the Gold customer is left",
            trigger: ".o_kanban_renderer:not(:has(.o_kanban_record:contains(Best)))",
        },
        {
            trigger: ".o_kanban_record:contains(Second):has(.badge:contains(Gold))",
            run: "click",
        },
        {
            content: "The stat button shows the tier",
            trigger: ".oe_stat_button:contains(Gold):contains(Score)",
        },
        {
            trigger: ".o_notebook .nav-link[name=tiering]",
            run: "click",
        },
        {
            content: "The explanation has a row for each criterion",
            trigger: ".o_tiering_explanation tbody tr:eq(2)",
        },
        {
            content: "The value with its unit",
            trigger: ".o_tiering_explanation td:contains(6 orders)",
        },
        {
            content: "What is missing to the next tier",
            trigger: ".tab-pane.active:contains(Platinum):contains(points)",
        },
        {
            content: "When the customer got here",
            trigger: ".tab-pane.active .o_field_widget[name=change_ids] .o_data_row .badge:contains(Gold)",
        },
        {
            content: "Open the scorecard",
            trigger: ".oe_stat_button[name=action_open_tiering_scorecard]",
            run: "click",
        },
        {
            trigger: ".o_form_view:has(.oe_stat_button[name=action_open_partner]) .oe_title:contains(Second)",
        },
        {
            trigger: ".o_form_view:not(:has(.o_notebook)) .o_field_widget[name=order_count]:contains(6)",
        },
    ],
});

/** A salesperson groups customers by tier and sees the empty tiers too. */
registry.category("web_tour.tours").add("customer_tiering_group_by_tier", {
    steps: () => [
        {
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            trigger: ".o_kanban_record:contains(Best)",
        },
        {
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            trigger: ".o_group_by_menu .o-dropdown-item:contains(Tier)",
            run: "click",
        },
        {
            trigger: ".o_kanban_group:contains(Platinum) .o_kanban_record:contains(Best)",
        },
        {
            content: "Silver is empty and still there",
            trigger: ".o_kanban_group:contains(Silver):not(:has(.o_kanban_record:not(.o_kanban_ghost)))",
        },
    ],
});
