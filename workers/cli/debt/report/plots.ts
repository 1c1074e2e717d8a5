import type { DebtFinding } from '../../../../src/contract/debt/debt-items.ts';
import { HORIZON_WEEKS } from '../../../../src/debt/price.ts';
import { escaped, svg } from '../../command/html.ts';
import { dateOf, percent, time } from '../debt-text.ts';
import type { ShapePoint } from '../shape-trend.ts';

const [WIDTH, HEIGHT, MARGIN] = [960, 480, 60];
/** Less is shown as this, because an axis of orders of magnitude has no zero. */
const [PRINCIPAL_MIN, INTEREST_MIN] = [1, 0.1];

/** Positions on an axis of orders of magnitude. */
function logAxis(values: readonly number[], least: number, from: number, to: number) {
  const low = Math.floor(Math.log10(least));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(least, ...values))));
  const at = (value: number): number => from + ((Math.log10(Math.max(least, value)) - low) / (high - low)) * (to - from);
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)), most: 10 ** high };
}

/** Items by what paying them takes and what they cost a week, both by orders of magnitude; above the line they pay off within a quarter. */
export function itemScatter(findings: readonly DebtFinding[]): string {
  const x = logAxis(
    findings.map((one) => one.principal_minutes.p50),
    PRINCIPAL_MIN,
    MARGIN,
    WIDTH - 10,
  );
  const y = logAxis(
    findings.map((one) => one.interest_minutes_per_week.p50),
    INTEREST_MIN,
    HEIGHT - MARGIN,
    10,
  );
  const grid = [
    ...x.ticks.map((tick) => line(x.at(tick), 10, x.at(tick), HEIGHT - MARGIN) + label(x.at(tick), HEIGHT - MARGIN + 18, `${tick}`)),
    ...y.ticks.map((tick) => line(MARGIN, y.at(tick), WIDTH - 10, y.at(tick)) + label(MARGIN - 22, y.at(tick) + 5, `${tick}`)),
    label(WIDTH / 2, HEIGHT - 14, 'minutes to pay'),
    `<text transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">minutes a week</text>`,
  ];
  // Where a quarter of interest is what paying takes: from the left or lower edge to the right or upper one.
  const from = Math.max(x.ticks[0] ?? 1, (y.ticks[0] ?? 1) * HORIZON_WEEKS);
  const to = Math.min(x.most, y.most * HORIZON_WEEKS);
  const payback =
    to > from
      ? `<line x1="${x.at(from)}" y1="${y.at(from / HORIZON_WEEKS)}" x2="${x.at(to)}" y2="${y.at(to / HORIZON_WEEKS)}" stroke="#1e8449" stroke-dasharray="6 4"/>`
      : '';
  const dots = [...findings].reverse().map((one) => {
    const about = `${one.rule}: ${one.subject} ${one.symbol}`.trim();
    const colour = one.is_blocking ? '#c0392b' : one.priority.p50 > 0 ? '#2471a3' : '#999999';
    const [cx, cy] = [x.at(one.principal_minutes.p50), y.at(one.interest_minutes_per_week.p50)];
    return `<circle cx="${cx.toFixed(1)}" cy="${cy.toFixed(1)}" r="5" fill="${colour}" fill-opacity="0.6"><title>${escaped(about)}</title></circle>`;
  });
  return svg('Items by principal and interest', WIDTH, HEIGHT, [...grid, payback, ...dots].join(''));
}

/** The debt of one commit. */
export interface TrendPoint {
  readonly atS: number;
  readonly ratio: number;
  readonly interestMinutes: number;
}

interface Curve<Point> {
  readonly name: string;
  readonly colour: string;
  readonly valueOf: (point: Point) => number;
  readonly textOf: (value: number) => string;
}

/** The debt ratio and the interest over time, each from 0 to its greatest. */
export const trendPlot = (points: readonly TrendPoint[]): string =>
  curves('Debt over time', points, [
    { name: 'debt ratio', colour: '#c0392b', valueOf: ({ ratio }) => ratio, textOf: percent },
    { name: 'interest', colour: '#2471a3', valueOf: ({ interestMinutes }) => interestMinutes, textOf: (value) => `${time(value)} a week` },
  ]);

/** Functions that are too complex, and lines, over time. */
export const shapePlot = (points: readonly ShapePoint[]): string =>
  curves('Complex functions over time', points, [
    { name: 'complex functions', colour: '#c0392b', valueOf: ({ complexFunctions }) => complexFunctions, textOf: String },
    { name: 'lines', colour: '#2471a3', valueOf: ({ lines }) => lines, textOf: String },
  ]);

function curves<Point extends { readonly atS: number }>(title: string, points: readonly Point[], drawn: readonly Curve<Point>[]): string {
  const first = points[0]?.atS ?? 0;
  const spanS = Math.max(1, (points.at(-1)?.atS ?? 0) - first);
  const right = WIDTH - 170;
  const bottom = HEIGHT / 2 - 30;
  const xOf = (atS: number): number => MARGIN + ((atS - first) / spanS) * (right - MARGIN);
  const lines = drawn.map(({ name, colour, valueOf, textOf }, i) => {
    const most = Math.max(Number.MIN_VALUE, ...points.map(valueOf));
    const at = points.map((point) => `${xOf(point.atS).toFixed(1)},${(bottom - (valueOf(point) / most) * (bottom - 20)).toFixed(1)}`);
    const last = points.at(-1);
    const text = last === undefined ? '' : `${name} ${textOf(valueOf(last))}`;
    return (
      `<polyline points="${at.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>` +
      `<text x="${right + 6}" y="${24 + i * 16}" fill="${colour}" font-size="12">${escaped(text)}</text>`
    );
  });
  const dates = points.map(({ atS }, i) => (i === 0 || i === points.length - 1 ? label(xOf(atS), bottom + 20, dateOf(atS)) : ''));
  return svg(title, WIDTH, HEIGHT / 2, [line(MARGIN, bottom, right, bottom), ...dates, ...lines].join(''));
}

const line = (x1: number, y1: number, x2: number, y2: number): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#dddddd"/>`;

const label = (x: number, y: number, text: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="middle" font-size="12" fill="#555">${escaped(text)}</text>`;
