import type { Meter } from '../../contract/api/meter.ts';
import type { Invoice } from './invoice.ts';

/** Running totals of what was recorded: kept separately from the rollups that invoices are made of, so that one can verify the other. */
export interface ControlTotal {
  readonly tenant: string;
  readonly meter: Meter;
  readonly accelerator: string;
  readonly quantity: number;
  readonly events: number;
}

export interface ReconciledMeter extends ControlTotal {
  readonly invoicedQuantity: number;
  readonly invoicedEvents: number;
}

export interface Reconciliation {
  readonly isExact: boolean;
  readonly events: number;
  readonly rows: readonly ReconciledMeter[];
  /** The sum of the lines, and the total of the invoice. */
  readonly linesNano: bigint;
  readonly subtotalNano: bigint;
}

/** Whether all events of a month, and nothing else, are on its invoice. */
export function reconcile(totals: readonly ControlTotal[], invoice: Invoice): Reconciliation {
  const invoiced = new Map<string, { quantity: number; events: number }>();
  for (const line of invoice.usage) {
    const sum = invoiced.get(keyOf(line)) ?? { quantity: 0, events: 0 };
    invoiced.set(keyOf(line), { quantity: sum.quantity + line.quantity, events: sum.events + line.events });
  }
  const rows = totals.map((total) => {
    const { quantity = 0, events = 0 } = invoiced.get(keyOf(total)) ?? {};
    invoiced.delete(keyOf(total));
    return { ...total, invoicedQuantity: quantity, invoicedEvents: events };
  });
  const linesNano = [...invoice.usage, ...invoice.plans].reduce((sum, line) => sum + line.amountNano, 0n);
  const isExact =
    invoiced.size === 0 &&
    linesNano === invoice.subtotalNano &&
    rows.every((row) => row.quantity === row.invoicedQuantity && row.events === row.invoicedEvents);
  return { isExact, events: rows.reduce((sum, { events }) => sum + events, 0), rows, linesNano, subtotalNano: invoice.subtotalNano };
}

const keyOf = ({ tenant, meter, accelerator }: Pick<ControlTotal, 'tenant' | 'meter' | 'accelerator'>): string =>
  JSON.stringify([tenant, meter, accelerator]);
