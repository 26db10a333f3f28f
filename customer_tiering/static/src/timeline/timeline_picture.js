const DAY = 24 * 60 * 60 * 1000;

/** What lies where in the picture, top to bottom, in pixels. */
export const ROWS = { marks: 18, money: 150, dots: 18, band: 18, days: 18, gap: 6 };
export const HEIGHT = ROWS.marks + ROWS.money + ROWS.dots + ROWS.band + ROWS.days + 4 * ROWS.gap;

/** Days from one day to another, both as "2024-02-29"; summer time does not matter to UTC. */
export function getDays(from, to) {
    return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / DAY);
}

/**
 * Where all of a timeline stands.
 *
 * Purchases above the line and returns below have one scale, so that their heights can be compared.
 *
 * @param {Object} data what the server returns
 * @param {number} width of the picture
 */
export function getPicture(data, width) {
    const total = getDays(data.first, data.last) + 1;
    const place = (day) => (Math.min(Math.max(getDays(data.first, day), 0), total) / total) * width;
    const up = Math.max(0, ...data.periods.map((period) => period.amount));
    const down = Math.max(0, ...data.periods.map((period) => period.returned));
    const scale = up + down ? ROWS.money / (up + down) : 0;
    const line = ROWS.marks + ROWS.gap + (up + down ? up * scale : ROWS.money);
    const dots = ROWS.marks + ROWS.money + 2 * ROWS.gap + ROWS.dots / 2;
    const band = dots + ROWS.dots / 2 + ROWS.gap;
    const most = Math.max(1, ...data.periods.map((period) => period.interactions));
    return {
        line,
        dots,
        band,
        days: band + ROWS.band + ROWS.gap + 10,
        top: up,
        periods: data.periods.map((period, index) => {
            const x = place(period.start);
            const end = index + 1 < data.periods.length ? place(data.periods[index + 1].start) : width;
            const space = end - x > 4 ? 1 : 0;
            return {
                index,
                x,
                width: end - x,
                bar: {
                    x: x + space / 2,
                    width: Math.max(end - x - space, 0.5),
                    height: period.amount * scale,
                    below: period.returned * scale,
                },
                dot: period.interactions && {
                    x: (x + end) / 2,
                    r: 2 + 4 * Math.sqrt(period.interactions / most),
                },
            };
        }),
        bands: data.bands.map((entry, index) => {
            const x = place(entry.start);
            const end = (Math.min(getDays(data.first, entry.end) + 1, total) / total) * width;
            return { ...entry, index, x, width: Math.max(end - x, 1) };
        }),
        scores: data.scores.map((entry, index) => ({
            ...entry,
            index,
            x: place(entry.day),
            y: ROWS.marks + ROWS.gap + (1 - entry.score / 100) * ROWS.money,
        })),
        marks: data.marks.map((entry, index) => ({ ...entry, index, x: place(entry.day) })),
    };
}
