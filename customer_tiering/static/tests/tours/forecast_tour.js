import { registry } from "@web/core/registry";

const fits = () => {
    const { scrollWidth } = document.documentElement;
    if (scrollWidth > window.innerWidth) {
        throw new Error(`The page is ${scrollWidth - window.innerWidth} pixels too wide`);
    }
};

/** A manager opens the test of the forecast from the policy, reads an earlier day, and tests anew. */
registry.category("web_tour.tours").add("customer_tiering_forecast", {
    steps: () => [
        {
            trigger: ".o_form_view .o_notebook_headers .nav-link[name=lifecycle]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=forecast_grade] .o_tiering_grade[title^='Grade']",
        },
        {
            trigger: "button[name=action_open_forecast]",
            run: "click",
        },
        {
            content: "The grade, and what it means",
            trigger: ".o_tiering_forecast_grade:contains(Grade)",
        },
        {
            content: "Each band of the picture says what it shows",
            trigger: ".o_tiering_forecast_picture [role=img][tabindex='0'][aria-label*='stopped (likely']",
            run: fits,
        },
        {
            content: "The same as a table",
            trigger: ".o_tiering_forecast tbody tr:contains(80 to 100%)",
        },
        {
            trigger: ".o_tiering_forecast_words:contains(most endangered):contains(Orders predicted)",
        },
        {
            content: "An earlier day",
            trigger: ".o_tiering_forecast .btn-group .btn-secondary:eq(0)",
            run: "click",
        },
        {
            trigger: ".o_tiering_forecast .btn-group .btn:eq(1)[aria-pressed=true]",
        },
        {
            trigger: ".o_tiering_forecast button[name=test]",
            run: "click",
        },
        {
            trigger: ".o_tiering_forecast[aria-busy=false] p:contains(Tested on)",
            run: fits,
        },
    ],
});

/** Where the grade is C, the customers at risk are sorted by silence, and it is said why. */
registry.category("web_tour.tours").add("customer_tiering_by_silence", {
    steps: () => [
        {
            trigger: ".o_tiering_by_silence:contains(Sorted by silence)",
        },
        {
            trigger: ".o_data_row:eq(0):contains(Silent Ltd) .o_tiering_grade:contains(C)",
        },
        {
            trigger: ".o_data_row:eq(1):contains(Dear Ltd)",
        },
        {
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            trigger: ".o_kanban_view .o_tiering_by_silence:contains(Sorted by silence)",
            run: fits,
        },
    ],
});
