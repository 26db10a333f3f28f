import { registry } from "@web/core/registry";

/** A manager changes a tier in the settings, saves, and computes. */
registry.category("web_tour.tours").add("customer_tiering_manager", {
    steps: () => [
        {
            content: "The tiers of the company",
            trigger: "#tiering_tiers .o_data_row:contains(Gold) td[name=entry_floor]",
            run: "click",
        },
        {
            trigger: "#tiering_tiers .o_selected_row .o_field_widget[name=entry_floor] input",
            run: "edit 50",
        },
        {
            content: "Add a tier",
            trigger: "#tiering_tiers .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "The row of Gold is left: its name is text again, so what is edited next is the new row",
            trigger: "#tiering_tiers .o_data_row:not(.o_selected_row):contains(Gold)",
        },
        {
            trigger: "#tiering_tiers .o_selected_row .o_field_widget[name=name] input",
            run: "edit Diamond",
        },
        {
            trigger: "#tiering_tiers .o_selected_row .o_field_widget[name=entry_floor] input",
            run: "edit 99",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
            expectUnloadPage: true,
        },
        {
            content: "Saved",
            trigger: "#tiering_tiers .o_data_row:contains(Diamond):contains(99)",
        },
        {
            trigger: "#tiering_tiers .o_data_row:contains(Gold):contains(50)",
        },
        {
            trigger: "button[name=action_tiering_compute_now]",
            run: "click",
        },
        {
            trigger: ".o_notification:contains(scored customers 4)",
        },
    ],
});

/** A manager is told what is wrong with a tier table that leaves customers out. */
registry.category("web_tour.tours").add("customer_tiering_manager_mistake", {
    steps: () => [
        {
            trigger: "#tiering_tiers .o_data_row:contains(Bronze) td[name=entry_floor]",
            run: "click",
        },
        {
            trigger: "#tiering_tiers .o_selected_row .o_field_widget[name=entry_floor] input",
            run: "edit 20",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".o_error_dialog:contains(No tier starts at score 0), .modal:contains(No tier starts at score 0)",
        },
        {
            trigger: ".modal-footer button:first",
            run: "click",
        },
        {
            trigger: ".o_form_button_cancel",
            run: "click",
        },
        {
            trigger: "#tiering_tiers .o_data_row:contains(Bronze):contains(0.00)",
        },
    ],
});

/** A manager paints a cell of the segment map. */
registry.category("web_tour.tours").add("customer_tiering_segment_map", {
    steps: () => [
        {
            trigger: ".o_data_row:contains(Default policy) td[name=name]",
            run: "click",
        },
        {
            trigger: ".o_notebook .nav-link[name=segments]",
            run: "click",
        },
        {
            trigger: ".o_tiering_segment_map select[data-cell='5-1']",
            run: "selectByLabel Champions",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".o_form_saved, .o_form_view:not(:has(.o_form_button_save:visible))",
        },
    ],
});
