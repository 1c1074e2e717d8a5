/** What was there at a moment of a burst. */
export interface BurstSample {
  readonly atMs: number;
  readonly waiting: number;
  readonly running: number;
  readonly over: number;
  readonly agents: number;
}

const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [720, 240, 40, 24, 36] as const;
const COLOURS = { waiting: '#c9cdd4', running: '#2f6fb5', over: '#7fb08a', agents: '#c2542d' } as const;

/** The burst as a picture: jobs stacked by their state, and the agents as a line over them, on scales of their own. */
export function burstPicture(samples: readonly BurstSample[], jobs: number, agentsMax: number): string {
  const endMs = samples.at(-1)?.atMs ?? 1;
  const [width, height] = [WIDTH - 2 * LEFT, HEIGHT - TOP - BOTTOM];
  const x = (ms: number): string => (LEFT + (ms / endMs) * width).toFixed(1);
  const y = (share: number): string => (TOP + (1 - share) * height).toFixed(1);
  /** Each value holds until the next sample. */
  const steps = (valueOf: (sample: BurstSample) => number): string =>
    samples
      .map((sample, n) => `${n === 0 ? '' : `H${x(sample.atMs)}`}${n === 0 ? `M${x(sample.atMs)},` : 'V'}${y(valueOf(sample))}`)
      .join('');
  const area = (valueOf: (sample: BurstSample) => number, colour: string): string =>
    `<path d="${steps(valueOf)}V${y(0)}H${x(samples[0]?.atMs ?? 0)}Z" fill="${colour}"/>`;
  const everyS = [1, 2, 5, 10, 20, 60, 120].find((step) => endMs / 1_000 / step <= 10) ?? 300;
  const marks = Array.from({ length: Math.floor(endMs / 1_000 / everyS) + 1 }, (_, n) => n * everyS);
  const text = (at: string, down: number, anchor: string, words: string, colour = '#444'): string =>
    `<text x="${at}" y="${down}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
  const legend = (['waiting', 'running', 'over'] as const).map(
    (name, n) =>
      `<rect x="${LEFT + n * 110}" y="6" width="10" height="10" fill="${COLOURS[name]}"/>${text(String(LEFT + n * 110 + 15), 15, 'start', `jobs ${name}`)}`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...legend,
    `<path d="M${LEFT + 330},11h12" stroke="${COLOURS.agents}" stroke-width="2"/>${text(String(LEFT + 348), 15, 'start', 'processes of agents (right)')}`,
    area(({ waiting, running, over }) => (waiting + running + over) / jobs, COLOURS.over),
    area(({ waiting, running }) => (waiting + running) / jobs, COLOURS.running),
    area(({ waiting }) => waiting / jobs, COLOURS.waiting),
    `<path d="${steps(({ agents }) => agents / agentsMax)}" fill="none" stroke="${COLOURS.agents}" stroke-width="2"/>`,
    ...marks.map((s) => text(x(s * 1_000), HEIGHT - BOTTOM + 16, 'middle', `${s} s`)),
    text(String(LEFT - 6), TOP + 8, 'end', String(jobs)),
    text(String(WIDTH - LEFT + 6), TOP + 8, 'start', String(agentsMax), COLOURS.agents),
    '</svg>\n',
  ].join('\n');
}
