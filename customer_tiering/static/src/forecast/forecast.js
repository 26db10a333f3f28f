import { registry } from "@web/core/registry";
import { PolicyReport } from "../policy_report/policy_report";
import { getPicture, HEIGHT, WIDTH } from "./forecast_picture";
import { tellGrade } from "./grade";

/** What would have been foretold on earlier days, and what came: a picture with its table, and sentences. */
export class TieringForecast extends PolicyReport {
    static template = "customer_tiering.Forecast";
    static report = "customer.tiering.forecast.report";
    width = WIDTH;
    height = HEIGHT;

    getStart() {
        return { key: false, data: { policies: [], notes: [], days: [] } };
    }

    choose({ days }) {
        if (!days.some((day) => day.key === this.state.key)) {
            this.state.key = days.length ? days[0].key : false;
        }
    }

    testNow() {
        return this.renew("test_now", this.question);
    }

    get day() {
        return this.state.data.days.find((day) => day.key === this.state.key);
    }

    getPicture() {
        return getPicture(this.day.bands);
    }

    get meaning() {
        return tellGrade(this.state.data.grade);
    }
}

registry.category("actions").add("customer_tiering.forecast", TieringForecast);
