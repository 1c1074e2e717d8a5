import { GUARDRAIL_LIMITS } from '../../../src/contract/guardrails/guardrail-limits.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { PROMPT_LIMITS } from '../../../src/contract/prompts/prompt-limits.ts';
import { ROUTE_LIMITS } from '../../../src/contract/routes/route-limits.ts';
import type { ApiAnswer, ApiClient } from '../../support/deployment/api-client.ts';
import { promoteModel, registerModel } from '../../support/deployment/register-model.ts';
import { encodeModel, floats, modelOf, node, port } from '../../support/models/bert-graph.ts';
import type { AnsweringUpstream } from './answering-upstream.ts';

/** One kind of call that costs its tenant's neighbours the most that is accepted of it. */
export interface DearCall {
  readonly kind: string;
  /** Of one call, before it. */
  readonly prepare?: () => Promise<void>;
  readonly call: () => Promise<ApiAnswer>;
}

interface DearParts {
  readonly client: ApiClient;
  readonly upstream: AnsweringUpstream;
  /** A route whose hooks these are, by its name once isolates know it. */
  readonly routeWith: (client: ApiClient, name: string, hooks: readonly object[], more?: object) => Promise<string>;
  /** Rows of the index that is filtered. */
  readonly rows: number;
}

const KIB = 1024;
const chat = (client: ApiClient, model: string, content: string, more: object = {}) =>
  client.post('/v1/chat/completions', { model, messages: [{ role: 'user', content }], ...more });

const patterns = (list: readonly string[], count: number, on = 'both') =>
  Array.from({ length: count }, (_, at) => ({ kind: 'patterns', name: `p${at}`, on, patterns: list, action: 'mask' }));

/** Each looks for a match from every character on, to the end of the text or of its program. */
const WIDE = String.raw`(?:a?){100}b`;
const LOOKING_ON = String.raw`a.*b|a`;

/** Hooks on requests and answers. */
export async function guardedCalls({ client, upstream, routeWith }: DearParts): Promise<DearCall[]> {
  const route = (name: string, hooks: readonly object[]) => routeWith(client, name, hooks);
  const text = 'a'.repeat(32 * KIB);
  const flag = { kind: 'json-schema', name: 's', action: 'flag' };
  const [backtracking, wide, pii, unique, deep, choices, tokens] = [
    await route('backtracking', patterns([LOOKING_ON], GUARDRAIL_LIMITS.guardrailHooksMaxCount, 'request')),
    await route('wide', patterns([WIDE], GUARDRAIL_LIMITS.guardrailHooksMaxCount, 'request')),
    await route('pii', [{ kind: 'pii', name: 'pii', on: 'request', action: 'mask' }]),
    await route('unique', [{ ...flag, schema: { uniqueItems: true } }]),
    await route('deep', [{ ...flag, schema: deepSchema() }]),
    await route('choices', patterns(['b'], 1, 'answer')),
    await route('tokens', patterns([LOOKING_ON, WIDE], GUARDRAIL_LIMITS.guardrailHooksMaxCount, 'answer')),
  ];
  const streamed = (model: string) => chat(client, model, 'hello', { stream: true });
  const distinct = JSON.stringify(Array.from({ length: 30_000 }, (_, at) => at));
  return [
    { kind: '16 patterns that look on, 32 KiB', call: () => chat(client, backtracking, text) },
    { kind: '16 wide patterns, 32 KiB', call: () => chat(client, wide, text) },
    { kind: 'personal data in 7 MiB', call: () => chat(client, pii, 'a.'.repeat(3.5 * KIB * KIB)) },
    { kind: 'uniqueItems, 180 KB', prepare: async () => upstream.answers('m', distinct), call: () => chat(client, unique, 'hello') },
    {
      kind: 'a schema of 4,000, 1 MB',
      prepare: async () => upstream.answers('m', JSON.stringify(Array.from({ length: 100_000 }, () => 'abcdefg'))),
      call: () => chat(client, deep, 'hello'),
    },
    {
      kind: 'a stream of 20,000 choices',
      prepare: async () =>
        upstream.answers(
          'm',
          Array.from({ length: 20_000 }, (_, index) => ({ choices: [{ index, delta: { content: 'a' }, finish_reason: null }] })),
        ),
      call: () => streamed(choices),
    },
    {
      kind: '10,000 tokens under 32 patterns',
      prepare: async () =>
        upstream.answers(
          'm',
          Array.from({ length: 10_000 }, () => ({ choices: [{ index: 0, delta: { content: 'aaaa' }, finish_reason: null }] })),
        ),
      call: () => streamed(tokens),
    },
  ];
}

