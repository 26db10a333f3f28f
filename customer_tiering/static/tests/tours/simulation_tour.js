import { registry } from "@web/core/registry";

const TIERS = ".o_field_widget[name=tier_ids]";
const MATRIX = ".o_tiering_simulation tbody";

/** A manager tries a floor and a weight, reads who would move, and applies it. */
registry.category("web_tour.tours").add("customer_tiering_simulation", {
    steps: () => [
        {
            trigger: ".o_data_row:contains(Default policy) td[name=name]",
            run: "click",
        },
        {
            trigger: "button[name=action_simulate]",
            run: "click",
        },
        {
            content: "A copy to try things on, and nothing to apply yet",
            trigger: ".alert:contains(Nothing happens to your customers)",
        },
        {
            trigger: ".o_statusbar_buttons:not(:has(button[name=action_simulation_apply]))",
        },
        {
            trigger: `${TIERS} .o_data_row:contains(Platinum) td[name=entry_floor]`,
            run: "click",
        },
        {
            trigger: `${TIERS} .o_selected_row .o_field_widget[name=entry_floor] input`,
            run: "edit 70",
        },
        {
            trigger: `${TIERS} .o_data_row:contains(Silver) td[name=entry_floor]`,
            run: "click",
        },
        {
            content: "The row of Platinum is left: its name is text again, so what is edited next is Silver",
            trigger: `${TIERS} .o_data_row:not(.o_selected_row):contains(Platinum)`,
        },
        {
            trigger: `${TIERS} .o_selected_row .o_field_widget[name=entry_floor] input`,
            run: "edit 20",
        },
        {
            trigger: "button[name=action_simulation_compute]",
            run: "click",
        },
        {
            content: "One customer with 600 in the last year goes from Gold to Platinum",
            trigger: `${MATRIX} tr:has(th:contains(Gold)) td:eq(0):contains(1):contains(600)`,
        },
        {
            trigger: ".o_tiering_total_up:contains(1)",
        },
        {
            content: "Nobody is left in Gold, nobody gets into Silver",
            trigger: ".o_tiering_simulation .alert:contains(Nobody would be in Gold or Silver.)",
        },
        {
            trigger: ".o_notebook .nav-link[name=criteria]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=criterion_ids] .o_data_row:contains(Recency) td[name=weight]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=criterion_ids] .o_selected_row .o_field_widget[name=weight] input",
            run: "edit 8",
        },
        {
            trigger: "button[name=action_simulation_compute]",
            run: "click",
        },
        {
            content: "With more weight on recency one rises from Bronze to Silver too",
            trigger: `${MATRIX} tr:has(th:contains(Bronze)) td:eq(2):contains(1):contains(100)`,
        },
        {
            trigger: ".o_tiering_total_up:contains(2)",
        },
        {
            trigger: "button[name=action_simulation_lines]",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Second):contains(Moves up):has(.badge:contains(Platinum))",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Poor):contains(22.50):has(.badge:contains(Silver))",
        },
        {
            trigger: ".o_list_view:not(:has(.o_data_row:contains(Best)))",
        },
        {
            trigger: ".o_back_button, .breadcrumb-item.o_back_button a",
            run: "click",
        },
        {
            trigger: "button[name=action_simulation_apply]",
            run: "click",
        },
        {
            trigger: ".modal-footer .btn-primary:contains(Apply)",
            run: "click",
        },
        {
            content: "The policy itself has the values",
            trigger: "body:has(button[name=action_simulate])",
        },
        {
            trigger: `${TIERS} .o_data_row:contains(Platinum):contains(70.00)`,
        },
        {
            trigger: `${TIERS} .o_data_row:contains(Silver):contains(20.00) td[name=customer_count]:contains(1)`,
        },
    ],
});
