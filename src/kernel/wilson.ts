/** The upper end of the 95 % Wilson score interval of a share. */
export function wilsonUpper(hits: number, runs: number): number {
  if (runs === 0) return 1;
  const z = 1.96;
  const share = hits / runs;
  const centre = share + (z * z) / (2 * runs);
  const reach = z * Math.sqrt((share * (1 - share)) / runs + (z * z) / (4 * runs * runs));
  return (centre + reach) / (1 + (z * z) / runs);
}
