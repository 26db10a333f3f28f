import { registry } from "@web/core/registry";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as OfflineUtil from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";

const inList = (name, tier) => ({
    content: `${name} is shown with the tier ${tier}`,
    trigger: `.partner-list .partner-line:contains("${name}") .o_tiering_badge:contains("${tier}")`,
});
const onButton = (tier) => ({
    content: `the customer who was chosen is shown with the tier ${tier}`,
    trigger: `.product-screen .set-partner .o_tiering_badge:contains("${tier}")`,
});

// Ann and Bob are Silver when the till is loaded, and become Gold when the register is opened.
registry.category("web_tour.tours").add("customer_tiering_till", {
    steps: () =>
        [
            Chrome.startPoS(),
            Dialog.confirm("Open Register"),
            ProductScreen.clickDisplayedProduct("Compact disc", true, "1"),
            Order.hasTotal("100.00"),
            ProductScreen.clickPartnerButton(),
            inList("Ann", "Silver"),
            ProductScreen.clickCustomer("Ann"),
            onButton("Gold"),
            Order.hasTotal("80.00"),
            // Bob, without a connection: as he was loaded
            OfflineUtil.setOfflineMode(),
            ProductScreen.clickPartnerButton(),
            inList("Bob", "Silver"),
            ProductScreen.clickCustomer("Bob"),
            onButton("Silver"),
            Order.hasTotal("100.00"),
            OfflineUtil.setOnlineMode(),
            ProductScreen.clickPartnerButton(),
            inList("Ann", "Gold"),
            ProductScreen.clickCustomer("Ann"),
            onButton("Gold"),
            Order.hasTotal("80.00"),
            ProductScreen.clickPayButton(),
            PaymentScreen.clickPaymentMethod("Card Corner"),
            PaymentScreen.clickValidate(),
            ReceiptScreen.isShown(),
        ].flat(),
});
