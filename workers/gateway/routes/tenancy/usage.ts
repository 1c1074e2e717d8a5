import type { UsageReport } from '../../../../src/gateway/tenancy/usage-reader.ts';
import { usd } from '../../../../src/tenancy/usage/price-book.ts';
import type { UsageLine } from '../../../../src/tenancy/usage/usage-query.ts';
import type { Handlers } from '../../pipeline/serve.ts';
import { replied, seconds } from '../wire.ts';

export const usageHandlers = {
  getUsage: ({ gateway, principal, query }) => replied(gateway.tenancy.usage.read(principal, query), usageReply),
} satisfies Partial<Handlers>;

const usageReply = ({ fromMs, toMs, lines }: UsageReport) => ({
  object: 'usage' as const,
  from: seconds(fromMs),
  to: seconds(toMs),
  data: lines.map(lineReply),
  total_usd: usd(lines.reduce((sum, line) => sum + line.amountNano, 0n)),
});

const lineReply = ({
  meter,
  accelerator,
  quantity,
  amountNano,
  priceId,
  group: { hour, day, model, upstream, key, ...names },
}: UsageLine) => ({
  meter,
  quantity,
  amount_usd: usd(amountNano),
  price: priceId,
  ...names,
  ...(accelerator === '' ? {} : { accelerator }),
  ...(key === undefined ? {} : { key: key || null }),
  ...(model === undefined ? {} : { model: model === '' ? null : model }),
  ...(upstream === undefined ? {} : { upstream: upstream || null }),
  ...(hour === undefined ? {} : { hour: hour * 3600 }),
  ...(day === undefined ? {} : { day: day * 86_400 }),
});
