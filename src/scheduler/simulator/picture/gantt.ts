import { JOB_LIMITS } from '../../../contract/jobs/job-limits.ts';

/** A stretch of time on one lane. */
export interface Bar {
  readonly lane: number;
  readonly from: number;
  readonly to: number;
  /** Bars of one kind have one colour. */
  readonly kind: number;
  readonly title: string;
}

interface Gantt {
  readonly title: string;
  /** What time is counted in. */
  readonly unit: string;
  readonly lanes: number;
  readonly bars: readonly Bar[];
}

const WIDTH = 1_200;
const HEIGHT = 640;
const USAGE_HEIGHT = 120;
const MARGIN = 48;
/** Points of the curve of use. */
const SAMPLES = 400;

/** Which job had which accelerator when, a line for each lane, under the share of lanes that was in use. As SVG, the same for the same bars. */
export function ganttSvg({ title, unit, lanes, bars }: Gantt): string {
  const to = bars.reduce((latest, bar) => Math.max(latest, bar.to), 1e-9);
  const top = MARGIN + USAGE_HEIGHT + 24;
  const laneHeight = (HEIGHT - top - MARGIN) / Math.max(1, lanes);
  const x = (at: number): string => (MARGIN + ((WIDTH - 2 * MARGIN) * at) / to).toFixed(2);
  const drawn = bars.slice(0, JOB_LIMITS.pictureBarsMaxCount);
  const rects = drawn.map(({ lane, from, to: end, kind, title: name }) => {
    const width = Math.max(0.05, Number(x(end)) - Number(x(from))).toFixed(2);
    const place = `x="${x(from)}" y="${(top + lane * laneHeight).toFixed(2)}" width="${width}" height="${(0.9 * laneHeight).toFixed(2)}"`;
    return `<rect ${place} fill="${colourOf(kind)}"><title>${escaped(name)}</title></rect>`;
  });
  const leftOut = bars.length - drawn.length;
  const note = `${bars.length} stays on ${lanes} accelerators${leftOut > 0 ? `, the first ${drawn.length} drawn` : ''}`;
  return frame(title, [
    text(MARGIN, 40, note),
    ...usageCurve(usageOf(bars, lanes, to), MARGIN, USAGE_HEIGHT),
    ...rects,
    text(MARGIN, HEIGHT - 16, `0 to ${to.toFixed(1)} ${unit}`),
  ]);
}

/** Curves of shares over what has come, such as how much is allocated. As SVG. */
export function curvesSvg(
  title: string,
  curves: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[],
): string {
  const to = curves.reduce((most, { points }) => Math.max(most, points.at(-1)?.[0] ?? 0), 1e-9);
  const height = HEIGHT - 2 * MARGIN;
  const lines = curves.flatMap(({ name, points }, index) => {
    const line = points.map(([at, share]) => `${pixelX(at / to)},${(HEIGHT - MARGIN - height * share).toFixed(2)}`).join(' ');
    return [
      `<polyline points="${line}" fill="none" stroke="${colourOf(index)}" stroke-width="2"/>`,
      `<text x="${MARGIN + 8}" y="${MARGIN + 24 + 20 * index}" fill="${colourOf(index)}">${escaped(name)}</text>`,
    ];
  });
  return frame(title, [...lines, text(MARGIN, HEIGHT - 16, `0 to ${(100 * to).toFixed(0)} % arrived; 100 % is the top`)]);
}

function frame(title: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="13">`;
  const back = `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`;
  return `${head}\n${back}\n<text x="${MARGIN}" y="22" font-size="16">${escaped(title)}</text>\n${parts.join('\n')}\n</svg>\n`;
}

/** The share of lanes in use, at evenly spaced times. */
function usageOf(bars: readonly Bar[], lanes: number, to: number): readonly number[] {
  const busy = Array.from({ length: SAMPLES }, () => 0);
  const step = to / SAMPLES;
  for (const bar of bars) {
    for (let at = Math.floor(bar.from / step); at < SAMPLES && at * step < bar.to; at++) {
      const within = Math.min(bar.to, (at + 1) * step) - Math.max(bar.from, at * step);
      busy[at] = (busy[at] ?? 0) + Math.max(0, within);
    }
  }
  return busy.map((time) => Math.min(1, time / (step * Math.max(1, lanes))));
}

function usageCurve(shares: readonly number[], top: number, height: number): readonly string[] {
  const y = (share: number): string => (top + height * (1 - share)).toFixed(2);
  const points = shares.map((share, at) => `${pixelX((at + 0.5) / SAMPLES)},${y(share)}`).join(' ');
  return [
    `<polyline points="${pixelX(0)},${y(0)} ${points} ${pixelX(1)},${y(0)}" fill="#cfe3f5" stroke="#2b6ca3"/>`,
    `<text x="4" y="${y(1)}">100 %</text>`,
  ];
}

const pixelX = (share: number): string => (MARGIN + (WIDTH - 2 * MARGIN) * share).toFixed(2);

const text = (x: number, y: number, line: string): string => `<text x="${x}" y="${y}">${escaped(line)}</text>`;

/** Neighbours in number are far apart in colour. */
const colourOf = (kind: number): string => `hsl(${Math.round((kind * 137.508) % 360)} 60% 52%)`;

const escaped = (line: string): string => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A stretch of time in need of a lane of its group. */
interface Stretch {
  readonly group: number;
  readonly from: number;
  readonly to: number;
}

/** A lane for each stretch, none of which overlaps another of its lane: of its group, the first that is free. They come in the order of their beginnings. */
export function lanesFor(stretches: readonly Stretch[], lanesOf: readonly number[]): readonly number[] {
  const firsts: number[] = [];
  let first = 0;
  for (const lanes of lanesOf) {
    firsts.push(first);
    first += lanes;
  }
  const freeFrom = Array.from({ length: first }, () => -Infinity);
  return stretches.map(({ group, from, to }) => {
    const [start, count] = [firsts[group] ?? 0, lanesOf[group] ?? 0];
    let lane = start;
    for (let at = start; at < start + count; at++) {
      if ((freeFrom[at] ?? 0) <= from) {
        lane = at;
        break;
      }
    }
    freeFrom[lane] = to;
    return lane;
  });
}
