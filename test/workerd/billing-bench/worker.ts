import type { BillingObject } from '../../../durable-objects/billing-object.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Invoice } from '../../../src/tenancy/billing/invoice.ts';
import { monthNamed } from '../../../src/tenancy/billing/month.ts';
import type { Reconciliation } from '../../../src/tenancy/billing/reconciliation.ts';
import type { MonthResult, MonthTask } from '../../support/fixtures/synthetic-month.ts';
import { batchOf, ISOLATES, ORGANISATION } from '../../support/fixtures/synthetic-month.ts';

export { BillingObject } from '../../../durable-objects/billing-object.ts';

interface Env {
  readonly BILLING: DurableObjectNamespace<BillingObject>;
}

interface Ledger {
  record(events: ReturnType<typeof batchOf>): Promise<Outcome<{ recorded: number; duplicates: number }>>;
  invoice(organisation: typeof ORGANISATION, month: ReturnType<typeof monthNamed>): Promise<Invoice>;
  reconcile(organisation: typeof ORGANISATION, month: ReturnType<typeof monthNamed>): Promise<Reconciliation>;
}

async function perform(task: MonthTask, env: Env): Promise<MonthResult> {
  const ledger = env.BILLING.get(env.BILLING.idFromName(ORGANISATION)) as unknown as Ledger;
  let [recorded, duplicates] = [0, 0];
  if (task.kind === 'record') {
    const { plan, from, to, again } = task;
    const deliver = async (batch: number): Promise<void> => {
      const events = batchOf(plan, batch);
      // Some batches are delivered twice, as if the first answer had been lost.
      for (let time = 0; time < (batch % again === 0 ? 2 : 1); time++) {
        const outcome = await ledger.record(events);
        if (!outcome.ok) throw new Error(outcome.error.message);
        recorded += outcome.value.recorded;
        duplicates += outcome.value.duplicates;
      }
    };
    // Isolates deliver concurrently, each one batch at a time.
    for (let first = from; first < to; first += ISOLATES) {
      await Promise.all(Array.from({ length: Math.min(ISOLATES, to - first) }, (_, isolate) => deliver(first + isolate)));
    }
    return { recorded, duplicates, isExact: false, events: 0, lines: 0, totalNano: '0', quantities: {} };
  }
  const month = monthNamed(task.period);
  const [invoice, proof] = [await ledger.invoice(ORGANISATION, month), await ledger.reconcile(ORGANISATION, month)];
  const quantities: Record<string, bigint> = {};
  for (const { meter, quantity } of invoice.usage) quantities[meter] = (quantities[meter] ?? 0n) + BigInt(quantity);
  return {
    recorded,
    duplicates,
    isExact: proof.isExact,
    events: proof.events,
    lines: invoice.usage.length,
    totalNano: String(invoice.totalNano),
    quantities: Object.fromEntries(Object.entries(quantities).map(([meter, sum]) => [meter, String(sum)])),
  };
}

export default {
  fetch: async (request: Request, env: Env): Promise<Response> =>
    request.method === 'POST' ? Response.json(await perform(await request.json(), env)) : new Response('ready'),
};
