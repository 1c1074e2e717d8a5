import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { UPSTREAM_METERS } from '../../../src/contract/api/meter.ts';
import { METERS } from '../../../src/contract/api/meter.ts';
import type { Credit } from '../../../src/tenancy/billing/invoice.ts';
import { applyCredits, draftInvoice, proratedNano, tenantPart, usageCharges } from '../../../src/tenancy/billing/invoice.ts';
import { invoiceCsv } from '../../../src/tenancy/billing/invoice-csv.ts';
import { invoiceHtml } from '../../../src/tenancy/billing/invoice-html.ts';
import { monthNamed, monthOf } from '../../../src/tenancy/billing/month.ts';
import { amountsOf } from '../../../src/tenancy/quota/amounts.ts';
import { amountNano, costNanoMax, PRICE_BOOK, priceOf, usd } from '../../../src/tenancy/usage/price-book.ts';
import { idsOf } from '../../support/fakes/tenancy.ts';
import { parseCsv } from '../../support/oracles/parse-csv.ts';

const { organisationId, tenantId, projectId } = idsOf(1);
const [EDITION] = PRICE_BOOK as [(typeof PRICE_BOOK)[number]];
const NOVEMBER = monthNamed('2026-11');
const use = (quantity: number, fields = {}) => ({
  tenant: tenantId,
  project: projectId,
  meter: 'embedding_tokens' as const,
  model: 'glove',
  accelerator: '',
  priceId: EDITION.id,
  quantity,
  events: 1,
  ...fields,
});
const credit = (id: string, amount: bigint, fields: Partial<Credit> = {}): Credit => ({
  id,
  description: `credit ${id}`,
  amountNano: amount,
  appliedNano: 0n,
  createdAtMs: 0,
  expiresAtMs: null,
  ...fields,
});

