/** Size of the picture in its own units: it is as wide as its place. */
export const WIDTH = 360;
export const HEIGHT = 260;
const LEFT = 44;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 38;

/** Where a share of 0 to 1 stands, upwards. */
export function getHeight(share) {
    return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM);
}

/**
 * The picture of what was said and what happened: in each band a diamond at what was said, a bar at what happened, and
 * a line over the interval in which what happened lies.
 *
 * @param {Object[]} bands with said, happened, least and most, 0 to 1, or null where nobody was in it
 * @returns {Object} with the shapes of the bands, those of the axis, and the borders of the drawing
 */
export function getPicture(bands) {
    const step = (WIDTH - LEFT - RIGHT) / bands.length;
    const shapes = bands.map((band, index) => {
        const x = LEFT + step * (index + 0.5);
        if (band.happened === null) {
            return { index, x, isEmpty: true };
        }
        const y = getHeight(band.happened);
        return {
            index,
            x,
            bar: { x: x - step / 4, y, width: step / 2, height: getHeight(0) - y },
            least: getHeight(band.least),
            most: getHeight(band.most),
            said: getHeight(band.said),
        };
    });
    const axis = [0, 0.25, 0.5, 0.75, 1].map((share) => ({ share, y: getHeight(share) }));
    return { shapes, axis, left: LEFT, right: WIDTH - RIGHT, base: getHeight(0), step };
}
