import { registry } from "@web/core/registry";
import { download } from "@web/core/network/download";

/** The tiering table: narrow it in the search panel, export it, look at it as pivot and kanban. */
registry.category("web_tour.tours").add("customer_tiering_table", {
    steps: () => [
        {
            trigger: ".o_list_view .o_data_row:contains(Best):has(.badge:contains(Platinum))",
        },
        {
            content: "The averages and sums stand below",
            trigger: ".o_list_footer:contains(1,900.00)",
        },
        {
            trigger: ".o_search_panel_category_value:contains(Gold) header",
            run: "click",
        },
        {
            trigger: ".o_list_view:not(:has(.o_data_row:contains(Best))) .o_data_row:contains(Second)",
        },
        {
            content: "Back to all",
            trigger: ".o_search_panel_category_value:contains(All) header",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains(Best)",
            run() {
                // A headless browser has nowhere to save to: keep what would be asked for.
                download._download = async ({ data, url }) => {
                    document.body.dataset.exported = `${url} ${data.data}`;
                };
            },
        },
        {
            trigger: ".o_list_view .o_list_record_selector input, .o_list_renderer thead .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_cp_action_menus .dropdown-toggle:has(.fa-cog)",
            run: "click",
        },
        {
            trigger: ".o-dropdown-item:contains(Export)",
            run: "click",
        },
        {
            trigger: ".o_export_field:contains(Score)",
        },
        {
            trigger: ".modal .o_select_button, .modal footer button:contains(Export)",
            run: "click",
        },
        {
            trigger: "body[data-exported*='xlsx'][data-exported*='customer.tiering.scorecard']",
        },
        {
            trigger: ".modal .o_form_button_cancel, .modal footer button:contains(Close)",
            run: "click",
        },
        {
            trigger: ".o_switch_view.o_pivot",
            run: "click",
        },
        {
            trigger: ".o_pivot_header_cell_closed:contains(Platinum)",
        },
        {
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            trigger: ".o_kanban_group:contains(Platinum) .o_kanban_record:contains(Best)",
        },
        {
            content: "The empty tier is shown too",
            trigger: ".o_kanban_group:contains(Silver)",
        },
        {
            trigger: ".o_switch_view.o_graph",
            run: "click",
        },
        {
            trigger: ".o_graph_view canvas",
        },
    ],
});
