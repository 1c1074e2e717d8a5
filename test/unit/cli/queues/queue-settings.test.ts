import { describe, expect, it } from 'vitest';

import { quotaOption, settingsOf, timeSliceOption } from '../../../../workers/cli/queues/queue-settings.ts';

const parsed = (...texts: readonly string[]) => {
  const { parseArg } = quotaOption();
  // oxlint-disable-next-line typescript/no-unsafe-return -- as the option's parser answers
  return texts.reduce<unknown>((before, text) => parseArg?.(text, before), undefined);
};

describe('what sluice queues takes', () => {
  it('reads quotas resource by resource, with limits that may be left out', () => {
    expect(parsed('h100=4', 'cpu=0:2', 'l4=1.5::1')).toEqual({
      h100: { nominal: 4, borrowing_limit: null, lending_limit: null },
      cpu: { nominal: 0, borrowing_limit: 2, lending_limit: null },
      l4: { nominal: 1.5, borrowing_limit: null, lending_limit: 1 },
    });
    for (const text of ['h100', 'h100=', '=4', 'h100=-1', 'h100=4:x']) expect(() => parsed(text), text).toThrow('such as h100=4');
  });

  it('names only what was given', () => {
    expect(settingsOf({})).toEqual({});
    expect(settingsOf({ weight: 2, priority: '0..50', reclaim: 'any', stop: 'hold' })).toEqual({
      weight: 2,
      priority: { min: 0, max: 50 },
      preemption: { within_queue: undefined, reclaim: 'any' },
      stop_policy: 'hold',
    });
    const turns = (text: string): unknown => timeSliceOption().parseArg?.(text, undefined);
    expect([turns('360'), turns('360:60'), turns('off')]).toEqual([{ round_s: 360, move_s: 0 }, { round_s: 360, move_s: 60 }, null]);
    expect(settingsOf({ timeSlice: null })).toEqual({ time_slice: null });
    for (const text of ['', 'x', '360:', '-1']) expect(() => turns(text), text).toThrow('such as 360');
    expect(() => settingsOf({ priority: '5' })).toThrow('is not a range');
  });
});
