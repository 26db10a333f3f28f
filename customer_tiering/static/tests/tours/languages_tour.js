import { registry } from "@web/core/registry";

const WORDS = {
    zh_CN: {
        best: "张伟",
        typed: "张",
        platinum: "铂金",
        gold: "黄金",
        tier: "层级",
        score: "得分",
        criterion: "分层标准",
        orders: "12 笔订单",
    },
    de_DE: {
        best: "Müller",
        typed: "Mül",
        platinum: "Platin",
        gold: "Gold",
        tier: "Stufe",
        score: "Punktzahl",
        criterion: "Kriterium",
        orders: "12 Aufträge",
    },
};

/** A salesperson works in another language: finds a customer by a part of the name, reads why, and whom to call today. */
for (const [lang, words] of Object.entries(WORDS)) {
    registry.category("web_tour.tours").add(`customer_tiering_salesperson_${lang}`, {
        steps: () => [
            {
                content: "The column says the tier",
                trigger: `.o_list_view thead:contains(${words.tier})`,
            },
            {
                trigger: `.o_data_row:contains(${words.best}) .badge:contains(${words.platinum})`,
            },
            {
                content: "A part of the name is enough",
                trigger: ".o_searchview_input",
                run: `edit ${words.typed}`,
            },
            {
                trigger: ".o_searchview_autocomplete .o-dropdown-item:first",
                run: "click",
            },
            {
                trigger: `.o_searchview_facet:contains(${words.typed})`,
            },
            {
                trigger: ".o_list_renderer:not(:has(.o_data_row:contains(Second)))",
            },
            {
                trigger: `.o_data_row:contains(${words.best}) .o_data_cell[name=complete_name]`,
                run: "click",
            },
            {
                content: "The stat button",
                trigger: `.oe_stat_button:contains(${words.platinum}):contains(${words.score})`,
            },
            {
                trigger: ".o_notebook .nav-link[name=tiering]",
                run: "click",
            },
            {
                content: "The explanation",
                trigger: `.o_tiering_explanation thead:contains(${words.criterion})`,
            },
            {
                trigger: `.o_tiering_explanation td:contains(${words.orders})`,
            },
            {
                trigger: ".o_navbar_apps_menu button",
                run: "click",
            },
            {
                trigger: ".o_app[data-menu-xmlid='sale.sale_menu_root']",
                run: "click",
            },
            {
                trigger: "[data-menu-xmlid='sale.sale_order_menu']",
                run: "click",
            },
            {
                trigger: "[data-menu-xmlid='customer_tiering.res_partner_my_customers_menu']",
                run: "click",
            },
            {
                content: "My customers by tier",
                trigger: `.o_kanban_group:contains(${words.platinum}) .o_kanban_record:contains(${words.best})`,
            },
            {
                trigger: `.o_kanban_group:contains(${words.gold})`,
            },
        ],
    });
}
