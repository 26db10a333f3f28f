import { registry } from "@web/core/registry";

/** A salesperson works the list of customers at risk: reads why, plans a call, and sees it planned. */
registry.category("web_tour.tours").add("customer_tiering_risk", {
    steps: () => [
        {
            content: "Whom losing costs most stands first, also when nothing was heard for long",
            trigger: ".o_data_row:eq(0):contains(Gone Ltd):contains(Very High)",
        },
        {
            content: "Then the next, with the reason",
            trigger: ".o_data_row:eq(1):contains(Late Ltd):contains(High):contains(Usually orders every 10 days)",
        },
        {
            content: "Neither a colleague's customer, nor a contact, nor who is well",
            trigger: ".o_list_view:not(:contains(Foreign)):not(:contains(Buyer)):not(:contains(Best))",
        },
        {
            trigger: ".o_data_row:contains(Late Ltd) button[name=action_tiering_plan_call]",
            run: "click",
        },
        {
            content: "It is a call, about what is wrong",
            trigger: ".modal .o_field_widget[name=activity_type_id] .active:contains(Call)",
        },
        {
            trigger: ".modal .o_field_widget[name=note]:contains(the last order was 30 days ago.)",
        },
        {
            trigger: ".modal .o_field_widget[name=summary] input",
            run: "edit Ask what they need",
        },
        {
            trigger: ".modal button[name=action_schedule_activities]",
            run: "click",
        },
        {
            content: "The list shows what is planned",
            trigger: "body:not(:has(.modal)) .o_data_row:contains(Late Ltd) .o_field_list_activity:contains(Ask what they need)",
        },
        {
            content: "Plan the others together",
            trigger: ".o_data_row:contains(Slow Ltd) .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Late Ltd) .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_control_panel button:contains(Plan Calls)",
            run: "click",
        },
        {
            trigger: ".modal button[name=action_schedule_activities]",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_data_row:contains(Slow Ltd) .o_field_list_activity .fa-phone",
        },
        {
            content: "The same by salesperson",
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            trigger: ".o_kanban_group:contains(tiering_salesperson) .o_kanban_record:contains(Late Ltd) .badge:contains(High)",
        },
        {
            content: "A quotation is one click away",
            trigger: ".o_kanban_record:contains(Late Ltd) button[name=action_tiering_new_quotation]",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_field_widget[name=partner_id] input:value(Late Ltd)",
        },
        {
            trigger: ".o_form_button_cancel",
            run: "click",
        },
        {
            content: "Open the customer",
            trigger: ".o_kanban_record:contains(Late Ltd)",
            run: "click",
        },
        {
            trigger: ".o-mail-Activity:contains(Ask what they need)",
        },
        {
            trigger: ".o_notebook .nav-link[name=tiering]",
            run: "click",
        },
        {
            trigger: ".o_tiering_explanation_risk.alert-danger:contains(High):contains(Usually orders every 10 days)",
        },
    ],
});

/** A manager tests the warning against what customers really did. */
registry.category("web_tour.tours").add("customer_tiering_backtest", {
    steps: () => [
        {
            trigger: ".o_data_row td[name=name]",
            run: "click",
        },
        {
            trigger: ".o_notebook .nav-link[name=lifecycle]",
            run: "click",
        },
        {
            trigger: "button[name=action_test_warning]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=days] input",
            run: "edit 38",
        },
        {
            trigger: ".modal button[name=action_test]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=verdict]:contains(in the 38 days since)",
        },
        {
            trigger: ".modal .o_field_widget[name=warning_precision]:contains(%)",
        },
        {
            trigger: ".modal .modal-footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
    ],
});
