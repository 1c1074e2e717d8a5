import { backtest, HORIZON } from './forecast/backtest.ts';
import { FORECAST_TRACES } from './forecast/request-series.ts';

const LEVELS = [0.8, 0.9, 0.95] as const;

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
  return Promise.resolve();
}
