import { registry } from "@web/core/registry";

const CRITERIA = ".o_field_widget[name=criterion_ids]";

/** An administrator makes a metric of a field of the contact, without code. */
registry.category("web_tour.tours").add("customer_tiering_metric_add", {
    steps: () => [
        {
            content: "The delivered ones are there",
            trigger: ".o_data_row:contains(Recency)",
        },
        {
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=field_name] input",
            run: "click",
        },
        {
            trigger: ".o_select_menu_menu input, .o_field_widget[name=field_name] input",
            run: "edit Trucks",
        },
        {
            trigger: ".o_select_menu_item:contains(Trucks)",
            run: "click",
        },
        {
            content: "The name and the unit are proposed",
            trigger: ".o_field_widget[name=unit]:contains(Whole number)",
        },
        {
            trigger: ".o_field_widget[name=text_many] input",
            run: "edit %(number)s trucks",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "Saved, it stays with its field",
            trigger: ".o_field_widget[name=field_name].o_readonly_modifier",
        },
        {
            trigger: ".o_back_button, .breadcrumb-item.o_back_button a",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Trucks)",
        },
    ],
});

/** A manager gives it weight in a simulation, reads who would move, and applies. */
registry.category("web_tour.tours").add("customer_tiering_metric_simulate", {
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
            trigger: ".alert:contains(Nothing happens to your customers)",
        },
        {
            trigger: ".o_notebook .nav-link[name=criteria]",
            run: "click",
        },
        {
            trigger: `${CRITERIA} .o_field_x2many_list_row_add a, ${CRITERIA} .o_field_x2many_list_row_add button`,
            run: "click",
        },
        {
            trigger: `${CRITERIA} .o_selected_row .o_field_widget[name=metric_id] input`,
            run: "edit Trucks",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Trucks)",
            run: "click",
        },
        {
            trigger: `${CRITERIA} .o_selected_row .o_field_widget[name=weight] input`,
            run: "edit 6",
        },
        {
            trigger: "button[name=action_simulation_compute]",
            run: "click",
        },
        {
            content: "Poor with 40 trucks would be in Gold, Best with 2 in Silver",
            trigger: ".o_tiering_total_up:contains(1)",
            timeout: 30000, // the simulation
        },
        {
            trigger: ".o_tiering_total_down:contains(1)",
        },
        {
            trigger: "button[name=action_simulation_lines]",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Poor):contains(Moves up):has(.badge:contains(Gold))",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Best):contains(Moves down):has(.badge:contains(Silver))",
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
            content: "The policy itself counts trucks",
            trigger: "body:has(button[name=action_simulate])",
        },
        {
            trigger: ".o_notebook .nav-link[name=criteria]",
            run: "click",
        },
        {
            trigger: `${CRITERIA} .o_data_row:contains(Trucks):contains(6.00)`,
        },
    ],
});

/** The salesperson reads its line in the explanation. */
registry.category("web_tour.tours").add("customer_tiering_metric_explained", {
    steps: () => [
        {
            trigger: ".o_data_row:contains(Poor) td[name=complete_name]",
            run: "click",
        },
        {
            trigger: ".o_notebook .nav-link[name=tiering]",
            run: "click",
        },
        {
            trigger: ".o_tiering_explanation tbody tr:contains(Trucks):contains(40 trucks)",
        },
    ],
});
