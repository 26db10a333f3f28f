import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

/** A manager has half of the customers held out of a playbook, and reads what that would show. */
registry.category("web_tour.tours").add("customer_tiering_hold_out", {
    steps: () => [
        {
            trigger: ".nav-link[name=effect]",
            run: "click",
        },
        {
            content: "Nobody is held out at first",
            trigger: ".o_field_widget[name=held_out_percent] input:value(0)",
            run: "edit 50 && press Tab",
        },
        {
            trigger: ".o_field_widget[name=effect_days] input",
            run: "edit 30 && press Tab",
        },
        {
            trigger: ".o_field_widget[name=effect_events] input",
            run: "edit 60 && press Tab",
        },
        {
            content: "What so many customers would show",
            trigger: ".o_field_widget[name=effect_hint]:contains(60):contains(30%)",
        },
        ...stepUtils.saveForm(),
    ],
});

/** Later the manager sees what the playbook did, in a sentence and in the table of all measures. */
registry.category("web_tour.tours").add("customer_tiering_verdict", {
    steps: () => [
        {
            trigger: ".nav-link[name=effect]",
            run: "click",
        },
        {
            trigger: "button[name=action_open_effect]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=verdict]:contains(It works)",
        },
        {
            content: "The sentence says how many of each group bought, and what lies between",
            trigger: ".o_field_widget[name=sentence]:contains(followed up):contains(bought again within 30 days):contains(held out):contains(points more)",
        },
        {
            content: "The measure that was chosen before stands out in the table",
            trigger: ".o_tiering_effect tr.fw-bolder:eq(0)",
        },
    ],
});
