import { registry } from "@web/core/registry";

/** A manager looks where customers stand, chooses cells by mouse and keyboard, and plans calls on who is there. */
registry.category("web_tour.tours").add("customer_tiering_map", {
    steps: () => [
        {
            content: "Three customers who bought; the best of them is a champion",
            trigger: ".o_tiering_map p.lead:contains(3 customers)",
        },
        {
            trigger: ".o_tiering_map [data-cell='5-5']:contains(1):contains(Champions)",
            run: "click",
        },
        {
            content: "What is chosen is said, and what can be done with it",
            trigger: ".o_tiering_actions:contains(Chosen: 1 customer,)",
        },
        {
            content: "The arrow to the left goes to the next cell, with Shift it is chosen, too",
            trigger: ".o_tiering_map [data-cell='5-5'][aria-pressed=true]",
            run() {
                this.anchor.dispatchEvent(
                    new KeyboardEvent("keydown", { key: "ArrowLeft", shiftKey: true, bubbles: true, cancelable: true })
                );
            },
        },
        {
            trigger: ".o_tiering_map [data-cell='5-4'][aria-pressed=true]:focus",
        },
        {
            content: "A rectangle with Shift",
            trigger: ".o_tiering_map [data-cell='1-1']",
            run() {
                this.anchor.dispatchEvent(new MouseEvent("click", { shiftKey: true, bubbles: true }));
            },
        },
        {
            trigger: ".o_tiering_map .o_tiering_actions:contains(Chosen: 2 customers)",
        },
        {
            content: "All by Ctrl and one more",
            trigger: ".o_tiering_map [data-cell='5-5']",
            run() {
                this.anchor.dispatchEvent(new MouseEvent("click", { ctrlKey: true, bubbles: true }));
            },
        },
        {
            trigger: ".o_tiering_map .o_tiering_actions:contains(Chosen: 3 customers)",
        },
        {
            trigger: ".o_tiering_actions button:contains(Clear)",
            run: "click",
        },
        {
            content: "All of a segment by its row in the table, and what usually works with them",
            trigger: ".o_tiering_segments button:contains(Champions)",
            run: "click",
        },
        {
            trigger: ".o_tiering_map [data-cell='5-4'][aria-pressed=true]",
        },
        {
            trigger: ".o_tiering_actions:contains(Chosen: 1 customer,):contains(Thank them)",
        },
        {
            trigger: ".o_tiering_segments button[aria-pressed=true]:contains(Champions)",
            run: "click",
        },
        {
            trigger: ".o_tiering_map:not(:has(.o_tiering_actions))",
        },
        {
            content: "By amount",
            trigger: ".o_tiering_map select[name=measure]",
            run: "select amount",
        },
        {
            trigger: ".o_tiering_map [data-cell='5-5']:contains(1,200)",
        },
        {
            content: "Compared with an earlier day, of which it is said how it comes about",
            trigger: ".o_tiering_map button:contains(30 days ago)",
            run: "click",
        },
        {
            trigger: ".o_tiering_map .alert-info:contains(reckoned by the rules of today)",
        },
        {
            trigger: ".o_tiering_map [data-cell='5-5'] .o_tiering_change:contains(▲)",
        },
        {
            content: "By two metrics, and back",
            trigger: ".o_tiering_map button:contains(Two Metrics)",
            run: "click",
        },
        {
            trigger: ".o_tiering_map select[name=across]",
        },
        {
            trigger: ".o_tiering_map button:contains(Segments)",
            run: "click",
        },
        {
            trigger: ".o_tiering_map:not([aria-busy]) [data-cell='5-5']:contains(Champions)",
            run: "click",
        },
        {
            content: "Calls on who is there",
            trigger: ".o_tiering_actions button:contains(Plan Calls)",
            run: "click",
        },
        {
            trigger: ".modal .o_form_view",
        },
        {
            trigger: ".modal button[name=action_schedule_activities]",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
        {
            trigger: ".o_tiering_map [data-cell='5-5']",
            run: "click",
        },
        {
            trigger: ".o_tiering_actions button:contains(Open Customers)",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Best)",
        },
        {
            trigger: "body:not(:has(.o_data_row:contains(Second)))",
        },
    ],
});

/** A manager looks who came back, and opens them. */
registry.category("web_tour.tours").add("customer_tiering_cohorts", {
    steps: () => [
        {
            content: "Each of the three customers began in a month",
            trigger: ".o_tiering_cohorts tfoot td:contains(3)",
        },
        {
            trigger: ".o_tiering_cohorts button:contains(Years)",
            run: "click",
        },
        {
            trigger: ".o_tiering_cohorts th:contains(Years since the first order), .o_tiering_cohorts tbody th:contains(20)",
        },
        {
            trigger: ".o_tiering_cohorts button:contains(Months)",
            run: "click",
        },
        {
            trigger: ".o_tiering_cohorts select[name=measure]",
            run: "select cumulated",
        },
        {
            content: "The first to come is the last in the table",
            trigger: ".o_tiering_cohorts tbody tr:last-child td:eq(1) button:contains(100)",
            run: "click",
        },
        {
            trigger: ".o_kanban_record:contains(Poor), .o_data_row:contains(Poor)",
        },
        {
            trigger: "body:not(:has(.o_data_row:contains(Best)))",
        },
    ],
});
