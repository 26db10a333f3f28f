import { registry } from "@web/core/registry";

const overview = "/odoo/customer-tiering-overview";

registry.category("web_tour.tours").add("customer_tiering_overview", {
    steps: () => [
        {
            content: "Nobody has a tier yet: an example, and the first steps",
            trigger: ".o_tiering_overview .o_tiering_example:contains(Example)",
        },
        {
            trigger: ".o_tiering_steps:contains(0 of 5 steps done) button[name=choose]",
            run: "click",
        },
        {
            trigger: "[data-step=choose] .fa-check",
        },
        {
            trigger: ".o_tiering_steps button[name=advise]",
            run: "click",
        },
        {
            trigger: ".modal .btn-close, .modal .oi-arrow-left",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) [data-step=advise] .fa-check",
        },
        {
            trigger: ".o_tiering_steps button[name=compute]",
            run: "click",
        },
        {
            content: "Two customers in tiers, and a table",
            trigger: ".o_tiering_overview button[name=customers]:contains(2)",
        },
        {
            trigger: "[data-step=compute] .fa-check",
        },
        {
            trigger: ".o_tiering_months tr:contains(Today) button:contains(1)",
            run: "click",
        },
        {
            content: "The customer of a cell",
            trigger: ".o_list_view .o_data_row, .o_kanban_record:not(.o_kanban_ghost)",
            run: () => (window.location.href = overview),
            expectUnloadPage: true,
        },
        {
            trigger: ".o_tiering_steps button[name=look]",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row, .o_kanban_record:not(.o_kanban_ghost)",
            run: () => (window.location.href = overview),
            expectUnloadPage: true,
        },
        {
            trigger: ".o_tiering_steps:contains(4 of 5 steps done) button[name=dismiss]",
            run: "click",
        },
        {
            trigger: ".o_tiering_overview:not(:has(.o_tiering_steps)) .o_tiering_compute",
        },
    ],
});