describe('invoices', () => {
  it('[T43] round once for each line, not for its parts', () => {
    const cached = usageCharges([use(1, { meter: 'embedding_cached_tokens' })]);
    expect(cached[0]?.amountNano).toBe(2n);
    // A tenth of a nano-dollar each: ten thousand of them cost a thousand.
    const tiny = { ...EDITION, prices: { ...EDITION.prices, requests: { nano: 1, units: 10 } } };
    expect(usageCharges([use(10_000, { meter: 'requests' })], [tiny])[0]?.amountNano).toBe(1000n);
    expect(
      usageCharges([use(4, { meter: 'requests' }), use(5, { meter: 'requests' })], [tiny]).map(({ amountNano: nano }) => nano),
    ).toEqual([0n, 1n]);
  });

  it('[T43] are the sum of their lines; the part of a tenant is only its own usage', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ quantity: fc.nat(1e9), which: fc.nat(1), meter: fc.constantFrom(...METERS) }), { maxLength: 30 }),
        (uses) => {
          const usage = usageCharges(uses.map(({ quantity, which, meter }) => use(quantity, { meter, tenant: idsOf(which + 1).tenantId })));
          const invoice = draftInvoice({
            organisationId,
            month: NOVEMBER,
            usage,
            charges: [],
            credits: [credit('a', 5n), credit('b', 1n << 70n)],
          });
          expect(invoice.subtotalNano).toBe(usage.reduce((sum, line) => sum + line.amountNano, 0n));
          expect(invoice.totalNano).toBe(0n);
          const parts = [1, 2].map((number) => tenantPart(invoice, idsOf(number).tenantId));
          expect(parts.reduce((sum, part) => sum + part.totalNano, 0n)).toBe(invoice.subtotalNano);
        },
      ),
      { seed: 43, numRuns: 100 },
    );
  });

  it('[T47] never bill more than was reserved: the maxima of parts cover the cost of their sum', () => {
    fc.assert(
      fc.property(fc.constantFrom(...METERS), fc.array(fc.nat(1e7), { minLength: 1, maxLength: 20 }), (meter, parts) => {
        const reserved = parts.reduce((sum, part) => sum + costNanoMax({ [meter]: part }, EDITION), 0);
        const billed = amountNano(
          parts.reduce((sum, part) => sum + part, 0),
          priceOf(EDITION, meter),
        );
        expect(BigInt(reserved)).toBeGreaterThanOrEqual(billed);
      }),
      { seed: 47, numRuns: 200 },
    );
    // Beyond the integers that floating point represents exactly.
    expect(costNanoMax({ accelerator_ms: 5_000_000_000_001 }, EDITION)).toBe(3_472_222_222_222_917);
  });

  it('[T92] [T93] have a line of what each model of an upstream charged, in every edition', () => {
    const of = (meter: (typeof UPSTREAM_METERS)[number], model: string, quantity: number) => use(quantity, { meter, model });
    const uses = [
      of('upstream_input_tokens', 'openai/gpt-5', 1_000_000),
      of('upstream_nano', 'openai/gpt-5', 1_250_000_001),
      of('upstream_nano', 'vllm/openai/gpt-oss', 7),
      use(3, { meter: 'requests', model: 'openai/gpt-5' }),
    ];
    for (const edition of PRICE_BOOK) {
      const usage = usageCharges(uses.map((one) => ({ ...one, priceId: edition.id })));
      expect(usage.map(({ amountNano: nano }) => nano)).toEqual([0n, 1_250_000_001n, 7n, amountNano(3, priceOf(edition, 'requests'))]);
      const invoice = draftInvoice({ organisationId, month: NOVEMBER, usage, charges: [], credits: [] });
      const [header = [], ...lines] = parseCsv(invoiceCsv(invoice));
      const cells = (column: string) => lines.map((line) => line[header.indexOf(column)] ?? '');
      expect(cells('BilledCost').slice(0, 3)).toEqual(['0.000000000', '1.250000001', '0.000000007']);
      expect(cells('ResourceId')).toEqual(['openai/gpt-5', 'openai/gpt-5', 'vllm/openai/gpt-oss', 'openai/gpt-5']);
      expect(cells('PricingUnit').slice(0, 3)).toEqual(['Tokens', 'Nano-dollars', 'Nano-dollars']);
      expect(cells('Tags').map((tags) => JSON.parse(tags).upstream)).toEqual(['openai', 'openai', 'vllm', 'openai']);
      expect(invoiceHtml(invoice)).toContain('upstream_nano vllm/openai/gpt-oss');
    }
    // Amounts that floating point would round: a nano-dollar is never lost.
    const most = Number.MAX_SAFE_INTEGER;
    expect(costNanoMax({ upstream_nano: most, upstream_output_tokens: most }, EDITION)).toBe(most);
    expect(
      amountsOf({ upstream_input_tokens: 5, upstream_cached_tokens: 6, upstream_output_tokens: 7, upstream_nano: 9 }, EDITION),
    ).toEqual({
      tokens: 18,
      spend_nano: 9,
    });
  });

  it('[T44] prorate a monthly price by the part of the month in which it applies', () => {
    const plan = (fromMs: number, toMs: number | null) => ({ id: 'c', description: 'd', monthlyNano: 3_000n, fromMs, toMs });
    const { startMs, endMs } = NOVEMBER;
    const day = 86_400_000;
    expect(proratedNano(plan(0, null), startMs, endMs)).toBe(3_000n);
    expect(proratedNano(plan(startMs + 15 * day, null), startMs, endMs)).toBe(1_500n);
    expect(proratedNano(plan(startMs + 10 * day, startMs + 20 * day), startMs, endMs)).toBe(1_000n);
    expect(proratedNano(plan(startMs, startMs + 1), startMs, endMs)).toBe(0n);
    expect(proratedNano(plan(endMs, null), startMs, endMs)).toBe(0n);
    const february = monthOf(Date.UTC(2028, 1, 10));
    expect(proratedNano(plan(Date.UTC(2028, 1, 15), null), february.startMs, february.endMs)).toBe(1_552n);
  });

  it('[T44] use credits oldest first, while they last and are valid', () => {
    const { startMs, endMs } = NOVEMBER;
    const credits = [
      credit('expired', 100n, { expiresAtMs: startMs }),
      credit('first', 100n, { appliedNano: 70n, expiresAtMs: startMs + 1 }),
      credit('later', 100n, { createdAtMs: endMs }),
      credit('second', 100n),
    ];
    expect(applyCredits(credits, 50n, startMs, endMs).map(({ creditId, amountNano: nano }) => [creditId, nano])).toEqual([
      ['first', 30n],
      ['second', 20n],
    ]);
    expect(applyCredits(credits, 0n, startMs, endMs)).toEqual([]);
  });

  it('[T48] are written in FOCUS columns, whose costs add up, and as a page without scripts', () => {
    const usage = usageCharges([use(12_345), use(60_000, { meter: 'accelerator_ms', model: '', accelerator: 'h100' })]);
    const charges = [{ id: 'ch_1', description: '=HYPERLINK("x"), "plan"\n<script>', monthlyNano: 5n, fromMs: 0, toMs: null }];
    const invoice = draftInvoice({ organisationId, month: NOVEMBER, usage, charges, credits: [credit('cr_1', 7n)] });
    const csv = invoiceCsv(invoice);
    const rows = parseCsv(csv);
    const [header = [], ...lines] = rows;
    const cell = (line: readonly string[], column: string) => line[header.indexOf(column)] ?? '';
    expect(lines).toHaveLength(4);
    expect(new Set(lines.map((line) => line.length))).toEqual(new Set([header.length]));
    expect(lines.map((line) => cell(line, 'ChargeCategory'))).toEqual(['Usage', 'Usage', 'Purchase', 'Credit']);
    const total = lines.reduce((sum, line) => sum + BigInt(cell(line, 'BilledCost').replace('.', '')), 0n);
    expect(total).toBe(invoice.totalNano);
    expect(lines[0]).toEqual(expect.arrayContaining(['12345', 'Tokens', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z', tenantId]));
    expect(JSON.parse(cell(lines[1]!, 'Tags'))).toEqual({ project: projectId, accelerator: 'h100' });
    expect(cell(lines[2]!, 'ChargeDescription')).toBe(`'${charges[0]!.description}`);
    const page = invoiceHtml(invoice);
    expect(page).toContain(usd(invoice.totalNano));
    expect(page).not.toContain('<script');
    expect(page).toContain('12 345');
  });
});
