import { registry } from "@web/core/registry";

/** A manager looks who brings a profit, tries out a cost, opens who is below zero, and tries a remedy. */
registry.category("web_tour.tours").add("customer_tiering_profit", {
    steps: () => [
        {
            content: "The tiers side by side",
            trigger: ".o_tiering_pyramid tbody tr:eq(0)",
        },
        {
            content: "120 - 15 of Good, 20 - 30 of Bad, 40 - 15 of another",
            trigger: ".o_tiering_total:contains(120.00)",
        },
        {
            content: "One is below zero",
            trigger: ".o_tiering_profit_report tr:has(.o_tiering_section_tail):contains(1):contains(-10.00)",
        },
        {
            content: "An order that costs 20 instead of 15",
            trigger: "#tiering_order",
            run() {
                this.anchor.value = 20;
                this.anchor.dispatchEvent(new Event("input", { bubbles: true }));
            },
        },
        {
            content: "is 20 less for four orders, at once",
            trigger: ".o_tiering_total:contains(100.00)",
        },
        {
            trigger: ".o_tiering_profit_report button:contains(Reset)",
            run: "click",
        },
        {
            trigger: ".o_tiering_total:contains(120.00)",
        },
        {
            content: "A minimum order of 200: one order less of the customer below zero",
            trigger: ".o_tiering_size",
            run: "edit 200",
        },
        {
            trigger: ".o_tiering_remedy:contains(customers 1):contains(15.00)",
        },
        {
            trigger: ".o_tiering_section_tail",
            run: "click",
        },
        {
            content: "Who it is, and what would help",
            trigger: ".o_data_row:contains(Bad):contains(-10.00):contains(Orders of), .o_data_row:contains(Bad):contains(freight), .o_data_row:contains(Bad):contains(Prices)",
        },
        {
            trigger: "body:not(:has(.o_data_row:contains(Good)))",
        },
    ],
});
