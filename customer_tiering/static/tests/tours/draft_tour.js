import { registry } from "@web/core/registry";

/** A salesperson adds to a quotation until it reaches the tier that it promises, and confirms it. */
registry.category("web_tour.tours").add("customer_tiering_draft", {
    steps: () => [
        {
            content: "One disc is a way to Silver",
            trigger: ".o_tiering_draft[data-kind=up]:contains(/reaches Silver.*more would reach Gold/)",
        },
        {
            trigger: ".o_data_row td[name=product_uom_qty]",
            run: "click",
        },
        {
            trigger: ".o_data_row td[name=product_uom_qty] input",
            run: "edit 6 && press Tab",
        },
        {
            content: "What is not saved yet counts already",
            trigger: ".o_form_status_indicator_buttons:not(.invisible) .o_form_button_save",
        },
        {
            trigger: ".o_tiering_draft[data-kind=up]:contains(/reaches Gold/)",
        },
        {
            trigger: ".o_statusbar_buttons button[name=action_confirm]",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains(Sales Order)",
        },
        {
            content: "An order says nothing of what it would do",
            trigger: ".o_form_view:not(:has(.o_tiering_draft))",
        },
    ],
});
