import { backtest, HORIZON } from './forecast/backtest.ts';
import type { CoverageCase } from './forecast/coverage.ts';
import { coverageOf } from './forecast/coverage.ts';
import { FORECAST_TRACES } from './forecast/request-series.ts';
import { SYNTHETIC_KINDS } from './forecast/synthetic-series.ts';

const LEVELS = [0.8, 0.9, 0.95] as const;

/** Histories of 4, 8 and 13 weeks, two and four weeks ahead, with errors of 3 % and 10 %. */
const CASES: readonly CoverageCase[] = [28, 56, 91].flatMap((known) =>
  [14, 30].flatMap((ahead) => [0.03, 0.1].map((noise) => ({ known, ahead, noise }))),
);
const RUNS = 40;

/** `npm run bench -- forecast`: capacity forecasts on the requests of public traces, against the naive and the seasonal-naive one. */
export function forecastBench(): Promise<void> {
  const columns = ['series', 'step', 'steps', 'forecasts', 'wMAPE', 'naive', 'seasonal', 'MAPE', 'naive', 'seasonal'];
  console.log(`| ${[...columns, ...LEVELS.map((level) => `in ${level}`), 'methods'].join(' | ')} |`);
  console.log(`| ${[...columns, ...LEVELS, ''].map(() => '---').join(' | ')} |`);
  const beganAt = performance.now();
  let forecasts = 0;
  for (const trace of FORECAST_TRACES) {
    const results = LEVELS.map((level) => backtest(trace, level));
    const [first] = results;
    if (first === undefined) continue;
    forecasts += first.forecasts * LEVELS.length;
    const shares = [first.error, first.naiveError, first.seasonalError, first.mape, first.naiveMape, first.seasonalMape];
    const row = [trace.name, `${trace.step} x ${HORIZON[trace.step]}`, trace.values.length, first.forecasts];
    const methods = Object.entries(first.methods).map(([method, count]) => `${method} ${count}`);
    const covered = results.map(({ coverage }) => coverage.toFixed(3));
    console.log(`| ${[...row, ...shares.map((share) => share.toFixed(3)), ...covered, methods.join(', ')].join(' | ')} |`);
  }
  console.log(`\n${forecasts} forecasts, ${((performance.now() - beganAt) / forecasts).toFixed(1)} ms each`);
  coverageTable();
  return Promise.resolve();
}

/** How often the truth lies within intervals of 0.9 on made series of each kind, by the length of the history, and how wide they are. */
function coverageTable(): void {
  const lengths = [...new Set(CASES.map(({ known }) => known))];
  const columns = ['made series', ...lengths.map((known) => `${known} days`), 'in 0.9', 'width'];
  console.log(`\n| ${columns.join(' | ')} |\n| ${columns.map(() => '---').join(' | ')} |`);
  for (const kind of SYNTHETIC_KINDS) {
    const by = lengths.map((length) =>
      coverageOf(
        kind,
        CASES.filter(({ known }) => known === length),
        { runs: RUNS, level: 0.9 },
      ),
    );
    const mean = (of: (one: (typeof by)[number]) => number): number => by.reduce((sum, one) => sum + of(one), 0) / by.length;
    const shares = [...by.map(({ share }) => share), mean(({ share }) => share), mean(({ width }) => width)];
    console.log(`| ${[kind, ...shares.map((share) => share.toFixed(3))].join(' | ')} |`);
  }
}
