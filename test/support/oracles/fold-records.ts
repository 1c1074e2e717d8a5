import type { CellDecision, CellRecords } from '../../../src/scheduler/engine/machine/records.ts';

/** The rows in a store that applied these decisions. */
export function foldRecords(decisions: readonly CellDecision[]): CellRecords {
  const [jobs, nodes, queues, cohorts, pools, prices, reservations, durations, throughputs] = [
    new Map(),
    new Map(),
    new Map(),
    new Map(),
    new Map(),
    new Map(),
    new Map(),
    new Map(),
    new Map(),
  ];
  let wakeAtMs: number | null = null;
  for (const decision of decisions) {
    if (decision.kind === 'save') jobs.set(decision.job.spec.id, decision.job);
    else if (decision.kind === 'save_node') nodes.set(decision.node.index, decision.node);
    else if (decision.kind === 'forget_node') nodes.delete(decision.index);
    else if (decision.kind === 'save_queue') queues.set(decision.queue.name, decision.queue);
    else if (decision.kind === 'save_cohort') cohorts.set(decision.spec.name, decision.spec);
    else if (decision.kind === 'save_pool') pools.set(decision.pool.spec.id, decision.pool);
    else if (decision.kind === 'save_price') prices.set(JSON.stringify({ ...decision.row, nanoDollarsPerHour: 0 }), decision.row);
    else if (decision.kind === 'save_duration') {
      if (decision.longestMs === null) durations.delete(decision.classKey);
      else durations.set(decision.classKey, { classKey: decision.classKey, longestMs: decision.longestMs });
    } else if (decision.kind === 'save_throughput') {
      if (decision.milliPerHour === null) throughputs.delete(decision.key);
      else throughputs.set(decision.key, { key: decision.key, milliPerHour: decision.milliPerHour });
    } else if (decision.kind === 'save_wake') wakeAtMs = decision.atMs;
    else if (decision.kind === 'save_reservation') {
      const { root, resource } = decision.reservation;
      reservations.set(`${root} ${resource}`, decision.reservation);
    } else if (decision.kind === 'forget_reservation') reservations.delete(`${decision.root} ${decision.resource}`);
  }
  const rows = { jobs, nodes, queues, cohorts, pools, prices, reservations, durations, throughputs };
  // Through JSON, as a store would return them.
  return JSON.parse(
    JSON.stringify({
      ...Object.fromEntries(Object.entries(rows).map(([name, map]) => [name, [...map.values()]])),
      nextSequence: 0,
      wakeAtMs,
    }),
  ) as CellRecords;
}