/** As many schemas as one may come to, all of which are looked at for each item. */
function deepSchema(): object {
  const $defs: Record<string, object> = { d0: { maxLength: 9 } };
  for (let level = 1; level <= 9; level += 1)
    $defs[`d${level}`] = { allOf: [{ $ref: `#/$defs/d${level - 1}` }, { $ref: `#/$defs/d${level - 1}` }] };
  return { $defs, items: { $ref: '#/$defs/d9' } };
}

/** Prompts, routes, filters and graphs. */
export async function otherCalls(parts: DearParts): Promise<DearCall[]> {
  const { client, upstream, routeWith, rows } = parts;
  const variables = Object.fromEntries(
    ['a', 'b', 'c'].map((name) => [name, { chars_max: PROMPT_LIMITS.promptValueCharsMax, escape: 'xml' }]),
  );
  const content = '{{a}}{{b}}{{c}}';
  await client.post('/v1/prompts', { name: 'long', messages: [{ role: 'user', content }], variables });
  const values = Object.fromEntries(['a', 'b', 'c'].map((name) => [name, '&'.repeat(60_000)]));
  const rules = Array.from({ length: ROUTE_LIMITS.routeRulesMaxCount }, (_, at) => ({
    name: `r${at}`,
    when: { all: [{ not: { metadata: { [`k${at}`]: { exists: true } } } }, { prompt_bytes: { gte: 10_000_000 + at } }] },
    use: { kind: 'refuse', message: 'no' },
  }));
  const ruled = await routeWith(client, 'ruled', [], { rules });
  await fillIndex(client, rows);
  const graph = await registeredGraph(client);
  const crowd = { vector: [1, 0, 0, 0], top_k: 10, filter: { $or: Array.from({ length: 15 }, (_, at) => ({ [`p${at}`]: { $gte: 0 } })) } };
  return [
    { kind: 'a prompt of 900,000 characters', call: () => client.post('/v1/prompts/long/render', { variables: values }) },
    { kind: 'a route of 64 rules', prepare: async () => upstream.answers('m', 'fine'), call: () => chat(client, ruled, 'hello') },
    { kind: `15 conditions, ${rows} crowded vectors`, call: () => client.post('/v1/indexes/crowded/query', crowd) },
    {
      kind: `a graph of ${MODEL_LIMITS.runBoundMsMax} ms by its bound`,
      call: () =>
        client.post(`/v2/models/${graph}/infer`, {
          inputs: [{ name: 'x', shape: [64, SIDE], datatype: 'FP32', data: Array.from({ length: 64 * SIDE }, () => 1) }],
        }),
    },
  ];
}

/** Vectors of more properties than are indexed: each filter reads their metadata. */
async function fillIndex(client: ApiClient, rows: number): Promise<void> {
  await client.post('/v1/indexes', { name: 'crowded', owner: 'bench', dimensions: 4, metric: 'cosine' });
  for (let from = 0; from < rows; from += 500) {
    const vectors = Array.from({ length: 500 }, (_, at) => ({
      id: `v${from + at}`,
      values: [1, from + at, 2, 3],
      metadata: Object.fromEntries(Array.from({ length: 80 }, (__, n) => [`p${n}`, from + at + n])),
    }));
    const { status, body } = await client.post('/v1/indexes/crowded/upsert', { vectors });
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
}

const SIDE = 512;
/** Products, so many that one of 64 rows is bounded by a little less than a run may take. */
const PRODUCTS = 70;

async function registeredGraph(client: ApiClient): Promise<string> {
  const graph = modelOf({
    node: Array.from({ length: PRODUCTS }, (_, i) => node('MatMul', [i === 0 ? 'x' : `${i}`, 'w'], i === PRODUCTS - 1 ? 'y' : `${i + 1}`)),
    initializer: [floats('w', [SIDE, SIDE], new Float32Array(SIDE * SIDE))],
    input: [port('x', 1, ['n', SIDE])],
    output: [port('y', 1, ['n', SIDE])],
  });
  const folder = new Map([['model.onnx', encodeModel(graph)]]);
  await promoteModel(client, 'dear', await registerModel(client, 'dear', folder, { task: 'graph', graph: 'model.onnx' }));
  return 'dear';
}
