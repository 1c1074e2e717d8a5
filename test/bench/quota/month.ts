import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleEntry } from '../../../workers/local/bundle.ts';
import { ROOT } from '../../../workers/local/paths.ts';
import { monthOf } from '../../../src/tenancy/billing/month.ts';
import { amountNano, editionAt, priceOf } from '../../../src/tenancy/usage/price-book.ts';
import { freePort } from '../../support/deployment/free-port.ts';
import type { MonthPlan, MonthResult, MonthTask } from '../../support/fixtures/synthetic-month.ts';
import { batchOf } from '../../support/fixtures/synthetic-month.ts';
import { folderBytes } from '../ann/folder-bytes.ts';
import { serveObjects } from '../raw-workerd.ts';

const BATCH = 500;
const BATCHES_A_CALL = 640;
/** One in this many batches is delivered twice. */
const AGAIN = 50;

export interface MonthRow {
  readonly events: number;
  readonly deliveries: number;
  readonly recordS: number;
  readonly recordCpuS: number;
  readonly eventsPerS: number;
  readonly invoiceMs: number;
  readonly lines: number;
  readonly storageMb: number;
  readonly isExact: boolean;
  readonly totalUsd: number;
}

/** Records a month of usage in one ledger in workerd and compares its invoice with sums that the bench keeps, event by event. */
export async function monthBench(eventCount: number): Promise<MonthRow> {
  await bundleEntry('billing-bench', join(ROOT, 'test/workerd/billing-bench/worker.ts'));
  const stateDir = await mkdtemp(join(tmpdir(), 'sluice-month-'));
  const port = await freePort();
  const workerd = await serveObjects('billing-bench', { BILLING: 'BillingObject' }, stateDir, port);
  const perform = async (task: MonthTask): Promise<MonthResult> => {
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: JSON.stringify(task) });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json() as Promise<MonthResult>;
  };
  try {
    const month = monthOf(Date.now());
    const plan: MonthPlan = { eventCount, batchCount: eventCount / BATCH, fromMs: month.startMs, toMs: Date.now() };
    const [startedMs, cpuBeforeS] = [performance.now(), await workerd.cpuS()];
    let [recorded, duplicates] = [0, 0];
    for (let from = 0; from < plan.batchCount; from += BATCHES_A_CALL) {
      const to = Math.min(plan.batchCount, from + BATCHES_A_CALL);
      const result = await perform({ kind: 'record', plan, from, to, again: AGAIN });
      recorded += result.recorded;
      duplicates += result.duplicates;
    }
    const [recordS, recordCpuS] = [(performance.now() - startedMs) / 1000, (await workerd.cpuS()) - cpuBeforeS];
    const invoiceStartedMs = performance.now();
    const invoice = await perform({ kind: 'invoice', period: month.name });
    const invoiceMs = performance.now() - invoiceStartedMs;
    const expected = expectedOf(plan);
    return {
      events: recorded,
      deliveries: recorded + duplicates,
      recordS: Number(recordS.toFixed(1)),
      recordCpuS: Number(recordCpuS.toFixed(1)),
      eventsPerS: Math.round(recorded / recordS),
      invoiceMs: Math.round(invoiceMs),
      lines: invoice.lines,
      storageMb: Number(((await folderBytes(stateDir)) / 1e6).toFixed(1)),
      isExact:
        invoice.isExact &&
        recorded === eventCount &&
        invoice.events === eventCount &&
        invoice.totalNano === String(expected.totalNano) &&
        Object.entries(expected.quantities).every(([meter, sum]) => invoice.quantities[meter] === String(sum)),
      totalUsd: Number(invoice.totalNano) / 1e9,
    };
  } finally {
    await workerd.stop();
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** The expected invoice: a map of lines, each rounded once. */
function expectedOf(plan: MonthPlan) {
  const lines = new Map<string, { quantity: bigint; meter: Parameters<typeof priceOf>[1]; accelerator: string | null }>();
  const quantities: Record<string, bigint> = {};
  for (let batch = 0; batch < plan.batchCount; batch++) {
    for (const { tenantId, projectId, meter, model, accelerator = null, quantity } of batchOf(plan, batch)) {
      const key = `${tenantId} ${projectId} ${meter} ${model} ${accelerator}`;
      const line = lines.get(key);
      if (line === undefined) lines.set(key, { quantity: BigInt(quantity), meter, accelerator });
      else line.quantity += BigInt(quantity);
      quantities[meter] = (quantities[meter] ?? 0n) + BigInt(quantity);
    }
  }
  const edition = editionAt(plan.fromMs);
  const totalNano = [...lines.values()].reduce(
    (sum, { quantity, meter, accelerator }) => sum + amountNano(Number(quantity), priceOf(edition, meter, accelerator)),
    0n,
  );
  return { quantities, totalNano };
}
