import { registry } from "@web/core/registry";
import * as Chrome from "@point_of_sale/../tests/pos/tours/utils/chrome_util";
import * as Dialog from "@point_of_sale/../tests/generic_helpers/dialog_util";
import * as OfflineUtil from "@point_of_sale/../tests/generic_helpers/offline_util";
import * as Order from "@point_of_sale/../tests/generic_helpers/order_widget_util";
import * as PaymentScreen from "@point_of_sale/../tests/pos/tours/utils/payment_screen_util";
import * as PosLoyalty from "@pos_loyalty/../tests/tours/utils/pos_loyalty_util";
import * as ProductScreen from "@point_of_sale/../tests/pos/tours/utils/product_screen_util";
import * as ReceiptScreen from "@point_of_sale/../tests/pos/tours/utils/receipt_screen_util";

const isRefused = (reason) => ({
    content: `the code is refused: ${reason}`,
    trigger: `.o_notification:contains("${reason}")`,
});
const choose = (name) => [ProductScreen.clickPartnerButton(), ProductScreen.clickCustomer(name)].flat();
const pay = () =>
    [
        ProductScreen.clickPayButton(),
        PaymentScreen.clickPaymentMethod("Card Corner"),
        PaymentScreen.clickValidate(),
        ReceiptScreen.isShown(),
    ].flat();

// Ann and Bob are Silver when the till is loaded; Ann becomes Gold when the register is opened.
registry.category("web_tour.tours").add("customer_tiering_till_programs", {
    steps: () =>
        [
            Chrome.startPoS(),
            Dialog.confirm("Open Register"),
            ProductScreen.clickDisplayedProduct("Compact disc", true, "1"),
            Order.hasTotal("100.00"),
            PosLoyalty.enterCode("GOLDEN"),
            isRefused("Choose the customer first"),
            // 80 for Gold, less 8; twice the points
            choose("Ann"),
            Order.hasTotal("72.00"),
            PosLoyalty.pointsAwardedAre("160"),
            PosLoyalty.enterCode("GOLDEN"),
            Order.hasTotal("70.00"),
            // Bob has nothing of it
            choose("Bob"),
            Order.hasTotal("100.00"),
            PosLoyalty.pointsAwardedAre("100"),
            PosLoyalty.enterCode("GOLDEN"),
            isRefused("not for the tier of this customer"),
            PosLoyalty.enterCode("COUPON"),
            isRefused("only for customers in some tiers"),
            choose("Ann"),
            Order.hasTotal("70.00"),
            PosLoyalty.pointsAwardedAre("160"),
            // without a connection, by what is loaded; of Carl it is no card, so Odoo counts no points for him
            OfflineUtil.setOfflineMode(),
            choose("Bob"),
            Order.hasTotal("100.00"),
            PosLoyalty.pointsAwardedAre("100"),
            choose("Ann"),
            Order.hasTotal("70.00"),
            choose("Carl"),
            Dialog.confirm("Continue with limited functionality"),
            Order.hasTotal("100.00"),
            choose("Ann"),
            Order.hasTotal("70.00"),
            PosLoyalty.pointsAwardedAre("160"),
            OfflineUtil.setOnlineMode(),
            pay(),
        ].flat(),
});

// Ann is Gold.
registry.category("web_tour.tours").add("customer_tiering_till_free_goods", {
    steps: () =>
        [
            Chrome.startPoS(),
            Dialog.confirm("Open Register"),
            ProductScreen.clickDisplayedProduct("Sticker", true, "1"),
            ProductScreen.clickNumpad("1", "0"),
            choose("Ann"),
            Order.hasTotal("40.00"),
            PosLoyalty.pointsAwardedAre("200"),
            PosLoyalty.claimReward("Free Product - Sticker"),
            PosLoyalty.hasRewardLine("Free Product - Sticker", "-4.00", "1"),
            Order.hasTotal("40.00"),
            PosLoyalty.pointsAwardedAre("200"),
            pay(),
        ].flat(),
});
