import { usd } from '../usage/price-book.ts';
import type { Invoice } from './invoice.ts';

const STYLE = `
  body { font: 14px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .5rem; border-bottom: 1px solid #ccc; text-align: left; }
  td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } tfoot td { font-weight: 600; }
  @media print { body { margin: 0; max-width: none; } thead { display: table-header-group; } tr { break-inside: avoid; } }`;

/** The invoice as a page to read and to print: no script, nothing from elsewhere. */
export function invoiceHtml(invoice: Invoice): string {
  const { id, organisationId, month, state, usage, plans, credits, subtotalNano, totalNano } = invoice;
  const rows = [
    ...usage.map((line) => ({
      what: [line.meter, line.model, line.accelerator].filter((part) => part !== '').join(' '),
      who: `${line.tenant} / ${line.project}`,
      quantity: grouped(line.quantity),
      price: `$${usd(BigInt(line.priceNano))} for ${grouped(line.priceUnits)} (${line.priceId})`,
      amount: line.amountNano,
    })),
    ...plans.map(({ description, amountNano }) => ({ what: description, who: '', quantity: '', price: '', amount: amountNano })),
    ...credits.map(({ description, amountNano }) => ({
      what: `Credit: ${description}`,
      who: '',
      quantity: '',
      price: '',
      amount: -amountNano,
    })),
  ];
  const cells = rows.map(
    ({ what, who, quantity, price, amount }) =>
      `<tr><td>${safe(what)}</td><td>${safe(who)}</td><td class="number">${quantity}</td><td>${safe(price)}</td><td class="number">${usd(amount)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Invoice ${safe(id)}</title><style>${STYLE}
</style></head><body>
<h1>Invoice ${safe(month.name)}${state === 'draft' ? ' (draft)' : ''}</h1>
<p>${safe(id)}<br>Organisation ${safe(organisationId)}<br>${iso(month.startMs)} to ${iso(month.endMs)}, US dollars</p>
<table><thead><tr><th>Charge</th><th>Tenant / project</th><th class="number">Quantity</th><th>Price</th><th class="number">Amount</th></tr></thead>
<tbody>
${cells.join('\n')}
</tbody>
<tfoot><tr><td colspan="4">Before credits</td><td class="number">${usd(subtotalNano)}</td></tr>
<tr><td colspan="4">Total</td><td class="number">${usd(totalNano)}</td></tr></tfoot></table>
</body></html>
`;
}

const grouped = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ' ');

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const safe = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
