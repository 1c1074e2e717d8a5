import { describe, expect, it } from 'vitest';

import { MODEL_LIMITS } from '../../../../src/contract/models/model-limits.ts';
import { EDGE_ROOM, modelRoom } from '../../../../src/inference/served/model-room.ts';
import { checkSize, runsOnPoolsAlone } from '../../../../src/inference/served/model-size.ts';
import type { ServedManifest } from '../../../../src/inference/served-manifest.ts';

const MIB = 1024 * 1024;
const sized = (mib: number, task = 'embedding') => ({
  manifest: {
    task,
    graph: 'model.onnx',
    externalData: [],
    files: [{ path: 'model.onnx', bytes: mib * MIB, sha256: '' }],
  } as unknown as ServedManifest,
});

describe('[M163] what an isolate has for models', () => {
  it.each([undefined, '', '0', '100', 'much', '-4096'])('is that of an isolate of 128 MB where the setting is %s', (setting) => {
    expect(modelRoom(setting)).toEqual(EDGE_ROOM);
    expect(EDGE_ROOM).toMatchObject({ graphBytesMax: MODEL_LIMITS.graphBytesMax, runtimeBytesMax: MODEL_LIMITS.runtimeBytesMax });
  });

  it('grows with the setting, up to what WebAssembly can address, and is never less', () => {
    let before = EDGE_ROOM;
    for (const mib of [108, 109, 128, 256, 1_024, 4_096, 65_536]) {
      const room = modelRoom(String(mib));
      for (const [name, bytes] of Object.entries(room) as [keyof typeof room, number][]) {
        // A page of WebAssembly is 64 kB.
        expect(bytes, `${name} of ${mib}`).toBeGreaterThanOrEqual(before[name]);
        expect(bytes, `${name} of ${mib}`).toBeLessThan(2 ** 32);
      }
      expect(room.runtimeBytesMax % 65_536).toBe(0);
      expect(room.runtimeBytesMax).toBeLessThanOrEqual(room.loadBytesMax);
      before = room;
    }
  });

  it('decides which models isolates run: an encoder of 34 MB and a ranker of 90 MB with 1 GiB, neither with 128 MB', () => {
    const large = modelRoom('1024');
    expect([
      runsOnPoolsAlone(sized(34), 'runtime'),
      runsOnPoolsAlone(sized(34), 'runtime', large),
      runsOnPoolsAlone(sized(300), 'runtime', large),
    ]).toEqual([true, false, true]);
    expect(checkSize(sized(90, 'cross-encoder'), 'texts')).toMatchObject({
      error: { limit: { name: 'graphBytesMax', bound: MODEL_LIMITS.graphBytesMax } },
    });
    expect(checkSize(sized(90, 'cross-encoder'), 'texts', large)).toMatchObject({ ok: true });
    expect(checkSize(sized(900, 'cross-encoder'), 'texts', large)).toMatchObject({
      error: { limit: { name: 'graphBytesMax', bound: large.graphBytesMax } },
    });
  });
});
