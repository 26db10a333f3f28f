import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("customer_tiering_calm", {
    steps: () => [
        {
            trigger: ".o_form_view .o_notebook_headers .nav-link[name=calm]",
            run: "click",
        },
        {
            trigger: "button[name=action_replay]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=calm_text]:contains(of 3 customers)",
            run() {
                const { scrollWidth, clientWidth } = document.querySelector(".o_content");
                if (scrollWidth > clientWidth) {
                    throw new Error(`The page is ${scrollWidth - clientWidth} pixels too wide`);
                }
            },
        },
        {
            trigger: "button[name=action_open_calm]",
            run: "click",
        },
        {
            trigger: ".breadcrumb-item.active:contains(Who Would Have Moved), .o_breadcrumb:contains(Who Would Have Moved)",
        },
    ],
});

registry.category("web_tour.tours").add("customer_tiering_protection", {
    steps: () => [
        {
            trigger: "button[name=action_advise]",
            run: "click",
        },
        {
            trigger: ".modal .o_notebook_headers .nav-link[name=calm]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=target] input",
            run: "edit 100",
        },
        {
            trigger: ".modal button[name=action_protect]",
            run: "click",
        },
        {
            content: "The outcome is what is seen first",
            trigger: ".modal .o_notebook_content .o_data_row:contains(As it is now)",
        },
        {
            trigger: ".modal .o_data_row:contains(announced 14 days) button:contains(Accept)",
            run: "click",
        },
        {
            trigger: ".modal .o_data_row:contains(announced 14 days) button:disabled:contains(Accepted)",
        },
        {
            trigger: ".modal footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal)) .o_form_view",
        },
    ],
});
