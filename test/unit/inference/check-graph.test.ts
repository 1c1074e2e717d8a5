import { describe, expect, it } from 'vitest';

import { paramOf } from '../../../src/contract/api/errors.ts';
import { MODEL_LIMITS } from '../../../src/contract/models/model-limits.ts';
import { checkGraph } from '../../../src/inference/onnx/check-graph.ts';
import { detachWeights } from '../../../src/inference/onnx/detach-weights.ts';
import { readOnnxGraph } from '../../../src/inference/onnx/onnx-graph.ts';
import { hasOperator, runtimeOperators } from '../../../src/inference/onnx/runtime-operators.ts';
import { agentOnnx } from '../../../workers/agent/agent-onnx.ts';
import { bertModel, encodeModel, floats, integers, modelOf, node, port } from '../../support/models/bert-graph.ts';
import { bertWeights, SMALL_BERT } from '../../support/models/bert-weights.ts';

const FLOAT = 1;
type Model = ReturnType<typeof modelOf>;
type Graph = Parameters<typeof modelOf>[0];

const ports = { input: [port('x', FLOAT, ['n'])], output: [port('y', FLOAT, ['n'])] };
const relu = node('Relu', ['x'], 'y');
const files = [
  { path: 'onnx/model.onnx', bytes: 1_000 },
  { path: 'onnx/model.onnx_data', bytes: 64 },
];

function verdictOf(model: Model, more: Uint8Array<ArrayBuffer> = new Uint8Array(0)): string {
  const encoded = encodeModel(model);
  const graph = readOnnxGraph(new Uint8Array([...encoded, ...more]), ['graph']);
  const checked = graph.ok ? checkGraph(graph.value, { path: 'onnx/model.onnx', files, at: ['graph'] }) : graph;
  return checked.ok ? 'passes' : `${checked.error.code} ${paramOf(checked.error)}: ${checked.error.message}`;
}

const verdict = (graph: Graph) => verdictOf(modelOf({ ...ports, ...graph }));

const external = (location: string, offset = 0, bytes = 64) => ({
  name: 'w',
  dataType: FLOAT,
  dims: [16],
  dataLocation: 1,
  externalData: [
    { key: 'location', value: location },
    { key: 'offset', value: String(offset) },
    { key: 'length', value: String(bytes) },
  ],
});
const withConstant = (tensor: object): Graph => ({ node: [node('Add', ['x', 'w'], 'y')], initializer: [tensor] });

