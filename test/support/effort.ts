/** `npm run test:full` runs every property this many times as often as `npm test`, with the same seeds. */
const FULL = 20;

/** The runs of a property: `reduced` of them in `npm test`. */
export const effort = (reduced: number, full = reduced * FULL): number => (process.env['SLUICE_TEST_FULL'] === '1' ? full : reduced);

/** Seeds from 1 on, `reduced` of them in `npm test`, and those that once failed. */
export const seeds = (reduced: number, ...failedOnce: readonly number[]): readonly number[] => {
  const count = effort(reduced);
  return [...Array.from({ length: count }, (_, n) => n + 1), ...failedOnce.filter((seed) => seed > count)];
};
