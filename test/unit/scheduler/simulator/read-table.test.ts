import { describe, expect, it } from 'vitest';
import { readOpenb } from '../../../../src/scheduler/simulator/openb/read-openb.ts';
import { anyText, decimal, optional, someText, wholeNumber, readTable } from '../../../../src/scheduler/simulator/table/read-table.ts';
import { syntheticOpenb } from '../../../support/fixtures/synthetic-openb.ts';

const COLUMNS = { id: someText, size: wholeNumber(0, 10), share: decimal(0, 1), note: optional(anyText, 'none') };
const read = (text: string) => readTable({ name: 'jobs.csv', text }, COLUMNS);

describe('[PL21] tables', () => {
  it('are read by the names of their columns, quoted or not, in any order', () => {
    const text = '\uFEFFshare,more,id,size\r\n0.25,"a, ""b""",x,3\r\n1e-1,,"y, z",10\r\n\r\n';
    expect(read(text)).toEqual({
      ok: true,
      value: [
        { line: 2, id: 'x', size: 3, share: 0.25, note: 'none' },
        { line: 3, id: 'y, z', size: 10, share: 0.1, note: 'none' },
      ],
    });
    expect(read('id,size,share,note\na,0,0,b')).toEqual({ ok: true, value: [{ line: 2, id: 'a', size: 0, share: 0, note: 'b' }] });
  });

  it.each([
    ['', 'jobs.csv line 1: there is no column id'],
    ['id,size\n', 'jobs.csv line 1: there is no column share'],
    ['id,size,share\nx,3,0.5\ny,4\n', 'jobs.csv line 3: 2 fields where line 1 names 3 columns'],
    ['id,size,share\nx,11,0.5\n', 'jobs.csv line 2 column size: "11" is not a whole number from 0 to 10'],
    ['id,size,share\nx,-1,0.5\n', 'jobs.csv line 2 column size: "-1" is not a whole number from 0 to 10'],
    ['id,size,share\nx,1.0,0.5\n', 'jobs.csv line 2 column size: "1.0" is not a whole number from 0 to 10'],
    ['id,size,share\nx,,0.5\n', 'jobs.csv line 2 column size: "" is not a whole number from 0 to 10'],
    ['id,size,share\nx,1,0x1\n', 'jobs.csv line 2 column share: "0x1" is not a number from 0 to 1'],
    ['id,size,share\n,1,1\n', 'jobs.csv line 2 column id: "" is not a name'],
    ['id,size,share\n"x,1,1\n', 'jobs.csv line 2 has a quoted field that does not end'],
    [`id,size,share\nx,${'9'.repeat(50)},1\n`, `jobs.csv line 2 column size: "${'9'.repeat(40)}..." is not a whole number from 0 to 10`],
  ])('%j is refused: %s', (text, message) => {
    expect(read(text)).toMatchObject({ ok: false, error: { code: 'invalid_value', message } });
  });
});

describe('[PL21] openb traces', () => {
  const { nodes, pods } = syntheticOpenb(1, 3);
  const twice = { ...nodes, text: `${nodes.text}node-0000,1,1,1,G2\n` };
  const pod = (line: string) => ({ name: 'pods.csv', text: `name,cpu_milli,memory_mib,num_gpu,gpu_milli\n${line}\n` });

  it.each([
    [twice, pods, 'nodes.csv line 40 column sn: "node-0000" was named before'],
    [{ ...nodes, text: 'sn,cpu_milli,memory_mib,gpu,model\na,1,1,2,\n' }, pods, 'nodes.csv line 2 column model: "" is not a name'],
    [{ ...nodes, text: 'sn,cpu_milli,memory_mib,gpu,model\na,1,1,0,\n' }, pods, 'nodes.csv: no node has a GPU'],
    [{ ...nodes, text: 'sn,cpu_milli,memory_mib,gpu,model\na,1,1,17,G2\n' }, pods, 'column gpu: "17" is not a whole number from 0 to 16'],
    [nodes, pod('a,1000,1,0,0'), 'pods.csv: no pod asks for a GPU'],
    [nodes, pod('a,1000,1,1,0'), 'pods.csv line 2 column gpu_milli: "0" is not what one of 1 GPUs gives'],
    [nodes, pod('a,1000,1,1,1001'), 'column gpu_milli: "1001" is not a whole number from 0 to 1000'],
  ])('%# is refused: %s', (nodesFile, podsFile, message) => {
    const outcome = readOpenb(nodesFile, podsFile);
    expect(outcome.ok ? '' : outcome.error.message).toContain(message);
  });

  it('need no column gpu_spec, and merge jobs that ask for the same', () => {
    const outcome = readOpenb(nodes, pod('b,1000,1,1,500\na,1000,1,0,0\nc,1000,1,1,500'));
    expect(outcome).toMatchObject({ ok: true, value: { pods: [0, 1, 1], shapes: [{ weight: 1 }, { weight: 2 }] } });
  });
});