describe('a graph', () => {
  it('[M50] is read with its operators, ports and constants, those of an encoder as well', () => {
    const model = bertModel(SMALL_BERT, bertWeights(SMALL_BERT, 1));
    const read = readOnnxGraph(encodeModel(model), []);
    if (!read.ok) throw new Error(read.error.message);
    const graph = model.graph!;
    expect(read.value.nodes.map(({ operator, inputs, outputs }) => [operator, inputs, outputs])).toEqual(
      graph.node!.map(({ opType, input, output }) => [opType, input, output]),
    );
    expect(read.value.initialisers.map(({ name, dims }) => [name, dims])).toEqual(graph.initializer!.map(({ name, dims }) => [name, dims]));
    expect(read.value.inputs).toEqual(
      ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({ name, dataType: 7, shape: ['batch', 'sequence'] })),
    );
    expect(read.value.outputs).toEqual([{ name: 'last_hidden_state', dataType: 1, shape: ['batch', 'sequence', 16] }]);
    expect(read.value.opsets).toEqual(new Map([['', 17]]));
    expect(verdictOf(model)).toBe('passes');
  });

  it('[M50] is bounded in nodes, constants and depth, and says one thing once', () => {
    const chain = Array.from({ length: MODEL_LIMITS.graphNodesMaxCount + 1 }, (_, i) => node('Relu', [i === 0 ? 'x' : `${i}`], `${i + 1}`));
    expect(verdict({ node: chain })).toContain('(graphNodesMaxCount)');
    const constants = Array.from({ length: MODEL_LIMITS.graphTensorsMaxCount + 1 }, (_, i) => integers(`${i}`, []));
    expect(verdict({ node: [relu], initializer: constants })).toContain('(graphTensorsMaxCount)');
    let branch: object = { node: [relu] };
    for (let depth = 0; depth <= MODEL_LIMITS.graphDepthMax; depth += 1)
      branch = { node: [{ ...relu, opType: 'If', attribute: [{ name: 'then_branch', g: branch }] }] };
    expect(verdict(branch)).toContain('(graphDepthMax)');
    expect(verdictOf(modelOf({ ...ports, node: [relu] }), encodeModel({ graph: { node: [relu] } }))).toContain('a second graph');
    expect(verdictOf({ ...modelOf({ ...ports, node: [relu] }), opsetImport: [] })).toContain('opset_import');
    const later = MODEL_LIMITS.graphOpsetMax + 1;
    expect(verdictOf({ ...modelOf({ ...ports, node: [relu] }), opsetImport: [{ domain: '', version: later }] })).toContain(
      '(graphOpsetMax)',
    );
  });

  it.each([
    ['NoSuchOperator', ''],
    ['Loop', ''],
    ['Scan', ''],
    ['Relu', 'org.example'],
    ['BeamSearch', 'com.microsoft'],
  ])('[M51] with %s of the domain "%s" is refused by its name', (opType, domain) => {
    const named = domain === '' ? opType : `${domain}.${opType}`;
    expect(verdict({ node: [{ ...relu, opType, domain }] })).toBe(
      `invalid_value graph: has the operator "${named}", which the runtime does not support`,
    );
    const inBranch = { ...relu, opType: 'If', attribute: [{ name: 'then_branch', g: { node: [{ ...relu, opType, domain }] } }] };
    expect(verdict({ node: [inBranch] })).toContain('does not support');
  });

  it('[M52] with a cycle, a missing value or a value made twice is refused by that', () => {
    expect(verdict({ node: [relu] })).toBe('passes');
    // In any order: the runtime sorts.
    expect(verdict({ node: [node('Relu', ['a'], 'y'), node('Relu', ['x'], 'a')] })).toBe('passes');
    expect(verdict({ node: [node('Add', ['x', 'b'], 'a'), node('Relu', ['a'], 'b'), node('Relu', ['b'], 'y')] })).toContain(
      'has a cycle through the Add that makes "a"',
    );
    expect(verdict({ node: [node('Add', ['x', 'none'], 'y')] })).toContain('uses the value "none", which nothing makes');
    expect(verdict({ node: [relu, node('Sqrt', ['x'], 'y')] })).toContain('makes the value "y" twice');
    expect(verdict({ node: [node('Relu', ['x'], 'z')] })).toContain('answers the value "y", which nothing makes');
    const branch = (g: object) => ({ ...relu, opType: 'If', input: ['x'], attribute: [{ name: 'then_branch', g }] });
    const use = (name: string) => ({ node: [node('Relu', [name], 'inner')], output: [{ name: 'inner' }] });
    expect(verdict({ node: [branch(use('x'))] })).toBe('passes');
    expect(verdict({ node: [branch(use('none'))] })).toContain('uses the value "none"');
    expect(verdict({ node: [branch(use('later')), node('Relu', ['y'], 'later')] })).toContain('has a cycle');
  });

  it.each([
    ['negative dimensions', { name: 'w', dataType: FLOAT, dims: [-1], rawData: new Uint8Array(4) }, 'unknown type or with a negative'],
    ['no known type', { name: 'w', dataType: 99, dims: [1], rawData: new Uint8Array(4) }, 'unknown type or with a negative'],
    ['fewer bytes than it says', { name: 'w', dataType: FLOAT, dims: [2], rawData: new Uint8Array(4) }, 'of 8 bytes, but holds 4 of it'],
    ['more bytes than it says', { name: 'w', dataType: FLOAT, dims: [1], rawData: new Uint8Array(8) }, 'of 4 bytes, but holds 8 of it'],
    ['a product past any memory', { name: 'w', dataType: FLOAT, dims: [65_536, 65_536, 65_536, 65_536] }, '(graphBytesMax)'],
    ['fewer numbers than it says', { name: 'w', dataType: FLOAT, dims: [1_000], floatData: [1, 2] }, 'of 1000 numbers, but holds fewer'],
    ['nine dimensions', { name: 'w', dataType: FLOAT, dims: [1, 1, 1, 1, 1, 1, 1, 1, 1], floatData: [1] }, 'more than 8 dimensions'],
  ])('[M53] with a constant of %s is refused', (_, tensor, expected) => {
    expect(verdict(withConstant(tensor))).toContain(expected);
  });

  it('[M53] keeps constants in files of its folder alone, within their length', () => {
    for (const location of ['model.onnx_data', './model.onnx_data']) expect(verdict(withConstant(external(location)))).toBe('passes');
    for (const location of ['../secret', '/etc/passwd', 'a/../../b', 'C:\\x', 'file:///etc/passwd', '', 'a//b', 'model.onnx_data\0x', '..'])
      expect(verdict(withConstant(external(location)))).toContain('outside of its folder');
    expect(verdict(withConstant(external('other.bin')))).toContain('which is not among the files');
    expect(verdict(withConstant(external('model.onnx_data', 4)))).toContain('does not hold as many where it points');
    expect(verdict(withConstant(external('model.onnx_data', -4)))).toContain('does not hold as many');
    expect(verdict(withConstant(external('model.onnx_data', 0, 32)))).toContain('does not hold as many');
    expect(verdict({ node: [{ ...relu, attribute: [{ name: 'value', t: external('model.onnx_data') }] }] })).toContain('of a node');
  });

  it('[M54] has its large constants outside when it is loaded, and answers the same', async () => {
    const values = Float32Array.from({ length: 4_096 }, (_, i) => i);
    const file = encodeModel(modelOf({ ...ports, ...withConstant(floats('w', [4_096], values)) }));
    const { graph, external: outside } = detachWeights({ graph: file, external: new Map() });
    expect(graph.length).toBeLessThan(400);
    expect([...outside.values()]).toEqual([file]);
    const { start } = await agentOnnx(1, 'wasm');
    const runner = await start({ graph: file, external: new Map() });
    if (!runner.ok) throw new Error(runner.error.message);
    const answer = await runner.value.run([{ name: 'x', type: 'float32', shape: [1], data: Float32Array.of(1) }], ['y']);
    expect(answer.ok && [...(answer.value[0]!.data as Float32Array)]).toEqual([...values].map((x) => x + 1));
  });
});

it('[M51] the list of operators is of those that the runtime knows, and of no others', async () => {
  const { start } = await agentOnnx(1, 'wasm');
  const reasonOf = async (domain: string, opType: string): Promise<string> => {
    const opsets = [
      { domain: '', version: ['Upsample', 'Scatter'].includes(opType) ? 9 : 24 },
      { domain: 'com.microsoft', version: 1 },
      { domain: 'ai.onnx.ml', version: 4 },
    ];
    const model = { ...modelOf({ node: [{ opType, domain, output: ['y'] }], output: [{ name: 'y' }] }), opsetImport: opsets };
    const started = await start({ graph: encodeModel(model), external: new Map() });
    return started.ok ? '' : started.error.message;
  };
  const unknown: string[] = [];
  for (const [domain, name] of runtimeOperators())
    if (/No Op registered|not a registered/.test(await reasonOf(domain, name))) unknown.push(`${domain}.${name}`);
  expect(unknown).toEqual([]);
  expect(runtimeOperators().length).toBeGreaterThan(250);
  for (const name of ['NoSuchOperator', 'CumProd']) {
    expect(hasOperator('', name)).toBe(false);
    expect(await reasonOf('', name)).toMatch(/No Op registered/);
  }
});
