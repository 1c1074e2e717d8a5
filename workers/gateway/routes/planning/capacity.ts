import type { ForecastReply } from '../../../../src/contract/planning/capacity.ts';
import type { HistoryQuery, HistoryReply, HistoryStep } from '../../../../src/contract/planning/history.ts';
import type { CapacityForecast, ForecastedSeries, HistoryForecast } from '../../../../src/gateway/planning/capacity-forecaster.ts';
import type { ComparedCeiling } from '../../../../src/gateway/planning/forecast-ceilings.ts';
import { SHAPE_OF } from '../../../../src/capacity/history/step-grid.ts';
import type { SeriesForecast } from '../../../../src/capacity/forecast/series-forecast.ts';
import { stepsNeeded } from '../../../../src/capacity/forecast/series-forecast.ts';
import { replied, seconds } from '../wire.ts';
import { teamsReply } from '../../../../src/debt/teams/team-reply.ts';
import type { Handlers } from '../../pipeline/serve.ts';

export const capacityHandlers = {
  getCapacityTeams: ({ gateway, principal, query: { repository } }) => replied(gateway.debt.teams(principal, repository), teamsReply),
  getCapacityForecast: ({ gateway, principal, query }) =>
    replied(gateway.forecaster.read(principal, query), (forecast) => replyOf(forecast, query.horizon_days, Number(query.level))),
  forecastCapacityHistory: ({ gateway, principal, query, body }) =>
    replied(gateway.forecaster.readHistory(principal, query, body), (forecast) => historyReply(forecast, query)),
} satisfies Partial<Handlers>;

const replyOf = ({ atMs, series, ceilings, leftOut }: CapacityForecast, horizonDays: number, level: number): ForecastReply => ({
  object: 'capacity.forecast',
  at: seconds(atMs),
  horizon_days: horizonDays,
  level,
  series: series.map(seriesReply),
  ceilings: ceilings.map(ceilingReply),
  left_out: [...leftOut],
});

const historyReply = ({ atMs, series, ceilings, notes, leftOut }: HistoryForecast, query: HistoryQuery): HistoryReply => ({
  object: 'capacity.history_forecast',
  at: seconds(atMs),
  horizon_days: query.horizon_days,
  level: Number(query.level),
  zone: query.zone,
  series: series.map((one) => {
    const { imported, fromMs, toMs, gaps, measured, steps, forecast, atMs: pointAtMs } = one;
    const { step } = imported.grid;
    return {
      name: query.meter ?? imported.name,
      step,
      ...madeReply(forecast, step, steps, pointAtMs),
      imported: {
        rows: imported.rows,
        from: seconds(fromMs),
        to: seconds(toMs),
        is_sorted: imported.isSorted,
        duplicates: imported.duplicates,
        gaps,
        gaps_are: query.gaps,
        partial_steps: imported.partialSteps,
        total_rows: imported.totalRows,
        measured_from: at(measured.fromMs),
        measured_steps: measured.steps,
        replaced_steps: measured.replacedSteps,
      },
    };
  }),
  ceilings: ceilings.map(ceilingReply),
  notes: [...notes],
  left_out: [...leftOut],
});

const seriesReply = ({ resource, step, steps, startMs, stepMs, forecast }: ForecastedSeries): ForecastReply['series'][number] => ({
  resource,
  step,
  ...madeReply(forecast, step, steps, (position) => startMs + position * stepMs),
});

type Made = Omit<ForecastReply['series'][number], 'resource' | 'step'>;

function madeReply(forecast: SeriesForecast, step: HistoryStep, steps: number, atMs: (position: number) => number): Made {
  const isMade = forecast.kind === 'forecast';
  return {
    status: forecast.kind,
    steps: isMade ? steps : forecast.steps,
    steps_needed: isMade ? stepsNeeded(SHAPE_OF[step]) : forecast.stepsNeeded,
    method: isMade ? forecast.method : null,
    error: isMade && Number.isFinite(forecast.error) ? forecast.error : null,
    tried_steps: isMade ? forecast.triedSteps : null,
    points: isMade
      ? forecast.points.map(({ expected, low, high }, position) => ({ at: seconds(atMs(position)), expected, low, high }))
      : [],
  };
}

const at = (ms: number | undefined): number | null => (ms === undefined ? null : seconds(ms));

function ceilingReply({ ceiling, used, peak, basis, status, saturation, advice }: ComparedCeiling): ForecastReply['ceilings'][number] {
  return {
    kind: ceiling.kind,
    subject: ceiling.subject,
    resource: ceiling.resource,
    window: ceiling.window ?? null,
    limit: ceiling.limit,
    used,
    peak: peak ?? null,
    basis,
    status,
    reached_at: at(saturation.expectedMs),
    earliest_at: at(saturation.earliestMs),
    latest_at: at(saturation.latestMs),
    advice:
      advice === undefined
        ? null
        : {
            action: advice.action,
            quantity: advice.quantity,
            lead_days: advice.leadDays,
            order_by: Math.max(0, seconds(advice.orderByMs)),
            usd_per_month: advice.usdPerMonth ?? null,
          },
  };
}
