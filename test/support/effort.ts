/** `npm run test:full` runs every property this many times as often as `npm test`, with the same seeds. */
const FULL = 20;

/** The runs of a property: `reduced` of them in `npm test`. */
export const effort = (reduced: number): number => (process.env['SLUICE_TEST_FULL'] === '1' ? reduced * FULL : reduced);
