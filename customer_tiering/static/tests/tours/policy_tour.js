import { registry } from "@web/core/registry";

const CONDITIONS = ".o_field_widget[name=condition_ids]";

function openPolicy() {
    return {
        trigger: ".o_data_row:contains(Default policy) td[name=name]",
        run: "click",
    };
}

/** A manager accepts a proposal and sees it in the policy. */
registry.category("web_tour.tours").add("customer_tiering_advice", {
    steps: () => [
        openPolicy(),
        {
            trigger: "button[name=action_advise]",
            run: "click",
        },
        {
            trigger: ".modal .o_data_row:has(td:contains(Window)) td[name=proposed]",
            run() {
                document.body.dataset.proposed = this.anchor.textContent.match(/\d+/)[0];
            },
        },
        {
            trigger: ".modal .o_data_row:has(td:contains(Window)) button:contains(Accept)",
            run: "click",
        },
        {
            trigger: ".modal .o_data_row:has(td:contains(Window)) button:disabled:contains(Accepted)",
        },
        {
            trigger: ".modal footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_field_widget[name=window_days] input",
            async run() {
                for (let waits = 0; waits < 50; waits++) {
                    const shown = document.querySelector(".o_field_widget[name=window_days] input").value;
                    if (shown === document.body.dataset.proposed) {
                        return;
                    }
                    await new Promise((resolve) => setTimeout(resolve, 100));
                }
                throw new Error("The form does not show the accepted window");
            },
        },
    ],
});

/** A manager switches to conditions, is told about a mistake, and corrects it. */
registry.category("web_tour.tours").add("customer_tiering_conditions", {
    steps: () => [
        openPolicy(),
        {
            trigger: ".o_field_widget[name=method] input, .o_field_widget[name=method] select",
            run: "click",
        },
        {
            trigger: ".o_select_menu_item:contains(Conditions)",
            run: "click",
        },
        {
            trigger: `${CONDITIONS} .o_field_x2many_list_row_add a`,
            run: "click",
        },
        {
            trigger: `${CONDITIONS} .o_selected_row .o_field_widget[name=tier_id] input`,
            run: "edit Gold",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Gold)",
            run: "click",
        },
        {
            trigger: `${CONDITIONS} .o_selected_row .o_field_widget[name=value] input`,
            run: "edit 500",
        },
        {
            trigger: `${CONDITIONS} .o_selected_row .o_field_widget[name=keep_value] input`,
            run: "edit 600",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".modal:contains(Staying in Gold asks for more than entering it)",
        },
        {
            trigger: ".modal-footer button:first",
            run: "click",
        },
        {
            trigger: `body:not(:has(.modal)) ${CONDITIONS} .o_data_row td[name=keep_value]`,
            run: "click",
        },
        {
            trigger: `${CONDITIONS} .o_selected_row .o_field_widget[name=keep_value] input`,
            run: "edit 400",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".o_form_saved, .o_form_view:not(:has(.o_form_button_save:visible))",
        },
        {
            trigger: `${CONDITIONS} .o_data_row:contains(Gold):contains(400.00)`,
        },
    ],
});
