import { afterEach, describe, expect, it } from 'vitest';
import type { ModelFiles } from '../../../src/inference/model-manifest.ts';
import { GatewayModels } from '../../../workers/agent/gateway-models.ts';
import { secondModel } from '../../support/fixtures/second-model.ts';

/** Models of a gateway that all have the same small table, under names of their own. */
class FakeGateway implements ModelFiles {
  readonly reads: string[] = [];
  async read(path: string) {
    this.reads.push(path);
    const id = path.split('/')[0] ?? '';
    if (id === 'absent') return undefined;
    const { manifest, bytes } = secondModel(id);
    return path.endsWith('manifest.json') ? new TextEncoder().encode(JSON.stringify({ models: [manifest] })) : bytes;
  }
}

let models: GatewayModels;
let gateway: FakeGateway;
let nowMs = 0;

/** `mib`: room for so many models, as each of these small ones counts as a MiB. */
function start(mib: number): void {
  gateway = new FakeGateway();
  models = new GatewayModels({ files: gateway, weightsMaxMib: mib, nowMs: () => nowMs });
}
afterEach(() => models.close());

const use = async (id: string) => {
  const used = await models.use(id);
  if (!used.ok) throw new Error(used.error.message);
  return used.value;
};
const loadedBy = (id: string) => gateway.reads.filter((path) => path === `${id}/manifest.json`).length;
const heldNames = () =>
  models
    .held()
    .map(({ model }) => model)
    .toSorted();

describe('[P110] the models of an agent', () => {
  it('stay when nothing uses them, and are loaded once however many ask at a time', async () => {
    start(4);
    const [first, second] = await Promise.all([use('a'), use('a')]);
    expect(second.answerer).toBe(first.answerer);
    await first.release();
    await first.release();
    expect(models.held()).toEqual([{ model: 'a', memoryMib: 1, loadMs: 0, inUse: true }]);
    await second.release();
    expect(models.held()).toMatchObject([{ model: 'a', inUse: false }]);
    await (await use('a')).release();
    expect(loadedBy('a')).toBe(1);
  });

  it('[M98] answer lines that call a version as the job does, and no others', async () => {
    start(4);
    const { version } = secondModel('a').manifest;
    for (const [id, other] of [
      ['a', 'b'],
      [`a@${version}`, `a@${version}0`],
    ] as const) {
      const used = await use(id);
      const lines = [id, other].map((model) =>
        JSON.stringify({ custom_id: model, method: 'POST', url: '/v1/embeddings', body: { model, input: 'word' } }),
      );
      const answers = await used.answerer.answer(lines, 'att', 0, 'job');
      expect(
        answers.map(({ failed }) => failed),
        id,
      ).toEqual([false, true]);
      await used.release();
    }
    const none = async () => ({ ok: false }) as never;
    const aliased = await models.use('words', { find: async () => ({ deployed: 'a' }), download: none });
    const line = JSON.stringify({ custom_id: '1', method: 'POST', url: '/v1/embeddings', body: { model: 'words', input: 'word' } });
    expect(aliased.ok && (await aliased.value.answerer.answer([line], 'att', 0, 'job')).map(({ failed }) => failed)).toEqual([false]);
    expect(heldNames()).toEqual(['a', `a@${version}`, 'words']);
    expect(await models.use(`a@${version}0`)).toMatchObject({ error: { code: 'model_not_found' } });
  });

  it('are forgotten on an order, unless they are in use, and loaded again when they are needed', async () => {
    start(4);
    await (await use('a')).release();
    const busy = await use('b');
    await models.unload(['a', 'b', 'unknown']);
    expect(heldNames()).toEqual(['b']);
    await busy.release();
    await use('a');
    expect(loadedBy('a')).toBe(2);
  });

  it('leave by cost where the room is short, and one that is larger than all of it stays while it is in use', async () => {
    start(2);
    for (const [id, ms] of [
      ['dear', 900],
      ['cheap', 5],
    ] as const) {
      const loading = models.use(id);
      nowMs += ms;
      const used = await loading;
      if (used.ok) await used.value.release();
    }
    expect(models.held().map(({ model, loadMs }) => [model, loadMs])).toEqual([
      ['dear', 900],
      ['cheap', 5],
    ]);
    const other = await use('other');
    expect(heldNames()).toEqual(['dear', 'other']);
    await other.release();
    start(0);
    const alone = await use('alone');
    expect(heldNames()).toEqual(['alone']);
    expect(await alone.answerer.answer(['{"id":"1","text":"one two"}'], 'x', 0, 'job')).toMatchObject([{ failed: false }]);
    await alone.release();
    expect(heldNames()).toEqual([]);
  });

  it('that cannot be loaded are refused, and tried again by the next', async () => {
    start(4);
    expect(await models.use('absent')).toMatchObject({ ok: false, error: { code: 'model_not_found' } });
    const broken = new GatewayModels({
      files: { read: async (path) => (path.endsWith('.json') ? gateway.read(path) : new Uint8Array(3)) },
    });
    expect(await broken.use('a')).toMatchObject({ ok: false, error: { code: 'unavailable' } });
    expect(broken.held()).toEqual([]);
  });
});
