// What follows a slider, in node as in a browser: median milliseconds, of so many customers, as JSON.
//   node benchmarks/redraw.mjs CUSTOMERS
import { getTiers } from "../customer_tiering/static/src/live/live_tiers.js";
import { getCurve, getNet, getSections } from "../customer_tiering/static/src/profit_report/profit_curve.js";

const count = Number(process.argv[2]);
const random = (make) => Float64Array.from({ length: count }, make);
const amount = random(() => Math.exp(4 + 2 * (Math.random() - 0.5)));
const points = [1, 2, 3].map(() => Float32Array.from(random(() => 100 * Math.random())));
const bought = Uint8Array.from(random(() => Math.random() < 0.7));
const tiers = [80, 60, 40, 0].map((floor, place) => ({ floor, share: [5, 15, 30, 50][place] }));
const costs = ["order", "line", "delivery", "return", "meeting"].map((key, place) => ({ key, rate: 1 + place }));
const arrays = Object.fromEntries(costs.map(({ key }) => [key, random(() => Math.floor(5 * Math.random()))]));
arrays.margin = random(() => 200 * Math.random() - 20);

const redrawn = {
    "profit curve": () => {
        const { sorted } = getCurve(getNet(arrays, costs, 2), 200);
        getSections(sorted);
    },
};
for (const method of ["score", "customer_share", "revenue_share"]) {
    redrawn[`live numbers, ${method}`] = () => getTiers(method, { points, amount, bought }, [1, 2, 1], tiers);
}
const found = {};
for (const [name, draw] of Object.entries(redrawn)) {
    const times = Array.from({ length: 10 }, () => {
        const begin = performance.now();
        draw();
        return performance.now() - begin;
    });
    found[name] = times.sort((a, b) => a - b)[5];
}
console.log(JSON.stringify(found));
