const [WIDTH, HEIGHT, MARGIN] = [640, 360, 56];

interface Measured {
  readonly vectors: number;
  readonly shards: number;
  readonly asked: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
}

const CURVES = [
  { of: 'shards', colour: '#8888aa', label: 'shards' },
  { of: 'asked', colour: '#b8860b', label: 'shards asked by a query' },
  { of: 'p99Ms', colour: '#c0392b', label: 'p99, ms' },
  { of: 'p50Ms', colour: '#e67e22', label: 'p50, ms' },
  { of: 'cpuMs', colour: '#2471a3', label: 'CPU of a query, ms' },
] as const;

/** An SVG of query cost by index size: both axes are logarithmic, so that a power law is a straight line. */
export function chart(rows: readonly Measured[]): string {
  const values = rows.flatMap((row) => CURVES.map(({ of }) => row[of]));
  const x = scale(
    rows.map(({ vectors }) => vectors),
    MARGIN,
    WIDTH - MARGIN,
  );
  const y = scale(values, HEIGHT - MARGIN, MARGIN);
  const curves = CURVES.map(({ of, colour, label }, i) => {
    const points = rows.map((row) => `${x(row.vectors)},${y(row[of])}`);
    const marks = rows.map(
      (row) => `<circle cx="${x(row.vectors)}" cy="${y(row[of])}" r="3" fill="${colour}"><title>${label}: ${row[of]}</title></circle>`,
    );
    const name = `<text x="${MARGIN + 8}" y="${MARGIN + 14 * i}" fill="${colour}">${label}</text>`;
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}"/>${marks.join('')}${name}`;
  });
  const ticks = rows.map(
    ({ vectors }) => `<text x="${x(vectors)}" y="${HEIGHT - MARGIN + 18}" text-anchor="middle">${vectors.toLocaleString('en')}</text>`,
  );
  const decades = powersWithin(values).map(
    (value) =>
      `<line x1="${MARGIN}" x2="${WIDTH - MARGIN}" y1="${y(value)}" y2="${y(value)}" stroke="#dddddd"/>` +
      `<text x="${MARGIN - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`,
  );
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">` +
    `<rect width="100%" height="100%" fill="white"/>${decades.join('')}${ticks.join('')}${curves.join('')}` +
    `<text x="${WIDTH / 2}" y="${HEIGHT - 14}" text-anchor="middle">vectors</text></svg>\n`
  );
}

/** Maps values to positions between two ends, by their logarithms. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const [low, high] = [Math.log(Math.min(...values)), Math.log(Math.max(...values))];
  return (value) => Math.round(from + ((Math.log(value) - low) / (high - low || 1)) * (to - from));
}

const powersWithin = (values: readonly number[]): number[] =>
  Array.from({ length: 12 }, (_, i) => 10 ** (i - 3)).filter((power) => power >= Math.min(...values) && power <= Math.max(...values));
